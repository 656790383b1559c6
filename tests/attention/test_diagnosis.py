"""The effect of edits on attention, compared with whole matrices; a broken model causes a warning."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from asking import GOOD, question
from batches import ask
from checkpoints import load
from loguru import logger
from naive import naive
from pixels import pixels_of
from torch import Tensor

from lmms_vg.attention import forward_pass, install
from lmms_vg.attention.diagnosis import Diagnosis, saturated_layers
from lmms_vg.attention.edits import Boost, Knockout, Scale, onwards
from lmms_vg.attention.forward_pass import Pass
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.journal import Journal, read_records
from lmms_vg.methods.pai import PAI
from lmms_vg.methods.plain import Plain
from lmms_vg.models import Family, Prompt

#: (scores or weights (1, H, R, T) of the edited rows, (T,) bool of image tokens) -> the same, changed.
Change = Callable[[Tensor, Tensor], Tensor]


@pytest.fixture(scope="module", params=["qwen2", "llama"])
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Family:
    return loaded(tiny.save(tmp_path_factory.mktemp("tiny") / request.param, request.param))


def loaded(folder: Path) -> Family:
    made = load("llava", folder)
    install(made.model)
    return made


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def by_hand(
    family: Family, prompt: Prompt, first: int, layers: list[int], before: Change | None, after: Change | None
) -> dict[str, Any]:
    """One full pass with rows from `first` on changed at `layers`, and the figures from its matrices."""
    image = torch.zeros(len(prompt.input_ids), dtype=torch.bool)
    image[prompt.image_tokens] = True
    largest, old, new = {}, {}, {}

    def scores(layer: int, values: Tensor) -> Tensor:
        rows = values[:, :, first:]
        largest[layer] = rows.max().item()
        old[layer] = rows.softmax(-1)[..., image].sum(-1)
        if before and layer in layers:
            values = torch.cat([values[:, :, :first], before(rows, image)], 2)
        return values

    def weights(layer: int, values: Tensor) -> Tensor:
        if after and layer in layers:
            values = torch.cat([values[:, :, :first], after(values[:, :, first:], image)], 2)
        new[layer] = values[:, :, first:][..., image].sum(-1)
        return values

    with naive(family.model, scores, weights):
        family.model(input_ids=prompt.input_ids[None], pixel_values=pixels_of(prompt))

    def share(layer: int) -> float:
        driven = (new[layer] < 0.01) & (old[layer] >= 0.01) | (new[layer] > 0.99) & (old[layer] <= 0.99)
        return driven.double().mean().item()

    return {
        "layers": layers,
        "largest_logit": [largest[layer] for layer in layers],
        "image_mass_before": [old[layer].mean().item() for layer in layers],
        "image_mass_after": [new[layer].mean().item() for layer in layers],
        "saturated": [share(layer) for layer in layers],
    }


def reports(answering: Pass) -> list[dict[str, Any]]:
    assert answering.diagnosis is not None
    return answering.diagnosis.report()


def assert_reported(answering: Pass, expected: list[dict[str, Any]]) -> None:
    for made, wanted in zip(reports(answering), expected, strict=True):
        assert made.keys() == wanted.keys()
        for name, values in wanted.items():
            assert made[name] == pytest.approx(values, abs=2e-4), name


@pytest.mark.parametrize("alpha", [0.5, 20.0])
def test_boost_of_the_last_row_and_all_decode_steps(family: Family, alpha: float) -> None:
    """The strong edit saturates; decode steps add nothing to the report."""

    def boost(rows: Tensor, image: Tensor) -> Tensor:
        return torch.where(image, rows + alpha * rows.abs(), rows)

    batch = ask(family, diagnose="all")
    layout = batch.layout
    boosted = batch.prefill(Boost([1, 3], onwards(layout.last), layout.image_keys(), alpha))
    expected = [by_hand(family, p, len(p.input_ids) - 1, [1, 3], boost, None) for p in layout.prompts]
    assert_reported(boosted, expected)
    first = reports(boosted)
    boosted.step(torch.tensor([7, 7]))
    assert reports(boosted) == first
    assert any(saturated_layers(report) for report in first) == (alpha > 1)


@pytest.mark.parametrize("mask", ["pre", "post"])
def test_knockout_of_all_rows_behind_the_image(family: Family, mask: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows arrive in chunks. Half of the image is hidden, so half of its attention remains or is spread again."""
    monkeypatch.setattr("lmms_vg.attention.interface.ROWS_AT_A_TIME", 5)

    def knock_out(rows: Tensor, image: Tensor) -> Tensor:
        hidden = torch.zeros_like(image)
        hidden[image.nonzero()[:18, 0]] = True
        return rows.masked_fill(hidden, torch.finfo(rows.dtype).min if mask == "pre" else 0.0)

    batch = ask(family, diagnose="all")
    chosen = torch.arange(36).expand(2, -1) < 18
    layout = batch.layout
    knocked = batch.prefill(Knockout([0, 2], layout.post_image, layout.image_keys(chosen), mask))  # type: ignore[arg-type]
    changes = (knock_out, None) if mask == "pre" else (None, knock_out)
    assert_reported(knocked, [by_hand(family, p, p.prefix, [0, 2], *changes) for p in layout.prompts])


def test_a_whole_image_that_is_hidden_is_saturation(family: Family) -> None:
    batch = ask(family, diagnose="all")
    for report in reports(batch.prefill(Knockout([2], batch.layout.post_image, batch.layout.image_keys()))):
        assert report["image_mass_after"] == [0]
        assert report["saturated"][0] > 0.9


def test_without_edits_the_last_row_of_every_layer(family: Family) -> None:
    batch = Plain().prefill(ask(family, diagnose="all"))
    every = list(range(tiny.LAYERS))
    assert_reported(batch, [by_hand(family, p, len(p.input_ids) - 1, every, None, None) for p in batch.layout.prompts])
    for report in reports(batch):
        assert report["image_mass_before"] == report["image_mass_after"]
        assert report["saturated"] == [0] * tiny.LAYERS


def test_a_question_that_is_not_edited_beside_one_that_is(family: Family) -> None:
    """Its last row is reported, and it is unchanged."""

    def scale(rows: Tensor, image: Tensor) -> Tensor:
        return torch.where(image, rows * 2, rows)

    batch = ask(family, diagnose="all")
    rows = batch.layout.last.clone()
    rows[0, 0] = rows[0, 1]
    scaled = batch.prefill(Scale([1, 2], rows, batch.layout.image_keys(), 2.0))
    expected = [
        by_hand(family, prompt, len(prompt.input_ids) - 1, [1, 2], change, None)
        for prompt, change in zip(batch.layout.prompts, (None, scale), strict=True)
    ]
    assert_reported(scaled, expected)
    assert all(math.isfinite(value) for value in reports(scaled)[0]["largest_logit"])


# --- a model whose scores all share a large value -----------------------------------------------------------------------


def shift(family: Family, by: float) -> Family:
    """Every score of the text model shifted by about `by`, or more: no key says anything in one dimension, slowest in
    rotation, of each head but a constant, and the queries have a large bias there."""
    constant = math.sqrt(by * math.sqrt(8))
    for layer in family.text_model.layers:
        query, key = layer.self_attn.q_proj, layer.self_attn.k_proj
        for head in range(2):
            key.weight.data[head * 8 + 3] = 0
            key.weight.data[head * 8 + 7] = 0
            key.bias.data[head * 8 + 3] = constant
            key.bias.data[head * 8 + 7] = 0
        for head in range(4):
            query.weight.data[head * 8 + 3] = 0
            query.bias.data[head * 8 + 3] = constant
    return family


@pytest.fixture(scope="module")
def shifted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Family]:
    folder = tiny.save(tmp_path_factory.mktemp("shifted") / "qwen2")
    return {"no": shift(loaded(folder), 0), "by 60": shift(loaded(folder), 60)}


def test_softmax_ignores_a_shift_and_boost_does_not(shifted: dict[str, Family]) -> None:
    after, plain = {}, {}
    for name, family in shifted.items():
        batch = ask(family, diagnose="all")
        plain[name] = reports(Plain().prefill(batch))[0]
        after[name] = reports(PAI(alpha=0.5, start=1, end=4).prefill(batch))
    shift_of_largest = torch.tensor(plain["by 60"]["largest_logit"]) - torch.tensor(plain["no"]["largest_logit"])
    assert ((shift_of_largest - 60).abs() < 2).all()
    masses = [torch.tensor(one["image_mass_before"]) for one in plain.values()]
    torch.testing.assert_close(*masses, atol=0.1, rtol=0)  # rotation makes the shift a little uneven
    for sound, broken in zip(after["no"], after["by 60"], strict=True):
        assert saturated_layers(sound) == []
        assert saturated_layers(broken) == [1, 2, 3]
        assert min(broken["image_mass_after"]) > 0.999


def asked(family: Family, folder: Path, diagnose: bool, *methods: Any) -> tuple[Answerer, list[str]]:
    """Ask four questions, one per batch, and return the warnings."""
    warned: list[str] = []
    sink = logger.add(lambda message: warned.append(message.record["message"]), level="WARNING")
    try:
        method_runs = [MethodRun(method, Journal(folder / str(n))) for n, method in enumerate(methods)]
        answerer = Answerer(family, method_runs, diagnose=diagnose)
        questions = [question(str(n), tiny.picture(1), f"{GOOD} {n}") for n in range(4)]
        assert [record.error for _, record in answerer.answer(questions)] == [None] * 4
        answerer.close()
    finally:
        logger.remove(sink)
    return answerer, warned


@pytest.mark.parametrize("diagnose", [False, True])
def test_saturation_is_warned_of_once_a_method(shifted: dict[str, Family], diagnose: bool, tmp_path: Path) -> None:
    methods = Plain(), PAI(start=1, end=4), PAI(start=2, end=5)
    _, warned = asked(shifted["by 60"], tmp_path / "broken", diagnose, *methods)
    assert [repr(methods[1]) in warned[0], repr(methods[2]) in warned[1], len(warned)] == [True, True, 2]
    assert "in layers [1, 2, 3]" in warned[0]
    assert "diagnose=true" in warned[0]
    _, warned = asked(shifted["no"], tmp_path / "sound", diagnose, *methods)
    assert warned == []


def test_diagnose_journals_every_question(shifted: dict[str, Family], tmp_path: Path) -> None:
    method = PAI(start=1, end=4)
    for diagnose in (True, False):
        answerer, _ = asked(shifted["no"], tmp_path / str(diagnose), diagnose, method)
        records = [*read_records([answerer.journal.path])]
        assert len(records) == 4
        for record in records:
            assert ("diagnosis" in record.extras) == diagnose
            if diagnose:
                assert record.extras["diagnosis"]["layers"] == [1, 2, 3]
                assert set(map(len, record.extras["diagnosis"].values())) == {3}


def test_a_method_without_edits_is_diagnosed_too(shifted: dict[str, Family], tmp_path: Path) -> None:
    answerer, _ = asked(shifted["no"], tmp_path, True, Plain())
    for record in read_records([answerer.journal.path]):
        assert record.extras["diagnosis"]["layers"] == list(range(tiny.LAYERS))


def test_only_edits_are_diagnosed_unasked(
    shifted: dict[str, Family], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    monkeypatch.setattr(forward_pass, "Diagnosis", lambda *args: made.append(args) or Diagnosis(*args))
    asked(shifted["no"], tmp_path / "plain", False, Plain())
    assert not made, "a second pass for nothing"
    asked(shifted["no"], tmp_path / "pai", False, PAI(start=1, end=4))
    assert len(made) == 1
