"""Tests that every method must pass, driven by one table. A method without a row fails."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from asking import GOOD, question
from batches import TEXTS, ask, in_steps
from checkpoints import load
from pixels import pixels_of
from torch import Tensor

from lmms_vg.attention import install
from lmms_vg.attention.batch import Batch
from lmms_vg.attention.interface import NAME, _edits
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.inference.settings import split_arguments
from lmms_vg.journal import Journal
from lmms_vg.journal.decoding import Decoding
from lmms_vg.methods import METHODS, Method
from lmms_vg.methods.plain import Plain
from lmms_vg.methods.vgrefine import VGRefine
from lmms_vg.models import Family
from lmms_vg.models.checkpoint import Shape

SHAPE = Shape("somewhere", tiny.LAYERS, tiny.HEADS, {})
_VGREFINE = {"heads": "2-1+0-3+3-0+2-2+1-1", "layers": 2}

#: Hyper-parameters that act on the tiny model of 5 layers and 4 heads, and what makes them change nothing, if anything does.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any] | None]] = {
    "plain": ({}, {}),
    "vgrefine": (_VGREFINE, {"p": 0}),
    "random_mask": (_VGREFINE, {"p": 0}),
    "inverse_mask": (_VGREFINE, None),
    "oracle_mask": ({"layers": 2}, None),
    "moved_mask": ({"layers": 2}, None),
    "pai": ({"cfg": True}, {"cfg": False, "alpha": 0}),
    "adaptvis": ({}, {"w1": 1, "w2": 1}),
    "scalingvis": ({}, {"weight": 1}),
    "vicrop": ({}, None),
    "vaf": ({"start": 1, "end": 4}, {"enhance": 1, "suppress": 1}),
    "attention_lens": ({"start": 1, "end": 4}, {"alpha": 0}),
    "vcd": ({}, {"alpha": 0}),
}
NAMES = list(METHODS)


def made(name: str, **changes: Any) -> Method:
    return METHODS[name].for_checkpoint(SHAPE, **{**CASES[name][0], **changes})


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    """One kind of text model; each method's own tests use all three."""
    folder = tiny.save(tmp_path_factory.mktemp("tiny") / "qwen2")
    loaded = load("llava", folder)
    install(loaded.model)
    return loaded


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def boxed(family: Family, rows: tuple[int, ...] = (0, 1), **observed: Any) -> Batch:
    """Return the questions `rows` out of two questions of different lengths about two images, with boxes."""
    masks = [np.arange(36).reshape(6, 6) < 9, np.arange(36).reshape(6, 6) > 20]
    texts, seeds = [TEXTS[row] for row in rows], [row + 1 for row in rows]
    return ask(family, texts, seeds, targets=[(masks[row],) for row in rows], **observed)


def test_every_method_is_in_the_table() -> None:
    assert set(METHODS) == set(CASES)


@pytest.mark.parametrize("name", NAMES)
def test_acts(family: Family, name: str) -> None:
    """Otherwise the tests below would show nothing."""
    plain, edited = in_steps(made("plain").prefill(boxed(family))), in_steps(made(name).prefill(boxed(family)))
    different = [not torch.equal(one, other) for one, other in zip(plain, edited, strict=True)]
    assert all(different) == (name != "plain")


@pytest.mark.parametrize("name", [name for name in NAMES if CASES.get(name, (0, 0))[1] is not None])
def test_neutral_is_plain_bit_for_bit(family: Family, name: str) -> None:
    plain = in_steps(made("plain").prefill(boxed(family)))
    neutral = in_steps(made(name, **(CASES[name][1] or {})).prefill(boxed(family)))
    assert all(torch.equal(one, other) for one, other in zip(plain, neutral, strict=True))


def stock_logits(family: Family) -> Tensor:
    prompt = boxed(family).layout.prompts[0]
    return family.model(input_ids=prompt.input_ids[None], pixel_values=pixels_of(prompt)).logits


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_left_behind(family: Family, name: str) -> None:
    before = stock_logits(family)
    in_steps(made(name).prefill(boxed(family)))
    assert _edits.get() == ()
    assert family.model.config.get_text_config()._attn_implementation == NAME
    assert torch.equal(stock_logits(family), before)


@pytest.mark.parametrize("layer", [0, 3])
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_left_behind_by_an_exception(
    family: Family, name: str, layer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failure occurs inside prefill and inside a decode step."""
    before = stock_logits(family)

    def breaks(*_: Any, **__: Any) -> None:
        raise ArithmeticError("in the middle of a layer")

    prefilled, opened = made(name).prefill(boxed(family)), boxed(family)
    with monkeypatch.context() as patch:
        patch.setattr(family.text_model.layers[layer].mlp, "forward", breaks)
        with pytest.raises(ArithmeticError):
            made(name).prefill(opened)
        with pytest.raises(ArithmeticError):
            prefilled.step(torch.tensor([7, 7]))
    assert _edits.get() == ()
    assert family.model.config.get_text_config()._attn_implementation == NAME
    assert not torch.is_grad_enabled()
    assert torch.equal(stock_logits(family), before)


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_equals_one_by_one(family: Family, name: str) -> None:
    together = made(name).prefill(boxed(family))
    steps = in_steps(together)
    for row in (0, 1):
        alone = made(name).prefill(boxed(family, (row,)))
        assert together.extras[row] == alone.extras[0]
        for one, other in zip(steps, in_steps(alone), strict=True):
            torch.testing.assert_close(one[row], other[0], atol=2e-5, rtol=1e-4)


def test_methods_in_sequence_on_one_batch_equal_each_alone(family: Family) -> None:
    """In either order, bit for bit, including the journal's extras."""
    alone = {}
    for name in NAMES:
        batch = made(name).prefill(boxed(family))
        alone[name] = in_steps(batch), batch.extras
    shared = boxed(family)
    for name in [*NAMES, *NAMES[::-1]]:
        batch = made(name).prefill(shared)
        steps, extras = alone[name]
        assert batch.extras == extras
        for one, other in zip(in_steps(batch), steps, strict=True):
            assert torch.equal(one, other), name


@pytest.mark.parametrize("watched", ["last", "question", "all"])
@pytest.mark.parametrize("name", NAMES)
def test_being_watched_and_diagnosed_changes_nothing(family: Family, name: str, watched: Any) -> None:
    """Equal except for the last bits: edited and watched rows are computed together."""
    expected = in_steps(made(name).prefill(boxed(family)))
    answered = made(name).prefill(boxed(family, watched=(watched,), diagnose="all"))
    assert sorted(answered.seen[watched]) == list(range(tiny.LAYERS))
    assert answered.diagnosis is not None
    assert len(answered.diagnosis.report()) == 2
    for one, other in zip(in_steps(answered), expected, strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_being_diagnosed_changes_not_one_bit(family: Family, name: str) -> None:
    """A method's first batch is always diagnosed, so a resumed run diagnoses other batches than an uninterrupted one."""
    expected = in_steps(made(name).prefill(boxed(family)))
    for one, other in zip(in_steps(made(name).prefill(boxed(family, diagnose="all"))), expected, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_repr_makes_the_method_again(name: str) -> None:
    method = made(name)
    assert repr(method).startswith(f"{type(method).__name__}(")
    assert eval(repr(method), {type(method).__name__: type(method)}) == method
    assert METHODS[method.name] is type(method)
    assert hash(method) == hash(made(name))


@pytest.mark.parametrize(("name", "option"), [(name, option) for name in NAMES for option in METHODS[name].options()])
def test_wrong_hyper_parameters_are_named(name: str, option: str) -> None:
    """A wrong word, and for numbers also NaN and a boolean; the message says what is allowed."""
    wrong: list[Any] = ["wrong"]
    value = getattr(made(name), option)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        wrong += [math.nan, True, math.inf, -7]
    for one in wrong:
        with pytest.raises(ValueError, match=f"^{option}={one!r}: .*allowed"):
            made(name, **{option: one})


@pytest.mark.parametrize(("name", "option"), [(name, option) for name in NAMES for option in METHODS[name].options()])
def test_misspelt_hyper_parameters_are_told_the_nearest(name: str, option: str) -> None:
    misspelt = option + option[-1]
    with pytest.raises(ValueError, match=rf"{misspelt} not known to '{name}'; did you mean {option}\? "):
        split_arguments("llava", name, {misspelt: 1})


@pytest.mark.parametrize("sampled", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_answers_do_not_depend_on_the_batch(family: Family, name: str, sampled: bool, tmp_path: Path) -> None:
    decoding = Decoding(max_new_tokens=4, do_sample=sampled, temperature=0.7)
    questions = [
        replace(question(f"{seed}{n}", tiny.picture(seed), text, boxes=[[9, 5, 20, 20]]), decoding=decoding)
        for seed in (1, 2)
        for n, text in enumerate([GOOD, TEXTS[1], "Is it bright?"])
    ]
    answers = []
    for batch_size in (1, 3):
        answerer = Answerer(family, [MethodRun(made(name), Journal(tmp_path / str(batch_size)))], batch_size)
        records = {one.uid: record for one, record in answerer.answer(questions)}
        answerer.close()
        assert [record.error for record in records.values()] == [None] * 6
        answers.append({uid: (record.text, record.extras) for uid, record in records.items()})
    alone, batched = answers
    assert {uid: text for uid, (text, _) in alone.items()} == {uid: text for uid, (text, _) in batched.items()}
    for uid, (_, extras) in alone.items():
        other = batched[uid][1]
        assert extras.keys() == other.keys()
        for key, value in extras.items():  # a pass over more rows moves the last bits, and with them a rounded digit
            assert value == (pytest.approx(other[key], abs=1e-5) if isinstance(value, float) else other[key]), key


@pytest.mark.parametrize("name", NAMES)
def test_identity_is_name_and_hyper_parameters_in_json(name: str) -> None:
    identity = made(name).spec()
    assert json.loads(json.dumps(identity)) == identity
    assert (identity["name"], tuple(identity["hyper_parameters"])) == (name, METHODS[name].options())


def test_another_hyper_parameter_is_another_identity() -> None:
    one = VGRefine(((1, 0), (2, 1)), (3,), 1, leaks=("slake",))
    assert one.spec() == {
        "name": "vgrefine",
        "hyper_parameters": {"heads": [[1, 0], [2, 1]], "layers": [3], "k": 1, "p": 50.0, "mask": "pre"},
    }
    assert one.spec() != replace(one, k=2).spec()


@pytest.mark.parametrize("value", [math.inf, {1, 2}, object()])
def test_a_hyper_parameter_that_json_does_not_have(value: object) -> None:
    @dataclass(frozen=True)
    class Odd(Plain):
        value: object = None

    with pytest.raises(ValueError, match="value="):
        Odd(value).spec()
