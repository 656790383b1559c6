"""First-token values against stock forward passes, before every cut-off; spellings; and what has no value."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import real_tokenizers
import tiny
import torch
from asking import GOOD, question
from batches import TEXTS, ask, in_full_passes
from checkpoints import load
from transformers import AutoTokenizer

from lmms_vg.attention.batch import Batch
from lmms_vg.attention.interface import install
from lmms_vg.attention.session import Sessions
from lmms_vg.attention.unedited import UneditedRun
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.first_token import ChoiceTokens, first_tokens, unless_thinking
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.journal import FirstToken, Journal, Record, read_records
from lmms_vg.journal.decoding import Decoding
from lmms_vg.methods import Method
from lmms_vg.methods.pai import PAI
from lmms_vg.methods.plain import Plain
from lmms_vg.methods.vcd import VCD
from lmms_vg.models import Family

YES_NO = ("yes", "no")


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    loaded = load("huatuo", tiny.save(tmp_path_factory.mktemp("checkpoint")))
    install(loaded.model)
    return loaded


class Words:
    """A tokenizer with a vocabulary of its own; unknown words fall apart into letters. Id 0 is unknown."""

    unk_token_id = 0

    def __init__(self, *vocabulary: str) -> None:
        letters = [chr(number) for number in range(32, 127)]
        self.vocabulary = ["<unk>", "\n", *letters, *vocabulary]

    def encode(self, text: str, add_special_tokens: bool) -> list[int]:
        assert not add_special_tokens
        ids = []
        while text:
            piece = max((one for one in self.vocabulary if text.startswith(one)), key=len, default="")
            ids.append(self.vocabulary.index(piece) if piece else 0)
            text = text[len(piece) or 1 :]
        return ids

    def found(self, *choices: str) -> list[set[str]]:
        return [{self.vocabulary[token] for token in ids} for ids in ChoiceTokens(self).of(choices)]


def test_spellings_that_are_one_token_count() -> None:
    words = Words("yes", "Yes", " Yes", "no", "No", " no", " nodule")
    assert words.found(*YES_NO) == [{"yes", "Yes", " Yes"}, {"no", "No", " no"}]  # not "Y" of YES, nor "N" of NO


def test_letters_have_one_spelling() -> None:
    assert Words(" A", " B", " a").found("A", "B") == [{"A", " A"}, {"B", " B"}]


def test_answers_of_several_tokens_have_their_first_one() -> None:
    assert Words("left", "Left", "right").found("left lung", "right lung") == [{"left", "Left", "L"}, {"right", "R"}]


def test_what_two_answers_claim_counts_for_neither() -> None:
    words = Words("left", "Left")
    assert words.found("left lung", "left kidney") == [set(), set()]
    assert words.found("left lung", "lower lobe") == [{"left", "Left"}, {"l"}]  # "L" and " " are claimed by both


def test_unknown_words_stand_for_nothing() -> None:
    tokenizer: Any = SimpleNamespace(unk_token_id=0, encode=lambda text, add_special_tokens: [0])
    assert ChoiceTokens(tokenizer).of(("A", "B")) == [[], []]


@pytest.mark.parametrize("name", sorted(real_tokenizers.PACKAGES))
def test_real_tokenizers_tell_yes_from_no_and_letters_apart(name: str) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(real_tokenizers.folder(name))
    for choices in (YES_NO, tuple("ABCDE")):
        for choice, ids in zip(choices, ChoiceTokens(tokenizer).of(choices), strict=True):
            assert len(ids) >= 2, "at the start of a line and of a word"
            assert {tokenizer.decode([token]).strip().lower() for token in ids} == {choice.lower()}


def _expected(logits: torch.Tensor, family: Family, choices: tuple[str, ...] = YES_NO) -> list[float]:
    shares = logits.double().softmax(-1)
    return [float(shares[ids].sum().log()) for ids in ChoiceTokens(family.tokenizer).of(choices)]


@torch.no_grad()
def test_values_are_those_of_stock_forward_passes(family: Family) -> None:
    batch = ask(family)
    found = first_tokens(batch.prefill(), [YES_NO, YES_NO], ChoiceTokens(family.tokenizer))
    for first, prompt in zip(found, batch.layout.prompts, strict=True):
        assert first is not None
        expected = _expected(in_full_passes(family, prompt)[0], family)
        assert list(first.log_p) == list(YES_NO)
        assert list(first.log_p.values()) == pytest.approx(expected, abs=1e-4)
        assert first.mass == pytest.approx(sum(map(math.exp, expected)), abs=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("method", [VCD(beta=1.0), PAI(start=1, end=4, cfg=True, gamma=3)], ids=["vcd", "pai"])
def test_contrasts_count_and_their_cut_off_does_not(family: Family, method: Method) -> None:
    answering = method.prefill(ask(family))
    plain = first_tokens(ask(family).prefill(), [YES_NO] * 2, ChoiceTokens(family.tokenizer))
    found = first_tokens(answering, [YES_NO] * 2, ChoiceTokens(family.tokenizer))
    assert answering.logits.isinf().any(), "the cut-off is at work"
    assert answering.uncut.isfinite().all()
    kept = answering.logits.isfinite()
    assert torch.equal(answering.uncut[kept], answering.logits[kept])
    for row, (first, other) in enumerate(zip(found, plain, strict=True)):
        assert first is not None
        assert first.no_value is None
        assert list(first.log_p.values()) == pytest.approx(_expected(answering.uncut[row], family), abs=1e-4)
        assert first != other


@torch.no_grad()
def test_a_cut_off_inside_a_contrast_is_said(family: Family) -> None:
    answering, other = ask(family).prefill(), ask(family).prefill()
    answering.contrast(other, lambda own, _: own.masked_fill(own < own.amax(-1, keepdim=True), -math.inf))
    found = first_tokens(answering, [YES_NO, ()], ChoiceTokens(family.tokenizer))
    assert found == [FirstToken(no_value="not_finite"), None]


@torch.no_grad()
def test_questions_of_one_batch_may_allow_different_answers(family: Family) -> None:
    answering, tokens = ask(family).prefill(), ChoiceTokens(family.tokenizer)
    first, second = first_tokens(answering, [YES_NO, ("left", "right")], tokens)
    assert first is not None
    assert second is not None
    assert (list(first.log_p), list(second.log_p)) == (["yes", "no"], ["left", "right"])
    shared = first_tokens(answering, [("left lung", "left kidney"), YES_NO], tokens)
    assert shared == [FirstToken(no_value="shared_first_token"), first_tokens(answering, [(), YES_NO], tokens)[1]]
    assert first_tokens(answering, [(), ()], tokens) == [None, None]


def test_models_that_think_first_have_no_value() -> None:
    value, none = FirstToken(log_p={"yes": -1.0, "no": -2.0}, mass=0.5032), FirstToken(no_value="thinks_first")
    assert unless_thinking(value, "Is it?", "Yes") is value
    assert unless_thinking(value, "Is it?", "<think>Well.</think> Yes") == none
    assert unless_thinking(value, "Is it? assistant\n<think>\n", "Well.</think> Yes") == none
    assert unless_thinking(value, "assistant\n<think>\n\n</think>\n\n", "Yes") is value  # told not to think
    assert unless_thinking(value, "Is it?", "\n<Thinking> about") == none
    assert unless_thinking(None, "Is it?", "<think>") is None


def _answers(family: Family, folder: Path, batch_size: int, *choices: tuple[str, ...]) -> list[dict[str, Any]]:
    asked = [
        replace(question(f"q{number}", tiny.picture(1), text), choices=allowed)
        for number, (text, allowed) in enumerate(zip([GOOD, TEXTS[1]], choices, strict=True))
    ]
    answerer = Answerer(family, [MethodRun(Plain(), Journal(folder))], batch_size)
    list(answerer.answer(asked))
    answerer.close()
    return [one.model_dump(exclude={"seconds", "batch"}) for one in read_records([folder / "rank0.jsonl"])]


@pytest.mark.parametrize("batch_size", [1, 2])
def test_the_journal_keeps_them_and_nothing_else_changes(family: Family, batch_size: int, tmp_path: Path) -> None:
    without = _answers(family, tmp_path / "without", batch_size, (), ())
    kept = _answers(family, tmp_path / "with", batch_size, YES_NO, ())
    assert [one | {"first_token": None} for one in kept] == [one | {"first_token": None} for one in without]
    assert kept[0]["first_token"].keys() == {"log_p", "mass"}
    assert "first_token" not in kept[1], "a field that is not used is left out"


def test_no_pass_is_run_for_them(family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []
    for choices in ((), YES_NO):
        runs: list[int] = []
        monkeypatch.setattr(UneditedRun, "leave", _counted(UneditedRun.leave, runs))
        _answers(family, tmp_path / str(len(choices)), 2, choices, choices)
        monkeypatch.undo()
        counts.append(len(runs))
    assert counts[0] == counts[1] > 0


def _counted(function: Any, runs: list[int]) -> Any:
    def counting(*given: Any) -> Any:
        runs.append(1)
        return function(*given)

    return counting


def test_older_records_are_read_as_before() -> None:
    old = {"key": "k", "task": "t", "uid": "u", "text": "yes", "batch": 1}
    record = Record.model_validate(old)
    assert record.first_token is None
    assert "first_token" not in record.model_dump(mode="json")
    new = record.model_copy(update={"first_token": FirstToken(no_value="thinks_first")})
    assert new.model_dump(mode="json")["first_token"] == {"no_value": "thinks_first"}
    assert Record.model_validate(new.model_dump(mode="json")) == new


@pytest.mark.parametrize(
    "wrong",
    [{}, {"log_p": {"yes": -1.0}}, {"mass": 0.5}, {"log_p": {"yes": -1.0}, "mass": 0.4, "no_value": "open_set"}],
)
def test_a_value_or_a_reason(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="either"):
        FirstToken(**wrong)


@torch.no_grad()
def test_penalties_and_temperature_do_not_count(family: Family, tmp_path: Path) -> None:
    asked = replace(question("q", tiny.picture(1), GOOD), choices=YES_NO)
    drawn = replace(asked, decoding=Decoding(max_new_tokens=2, do_sample=True, temperature=3.0, repetition_penalty=1.5))
    values = []
    for number, one in enumerate((asked, drawn)):
        answerer = Answerer(family, [MethodRun(Plain(), Journal(tmp_path / str(number)))])
        ((_, record),) = answerer.answer([one])
        answerer.close()
        values.append(record.first_token)
    assert values[0] == values[1]
    prompt = family.prompt(list(_pictures(asked)))
    expected = Batch.open(Sessions(family), [prompt], [prompt]).prefill()
    assert first_tokens(expected, [YES_NO], ChoiceTokens(family.tokenizer)) == [values[0]]


def _pictures(asked: Any) -> Any:
    from lmms_vg.vision.kept import picture_of

    return [part if isinstance(part, str) else picture_of(part) for part in asked.message()]
