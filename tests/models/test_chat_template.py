"""Chat templates: which one is used, in which form, and that it is tried before the weights are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tiny
from checkpoints import edit, edited, load

from lmms_vg.models.checkpoint import CheckpointError
from lmms_vg.vision.images import open_picture

QUESTION = "Where is the nodule?"
OPEN = "{% for m in messages %}"
CLOSE = "{% endfor %}{% if add_generation_prompt %} ASSISTANT:{% endif %}"
PARTS = "{% for c in m['content'] %}{{ '<image>\n' if c['type'] == 'image' else c['text'] }}{% endfor %}"

#: Qwen2's and ChatML's templates concatenate strings, so they fail on a list of parts.
CHATML = f"{OPEN}{{{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}}}{CLOSE}"
#: `~` turns anything into a string, even a list of parts.
PRINTED = f"{OPEN}USER: {{{{ m['content'] ~ '' }}}}{CLOSE}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save(tmp_path_factory.mktemp("checkpoint") / "tiny")


def text(folder: Path) -> str:
    return load("llava", folder).prompt([open_picture(tiny.picture()), QUESTION]).text


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (f"{OPEN}A {PARTS}{CLOSE}", f"A <image>\n{QUESTION} ASSISTANT:"),
        (CHATML, f"<|im_start|>user\n<image>\n{QUESTION}<|im_end|>\n ASSISTANT:"),
        (PRINTED, f"USER: <image>\n{QUESTION} ASSISTANT:"),
    ],
    ids=["parts", "string", "printed"],
)
def test_the_form_is_the_one_in_which_image_and_text_come_out(
    folder: Path, tmp_path: Path, template: str, expected: str
) -> None:
    assert text(edited(folder, tmp_path / "c", "tokenizer_config.json", {"chat_template": template})) == expected


@pytest.mark.parametrize(
    ("template", "named"),
    [
        (f"{OPEN}{{{{ m['content'][0]['text'] }}}}{CLOSE}", "0 <image>"),
        (f"{OPEN}<image>{PARTS}{CLOSE}", "2 <image>"),
        (
            f"{OPEN}{{% for c in m['content'] if c['type'] == 'image' %}}<image>{{% endfor %}}{CLOSE}",
            "0 times the text",
        ),
        ("{{ raise_exception('roles must alternate') }}", "roles must alternate"),
        ("{% for m in messages %}", "TemplateSyntaxError"),
        (f"{OPEN}{{{{ m.content.role }}}}{CLOSE}", "0 <image>"),
    ],
)
def test_a_template_that_loses_image_or_text_is_refused_before_the_weights(
    folder: Path, tmp_path: Path, template: str, named: str
) -> None:
    copy = edited(folder, tmp_path / "c", "tokenizer_config.json", {"chat_template": template})
    (copy / "model.safetensors").write_bytes(b"never read")
    with pytest.raises(CheckpointError, match=named) as caught:
        load("llava", copy)
    assert repr(template[:60]) in str(caught.value)


def test_of_several_templates_the_default_is_taken(folder: Path, tmp_path: Path) -> None:
    def stored(name: str) -> list[dict[str, str]]:
        return [
            {"name": "tool_use", "template": "no image"},
            {"name": name, "template": f"{OPEN}B {PARTS}{CLOSE}"},
        ]

    good = edited(folder, tmp_path / "good", "tokenizer_config.json", {"chat_template": stored("default")})
    assert text(good) == f"B <image>\n{QUESTION} ASSISTANT:"
    bad = edited(folder, tmp_path / "bad", "tokenizer_config.json", {"chat_template": stored("rag")})
    with pytest.raises(CheckpointError, match=r"rag, tool_use and none named 'default'"):
        load("llava", bad)


def test_the_processors_template_goes_before_the_tokenizers(folder: Path, tmp_path: Path) -> None:
    """The order is that of transformers: processor_config.json, chat_template.json, chat_template.jinja, the tokenizer's."""
    copy = tmp_path / "c"
    edited(folder, copy, "tokenizer_config.json", {"chat_template": f"{OPEN}4 {PARTS}{CLOSE}"})
    assert text(copy).startswith("4 ")
    (copy / "chat_template.jinja").write_text(f"{OPEN}3 {PARTS}{CLOSE}")
    assert text(copy).startswith("3 ")
    (copy / "chat_template.json").write_text(json.dumps({"chat_template": f"{OPEN}2 {PARTS}{CLOSE}"}))
    assert text(copy).startswith("2 ")
    edit(copy, "processor_config.json", {"chat_template": f"{OPEN}1 {PARTS}{CLOSE}"})
    assert text(copy).startswith("1 ")


def test_huatuo_has_a_prompt_of_its_own(folder: Path, tmp_path: Path) -> None:
    copy = edited(folder, tmp_path / "c", "tokenizer_config.json", {"chat_template": "{{ raise_exception('never') }}"})
    prompt = load("huatuo", copy).prompt([open_picture(tiny.picture()), QUESTION])
    assert prompt.text == f"<|user|>\n<image>\n{QUESTION}\n<|assistant|>\n"


@pytest.mark.parametrize("changes", [{"chat_template": CHATML}, {"clean_up_tokenization_spaces": True}])
def test_what_is_said_around_a_question_is_part_of_the_identity(
    folder: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    before = load("llava", folder).identity()
    after = load("llava", edited(folder, tmp_path / "c", "tokenizer_config.json", changes)).identity()
    assert before.keys() == after.keys()
    assert before != after
