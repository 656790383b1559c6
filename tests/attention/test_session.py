"""Shared prefixes, partial recomputation and decoding, compared with full passes of the stock model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from checkpoints import load
from naive import naive, stock
from pixels import pixels_of
from torch import Tensor

from lmms_vg.attention import Knockout, install
from lmms_vg.attention.batch import Batch
from lmms_vg.attention.decoder import Decoder
from lmms_vg.attention.decoding import decode
from lmms_vg.attention.layout import Layout
from lmms_vg.attention.session import Rows, Sessions, prefilled
from lmms_vg.attention.unedited import UneditedRun
from lmms_vg.journal.decoding import Decoding
from lmms_vg.models import Family, Prompt
from lmms_vg.vision.images import open_picture

TAIL = "Answer the question using a single word or phrase."
SHORT, LONG = (
    f"Where is the nodule?\n{TAIL}",
    f"Is the large cyst in the upper left bright or dark, or is it small?\n{TAIL}",
)
REFERENCE = f"Write a general description of the image.\n{TAIL}"


@pytest.fixture(scope="module", params=["qwen2", "llama", "mistral"])
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Family:
    folder = tiny.save(tmp_path_factory.mktemp("tiny") / request.param, request.param)
    made = load("huatuo", folder)
    install(made.model)
    return made


def ask(family: Family, *texts: str, seeds: tuple[int, ...] = (1, 1), sums: bool = False, **observed: Any) -> Batch:
    pictures = [open_picture(tiny.picture(seed)) for seed in seeds]
    prompts = [family.prompt([picture, text]) for picture, text in zip(pictures, texts, strict=True)]
    references = [family.prompt([picture, REFERENCE]) for picture in pictures]
    return Batch.open(Sessions(family, sums=sums), prompts, references, **observed)


def full(family: Family, prompt: Prompt) -> dict[str, Tensor]:
    """Return the inputs of one full stock pass."""
    assert prompt.images
    return {"input_ids": prompt.input_ids[None], "pixel_values": pixels_of(prompt)}


@pytest.mark.parametrize("seeds", [(1, 1), (1, 2)])
def test_prefix_reuse_equals_full_passes(family: Family, seeds: tuple[int, int]) -> None:
    """Two questions of different lengths in one batch, about one image and about two."""
    with torch.no_grad():
        batch = ask(family, SHORT, LONG, seeds=seeds).prefill()
        assert batch.layout.padded
        for row, prompt in enumerate(batch.layout.prompts):
            with stock(family.model, "sdpa"):
                expected = family.model(**full(family, prompt)).logits[0, -1]
            torch.testing.assert_close(batch.logits[row], expected, atol=3e-5, rtol=1e-4)


def test_greedy_decoding_equals_generate(family: Family) -> None:
    with torch.no_grad():
        batch = ask(family, SHORT, LONG, seeds=(1, 2)).prefill()
        answers = decode(batch, Decoding(max_new_tokens=7), ["a", "b"], family.stop_ids, lambda tokens: "")
        for prompt, answer in zip(batch.layout.prompts, answers, strict=True):
            with stock(family.model, "sdpa"):
                expected = family.model.generate(
                    **full(family, prompt),
                    attention_mask=torch.ones(1, len(prompt.input_ids)),
                    max_new_tokens=7,
                    do_sample=False,
                )[0, len(prompt.input_ids) :]
            assert answer == [token for token in expected.tolist() if token not in family.stop_ids]


@pytest.mark.parametrize("penalise_prompt", [True, False])
def test_repetition_penalty_equals_generate(family: Family, penalise_prompt: bool) -> None:
    """With token ids `generate` penalises the prompt's tokens too; with embeddings only the answer's."""
    settings = Decoding(max_new_tokens=7, min_new_tokens=3, repetition_penalty=1.8, penalise_prompt=penalise_prompt)
    with torch.no_grad():
        batch = ask(family, SHORT, LONG, seeds=(1, 2)).prefill()
        answers = decode(batch, settings, ["a", "b"], family.stop_ids, lambda tokens: "")
        for prompt, answer in zip(batch.layout.prompts, answers, strict=True):
            given = full(family, prompt)
            start = len(prompt.input_ids)
            if not penalise_prompt:
                rest = family.embed_text(prompt.input_ids[prompt.prefix :][None])
                given, start = {"inputs_embeds": torch.cat([family.embed([prompt]).hidden, rest], 1)}, 0
            with stock(family.model, "sdpa"):
                expected = family.model.generate(
                    **given,
                    attention_mask=torch.ones(1, len(prompt.input_ids)),
                    max_new_tokens=7,
                    min_new_tokens=3,
                    repetition_penalty=1.8,
                    do_sample=False,
                )[0, start:]
            assert answer == [token for token in expected.tolist() if token not in family.stop_ids]


@pytest.mark.parametrize("rows", ["last", "question", "all"])
def test_capture_on_a_prefix_equals_eager(family: Family, rows: str) -> None:
    with torch.no_grad():
        batch = ask(family, SHORT, LONG, seeds=(1, 2), sums=rows == "all")
        maps = batch.unedited.maps(rows)  # type: ignore[arg-type]
        for row, prompt in enumerate(batch.layout.prompts):
            with stock(family.model, "eager"):
                eager = family.model(**full(family, prompt), output_attentions=True).attentions
            length = len(prompt.input_ids)
            start, stop = {"last": (length - 1, length), "question": prompt.question, "all": (0, length)}[rows]
            for layer, attention in enumerate(eager):
                expected = attention[0][:, start:stop][..., prompt.image_tokens].mean(1)
                torch.testing.assert_close(maps[layer][row], expected, atol=1e-5, rtol=0)


def test_all_rows_need_sums(family: Family) -> None:
    with torch.no_grad(), pytest.raises(ValueError, match="sums=True"):
        ask(family, SHORT, LONG).unedited.capture("all")


@pytest.mark.parametrize("mask", ["pre", "post"])
@pytest.mark.parametrize("layers", [(0,), (2,), (2, 3), (4,)])
def test_partial_recompute_equals_a_full_naive_pass(family: Family, mask: str, layers: tuple[int, ...]) -> None:
    """Layers from the knockout on and tokens after the image, on a shared prefix, compared with one full pass."""
    with torch.no_grad():
        batch = ask(family, SHORT, LONG, seeds=(1, 2))
        layout = batch.layout
        hidden = torch.zeros(layout.visible.shape, dtype=torch.bool)
        hidden[0, layout.image_tokens[0][:20]] = True
        hidden[1, layout.image_tokens[1][5:30]] = True
        untouched = batch.prefill()
        below = [untouched._cache.layers[layer].keys.clone() for layer in range(layers[0])]
        knocked = batch.prefill(Knockout(layers, layout.post_image, hidden, mask))  # type: ignore[arg-type]
        for layer, keys in enumerate(below):
            assert torch.equal(knocked._cache.layers[layer].keys, keys), "layers below the knockout are left alone"
        for row, prompt in enumerate(layout.prompts):
            length = len(prompt.input_ids)
            cells = torch.zeros(1, 1, length, length, dtype=torch.bool)
            cells[0, 0, prompt.prefix :] = hidden[row, :length]

            def change(layer: int, values: Tensor, cells: Tensor = cells) -> Tensor:
                fill = torch.finfo(values.dtype).min if mask == "pre" else 0.0
                return values.masked_fill(cells, fill) if layer in layers else values

            with naive(family.model, *((change, None) if mask == "pre" else (None, change))):
                expected = family.model(**full(family, prompt)).logits[0, -1]
            torch.testing.assert_close(knocked.logits[row], expected, atol=3e-5, rtol=1e-4)
        assert (knocked.logits - untouched.logits).abs().max() > 1e-3


@pytest.mark.parametrize("rows", ["last", "question", "all"])
def test_watching_edits_and_earlier_prefills_leave_no_trace(family: Family, rows: str) -> None:
    """Earlier requests to a batch, in any order, do not change a bit of the next prefill."""

    def fresh(*watched: str) -> Batch:
        return ask(family, SHORT, LONG, seeds=(1, 2), sums=True, watched=watched)

    def hide(layout: Layout, layer: int) -> Knockout:
        hidden = torch.zeros(layout.image_tokens.shape, dtype=torch.bool)
        hidden[:, 5:25] = True
        return Knockout([layer], layout.post_image, layout.image_keys(hidden))

    with torch.no_grad():
        used = fresh(rows)
        used.unedited.maps("last", [1])
        answering = used.prefill(hide(used.layout, 3))
        decode(answering, Decoding(max_new_tokens=3), ["a", "b"], frozenset(), lambda tokens: "")
        used.unedited.maps("question", [0, 2])  # behind what was run already
        for layer in (2, 0, 4):
            again, first = (batch.prefill(hide(batch.layout, layer)) for batch in (used, fresh(rows)))
            assert torch.equal(again.logits, first.logits)
            assert again.seen.keys() == first.seen.keys() == {rows}
            assert again.seen[rows].keys() == first.seen[rows].keys() == set(range(tiny.LAYERS))
            assert all(torch.equal(again.seen[rows][i], maps) for i, maps in first.seen[rows].items())
        alone = fresh()
        assert torch.equal(used.prefill().logits, alone.prefill().logits)
        which: Rows
        for which in ("last", "question", "all"):
            expected = alone.unedited.maps(which)
            assert all(torch.equal(maps, expected[i]) for i, maps in used.unedited.maps(which).items())


def test_maps_run_no_further_than_asked(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    """Triage stops after the layer of its last head; a knockout starts at its first layer."""
    ran: list[int] = []
    run = Decoder.run

    def counted(self: Decoder, hidden: Tensor, cache: object, positions: Tensor, mask: object, start: int = 0, *rest):  # type: ignore[no-untyped-def]
        stop = rest[0] if rest else None
        ran.extend(range(start, self.depth if stop is None else stop))
        return run(self, hidden, cache, positions, mask, start, *rest)  # type: ignore[arg-type]

    with torch.no_grad():
        batch = ask(family, SHORT, LONG)
        monkeypatch.setattr(Decoder, "run", counted)
        batch.unedited.maps("last", [0, 2])
        assert ran == [0, 1, 2]
        batch.prefill(Knockout([3], batch.layout.post_image, batch.layout.image_keys()))
        assert ran == [0, 1, 2, 3, 4]
        batch.prefill(Knockout([3], batch.layout.post_image, batch.layout.image_keys()))
        assert ran == [0, 1, 2, 3, 4, 3, 4]


def test_decoding_does_not_disturb_a_later_prefill(family: Family) -> None:
    with torch.no_grad():
        batch = ask(family, SHORT, LONG)
        answering = batch.prefill()
        first = answering.logits.clone()
        decode(answering, Decoding(max_new_tokens=3), ["a", "b"], frozenset(), lambda tokens: "")
        assert torch.equal(batch.prefill().logits, first)


def test_reference_is_asked_once_a_session_and_equals_eager(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.no_grad():
        batch = ask(family, SHORT, LONG, seeds=(1, 2))
        maps = batch.reference.maps("last", [1, 3])
        for row, prompt in enumerate(batch.reference.prompts):
            with stock(family.model, "eager"):
                eager = family.model(**full(family, prompt), output_attentions=True).attentions
            for layer in (1, 3):
                expected = eager[layer][0, :, -1][:, prompt.image_tokens]
                torch.testing.assert_close(maps[layer][row], expected, atol=1e-5, rtol=0)
        monkeypatch.setattr(UneditedRun, "maps", lambda *args, **kwargs: pytest.fail("asked again"))
        again = batch.reference.maps("last", [3])
        assert torch.equal(again[3], maps[3])


def test_text_before_the_image_falls_back_to_a_full_pass(family: Family) -> None:
    """The question is then part of the prefix, so no other question shares it; the reference has another prefix."""
    picture = open_picture(tiny.picture(3))
    prompt = family.prompt(["Is the nodule bright?", picture, TAIL])
    reference = family.prompt([picture, REFERENCE])
    assert prompt.prefix_key != reference.prefix_key
    assert prompt.prefix > reference.prefix
    with torch.no_grad():
        batch = Batch.open(Sessions(family), [prompt], [reference])
        logits, maps = batch.prefill().logits, batch.reference.maps("last", [2])
        with stock(family.model, "eager"):
            expected = family.model(**full(family, prompt)).logits[0, -1]
            eager = family.model(**full(family, reference), output_attentions=True).attentions[2]
        torch.testing.assert_close(logits[0], expected, atol=3e-5, rtol=1e-4)
        torch.testing.assert_close(maps[2][0], eager[0, :, -1][:, reference.image_tokens], atol=1e-5, rtol=0)


def test_two_images_and_text_between(family: Family) -> None:
    pictures = [open_picture(tiny.picture(seed)) for seed in (4, 5)]
    prompt = family.prompt([pictures[0], "before this", pictures[1], SHORT])
    assert len(prompt.image_tokens) == 2 * 36
    assert (prompt.input_ids[prompt.image_tokens] == family.image_id).all()  # type: ignore[attr-defined]
    with torch.no_grad():
        batch = Batch.open(Sessions(family), [prompt], [prompt]).prefill()
        with stock(family.model, "sdpa"):
            expected = family.model(**full(family, prompt)).logits[0, -1]
        torch.testing.assert_close(batch.logits[0], expected, atol=3e-5, rtol=1e-4)


def test_prefixes_of_different_length_are_refused(family: Family) -> None:
    one = family.prompt([open_picture(tiny.picture(1)), SHORT])
    two = family.prompt(["Look:", open_picture(tiny.picture(1)), SHORT])
    with torch.no_grad(), pytest.raises(ValueError, match="equally long prefixes"):
        Batch.open(Sessions(family), [one, two], [one, one])


def test_memory_stays_linear(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    """No T x T score tensor is created: rows are computed in chunks."""
    import lmms_vg.attention.interface as interface

    largest = 0
    scores = interface._scores

    def watched(query: Tensor, key: Tensor, scale: float) -> Tensor:
        nonlocal largest
        made = scores(query, key, scale)
        largest = max(largest, made.shape[2])
        return made

    monkeypatch.setattr(interface, "ROWS_AT_A_TIME", 4)
    monkeypatch.setattr(interface, "_scores", watched)
    with torch.no_grad():
        batch = ask(family, SHORT, LONG, sums=True)
        batch.unedited.maps("all")
    assert 0 < largest <= 4


def test_sessions_save_nothing_but_keys_values_and_sums(family: Family, tmp_path: Path) -> None:
    with torch.no_grad():
        (session,) = prefilled(family, ask(family, SHORT, LONG).layout.prompts[:1], sums=True)
        assert all(pair is not None and pair[0].shape[2] == session.prefix for pair in session.layers)
        assert {total.shape for total in session.sums.values()} == {(1, tiny.HEADS, 36)}
