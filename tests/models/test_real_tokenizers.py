"""Tokenizers of real models, if `make tokenizers` has fetched them: control tokens, image tokens, questions, stop tokens.

Expected ids are those that the models' configurations and cards state; they were not read from these files.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from real_tokenizers import PACKAGES, folder
from transformers import LlavaConfig

from lmms_vg.models.fields import control_marks
from lmms_vg.models.prompts import IMAGE, expand, neutralise, question_span, tokenise
from lmms_vg.models.tokenizer import load_tokenizer

pytestmark = pytest.mark.slow

QUESTION = "Is there a 3.5 cm mass in the left lung (T2-weighted, 1.5T)?"

#: Tokenizer -> control token -> its id.
IDS = {
    "gemma3": {
        "<eos>": 1,
        "<bos>": 2,
        "<start_of_turn>": 105,
        "<end_of_turn>": 106,
        "<start_of_image>": 255_999,
        "<end_of_image>": 256_000,
        "<image_soft_token>": 262_144,
    },
    "qwen3": {
        "<|endoftext|>": 151_643,
        "<|im_start|>": 151_644,
        "<|im_end|>": 151_645,
        "<|vision_start|>": 151_652,
        "<|vision_end|>": 151_653,
        "<|image_pad|>": 151_655,
    },
    "llama3": {"<|begin_of_text|>": 128_000, "<|end_of_text|>": 128_001, "<|eot_id|>": 128_009},
    "mistral": {"<unk>": 0, "<s>": 1, "</s>": 2, IMAGE: 32_000},
    "mistral_json": {"<unk>": 0, "<s>": 1, "</s>": 2, IMAGE: 32_000},
}
#: Tokenizer -> tokens that end an answer.
STOPS = {
    "gemma3": ["<end_of_turn>", "<eos>"],
    "qwen3": ["<|im_end|>", "<|endoftext|>"],
    "llama3": ["<|eot_id|>", "<|end_of_text|>"],
    "mistral": ["</s>"],
    "mistral_json": ["</s>"],
}
#: Tokenizer -> the mark that stands for the tokens of an image in its own family's prompts.
MARKS = {"gemma3": "<image_soft_token>", "qwen3": "<|image_pad|>", "mistral": IMAGE, "mistral_json": IMAGE}
#: Tokenizer -> text before and after a question about an image; the image's mark stands in the first one.
TURNS = {
    "gemma3": (
        f"<bos><start_of_turn>user\n\n\n<start_of_image>{IMAGE}<end_of_image>\n\n",
        "<end_of_turn>\n<start_of_turn>model\n",
    ),
    "qwen3": (
        f"<|im_start|>user\n<|vision_start|>{IMAGE}<|vision_end|>",
        "<|im_end|>\n<|im_start|>assistant\n",
    ),
    "mistral": (f"<s>[INST] {IMAGE}\n", " [/INST]"),
    "mistral_json": (f"<s>[INST] {IMAGE}\n", " [/INST]"),
}


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """Load a tokenizer by name, each once."""

    @cache
    def loaded(name: str) -> Any:
        place = folder(name)
        if not (place / "tokenizer_config.json").is_file():  # without it transformers adds no mark that begins a text
            place = shutil.copytree(place, tmp_path_factory.mktemp("tokenizer") / name)
            stated = {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "legacy": True}
            (place / "tokenizer_config.json").write_text(json.dumps(stated))
        return load_tokenizer(str(place), None, LlavaConfig())

    return loaded


def test_every_package_is_tested() -> None:
    assert IDS.keys() == STOPS.keys() == PACKAGES.keys()


@pytest.mark.parametrize("name", IDS)
def test_control_tokens_have_the_ids_of_their_models(load: Callable[[str], Any], name: str) -> None:
    made = load(name)
    assert made.is_fast
    assert {mark: made.convert_tokens_to_ids(mark) for mark in IDS[name]} == IDS[name]
    for mark, id in IDS[name].items():
        assert tokenise(made, f"a{mark}b", begin_of_text=False).ids.count(id) == 1


@pytest.mark.parametrize("name", MARKS)
def test_an_image_mark_becomes_as_many_tokens_as_the_image_has(load: Callable[[str], Any], name: str) -> None:
    made, mark = load(name), MARKS[name]
    id = made.convert_tokens_to_ids(mark)
    text = f"{mark}{mark} {QUESTION}"
    tokens = tokenise(made, text, begin_of_text=False)
    repeated, starts = expand(tokens, id, [256, 3])
    assert repeated.ids.count(id) == 259
    assert [repeated.ids[start] for start in starts] == [id, id]
    assert starts[1] - starts[0] >= 256
    assert [one for one in repeated.ids if one != id] == [one for one in tokens.ids if one != id]
    assert {text[a:b] for one, (a, b) in zip(repeated.ids, repeated.spans, strict=True) if one == id} == {mark}


@pytest.mark.parametrize("name", IDS)
def test_no_control_mark_of_a_question_is_one(load: Callable[[str], Any], name: str) -> None:
    """Alone, inside a word, one upon another, and with a mark around a mark."""
    made = load(name)
    marks = control_marks(made)
    ids = {made.convert_tokens_to_ids(mark) for mark in marks}
    assert len(ids) == len(marks)
    joined = "".join(marks)
    nested = [f"{outer[0]}{inner}{outer[1:]}" for outer in marks[:20] for inner in marks[:20]]
    for text in (*marks, *(f"a{mark}b" for mark in marks), joined, *nested):
        assert ids & {*tokenise(made, text, begin_of_text=False).ids}, "the text does try"
        assert not ids & {*tokenise(made, neutralise(text, marks), begin_of_text=False).ids}, text
    assert neutralise(QUESTION, marks) == QUESTION


@pytest.mark.parametrize("name", IDS)
def test_stop_tokens_exist_and_are_no_text(load: Callable[[str], Any], name: str) -> None:
    made = load(name)
    for stop in STOPS[name]:
        id = made.convert_tokens_to_ids(stop)
        assert id == IDS[name][stop]
        answer = [*tokenise(made, "Yes", begin_of_text=False).ids, id]
        assert made.decode(answer, skip_special_tokens=True) == "Yes"


@pytest.mark.parametrize("name", TURNS)
def test_the_question_is_found_in_its_prompt(load: Callable[[str], Any], name: str) -> None:
    made = load(name)
    before, after = TURNS[name]
    text = f"{before}{QUESTION}{after}"
    tokens = tokenise(made, text, begin_of_text=True)
    start, stop = question_span(tokens, text, [IMAGE, QUESTION])
    covered = text[tokens.spans[start][0] : tokens.spans[stop - 1][1]]
    assert covered.strip() == QUESTION
    assert not {*tokens.ids[start:stop]} & {made.convert_tokens_to_ids(mark) for mark in control_marks(made)}


@pytest.mark.parametrize("name", ["gemma3", "mistral", "mistral_json"])
def test_text_begins_once(load: Callable[[str], Any], name: str) -> None:
    """Their templates write the mark that begins a text, and their tokenizers add it, too."""
    made = load(name)
    for text in (f"{TURNS[name][0]}{QUESTION}", QUESTION):
        ids = tokenise(made, text, begin_of_text=True).ids
        assert ids[0] == made.bos_token_id
        assert ids.count(made.bos_token_id) == 1


def test_gemmas_newlines_are_one_token(load: Callable[[str], Any]) -> None:
    """So a prompt has to be tokenised as a whole: the template's newline and those around an image become one token."""
    made = load("gemma3")
    whole = tokenise(made, "user\n\n\n<start_of_image>", begin_of_text=False).ids
    parts = [tokenise(made, part, begin_of_text=False).ids for part in ("user\n", "\n\n<start_of_image>")]
    assert len(whole) == sum(map(len, parts)) - 1


def test_two_files_of_one_tokenizer_agree(load: Callable[[str], Any]) -> None:
    """Mistral's sentencepiece model, which transformers converts, and a file that others converted."""
    first, second = load("mistral"), load("mistral_json")
    assert first.get_vocab() == second.get_vocab()
    for text in (QUESTION, f"{TURNS['mistral'][0]}{QUESTION}", "\n\n x  y", "Ödem? 肺 ≥ 3 µm", f"a {IMAGE} b"):
        assert tokenise(first, text, begin_of_text=True).ids == tokenise(second, text, begin_of_text=True).ids
