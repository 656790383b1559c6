"""An answer is replayed only under the same circumstances, and a failed batch leaves nothing behind."""

from __future__ import annotations

import gc
import json
import shutil
import weakref
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from asking import GOOD, good, question
from checkpoints import load
from datasets import Dataset
from lmms_eval.api.instance import Instance

from lmms_vg import harness, journal
from lmms_vg.attention.batch import Batch
from lmms_vg.attention.forward_pass import Pass
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.batch_limit import default_batch_size
from lmms_vg.inference.build import build
from lmms_vg.models.checkpoint import shape_of
from lmms_vg.models.llava import Llava
from lmms_vg.vision.images import open_picture


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save(tmp_path_factory.mktemp("checkpoint") / "tiny")


def edit(folder: Path, name: str, **changes: Any) -> None:
    stored = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps({**stored, **changes}))


def ask(folder: Path) -> Answerer:
    answerer = build("huatuo", "plain", pretrained=str(folder))
    assert [record.error for _, record in answerer.answer([good("one")])] == [None]
    return answerer


def test_only_the_same_circumstances_replay_an_answer(checkpoint: Path, tmp_path: Path) -> None:
    """A checkpoint folder edited in place is another model: other pixels, feature layer or tokenizer."""
    folder = tmp_path / "model"
    shutil.copytree(checkpoint, folder)
    assert ask(folder).counts.answered == 1
    assert ask(folder).counts.from_journal == 1
    edit(folder, "preprocessor_config.json", image_mean=[0.1, 0.1, 0.1])
    assert ask(folder).counts.answered == 1
    edit(folder, "config.json", vision_feature_layer=-1)
    assert ask(folder).counts.answered == 1
    stored = (folder / "tokenizer.json").read_text()
    assert '"lowercase"' in stored.lower()
    (folder / "tokenizer.json").write_text(
        stored.replace('{"type": "Lowercase"}', "null").replace('"Lowercase"', '"NFC"')
    )
    assert ask(folder).counts.answered == 1
    assert ask(folder).counts.from_journal == 1


def test_auto_is_the_default_on_cuda_and_is_told_from_any_number(checkpoint: Path) -> None:
    """The journal is named after what was asked for; each record has the batch that it got (`test_batch_limit.py`)."""
    assert [default_batch_size(device) for device in ("cuda", "cuda:1", "cpu", "mps")] == ["auto", "auto", 1, 1]
    journals = [build("huatuo", "plain", pretrained=str(checkpoint), batch_size=size).journal for size in ("auto", 8)]
    assert [one.provenance["batch_size"] for one in journals] == ["auto", 8]
    assert journals[0].folder != journals[1].folder


def test_a_failed_batch_is_gone_before_its_questions_are_asked_again(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a GPU, the questions need this memory."""
    answerer = build("huatuo", "plain", pretrained=str(checkpoint), batch_size=2)
    alive: list[weakref.ref[Batch]] = []
    seen: list[int] = []
    prefill = Batch.prefill

    def limited(self: Batch, *edits: Any) -> Pass:
        gc.collect()
        seen.append(sum(ref() is not None for ref in alive))
        if len(self.layout) > 1:
            alive.append(weakref.ref(self))
            raise torch.OutOfMemoryError("simulated")
        return prefill(self, *edits)

    monkeypatch.setattr(Batch, "prefill", limited)
    records = [record for _, record in answerer.answer([good("one"), question("two", tiny.picture(2), GOOD)])]
    assert [record.error for record in records] == [None, None]
    assert seen == [0, 0, 0]


@pytest.mark.skipif(
    not hasattr(torch, "AcceleratorError"), reason="this torch has no error of its own for a lost device"
)
def test_a_lost_device_ends_the_run(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise every later question would fail within a millisecond, and means would cover only earlier ones."""

    def broken(self: Batch, *edits: Any) -> Pass:
        raise torch.AcceleratorError("device-side assert")

    monkeypatch.setattr(Batch, "prefill", broken)
    with pytest.raises(torch.AcceleratorError):
        list(build("huatuo", "plain", pretrained=str(checkpoint)).answer([good("one"), good("two")]))


def test_offline_a_cached_repository_may_lack_optional_files(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = tmp_path / "hub" / "models--me--tiny" / "snapshots" / "0123abcd"
    shutil.copytree(checkpoint, snapshot)
    (tmp_path / "hub" / "models--me--tiny" / "refs").mkdir()
    (tmp_path / "hub" / "models--me--tiny" / "refs" / "main").write_text("0123abcd")
    for place in ("huggingface_hub.constants.HF_HUB_CACHE", "huggingface_hub.file_download.constants.HF_HUB_CACHE"):
        monkeypatch.setattr(place, str(tmp_path / "hub"))
    assert shape_of("me/tiny").layers == tiny.LAYERS
    assert Llava._chat_template("me/tiny", None, None) is None


def test_a_partly_written_difference_configuration_is_completed(checkpoint: Path, tmp_path: Path) -> None:
    """Hugging Face writes only values that differ from the defaults, so 32 heads are not in the file."""
    folder = tmp_path / "model"
    shutil.copytree(checkpoint, folder)
    stored = json.loads((folder / "config.json").read_text())
    stored["text_config"] = {"model_type": "qwen2", "num_hidden_layers": 7}
    (folder / "config.json").write_text(json.dumps(stored))
    assert (shape_of(str(folder)).layers, shape_of(str(folder)).heads) == (7, 32)


def test_the_question_is_found_where_the_template_puts_it(checkpoint: Path) -> None:
    """The template of llava-1.5 moves images to the front, so all text follows them."""
    family = load("llava", checkpoint)
    assert isinstance(family, Llava)
    family.chat_template = (
        "{% for m in messages %}USER: {% for c in m['content'] if c['type'] == 'image' %}<image>\n{% endfor %}"
        "{% for c in m['content'] if c['type'] == 'text' %}{{ c['text'] }} {% endfor %}{% endfor %}ASSISTANT:"
    )
    picture = open_picture(tiny.picture())
    for message in ([GOOD, picture], [picture, GOOD]):
        prompt = family.prompt(message)
        start, stop = prompt.question
        words = family.tokenizer.convert_ids_to_tokens(prompt.input_ids.tolist())
        assert words[start:stop] == ["where", "is", "the", "nodule", "?"]
    two = family.prompt(["Is the cyst", picture, GOOD])
    start, stop = two.question
    assert stop - start == 8


def test_documents_of_other_tasks_may_have_any_columns(checkpoint: Path) -> None:
    """Other tasks' integer `uid`, `images` that are not URIs and `boxes` of another meaning are ignored."""
    model = harness.huatuo_plain(pretrained=str(checkpoint))
    rows = [{"uid": 0, "images": {"bytes": "x"}, "boxes": [1.0], "question": GOOD}, {"uid": 1, "question": GOOD}]
    model.task_dict = {"foreign": {"test": Dataset.from_list(rows)}}
    content = [{"type": "image", "url": tiny.picture()}, {"type": "text", "text": GOOD}]
    requests = [
        Instance(
            request_type="generate_until",
            arguments=("", lambda doc: [{"role": "user", "content": content}], {"until": []}, i, "foreign", "test"),
            idx=0,
            metadata={"task": "foreign", "doc_id": i, "repeats": 1},
        )
        for i in range(2)
    ]
    assert len(model.generate_until(requests)) == 2
    assert [journal.recall("foreign", f"test/{i}").error for i in range(2)] == [None, None]  # type: ignore[union-attr]
