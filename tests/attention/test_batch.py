"""The input of a method, and what batches of several methods share."""

from __future__ import annotations

import pytest
import tiny
import torch
from batches import ask
from checkpoints import load
from PIL import Image

from lmms_vg.attention import Knockout, install
from lmms_vg.attention.batch import Batch
from lmms_vg.attention.decoder import Decoder
from lmms_vg.attention.session import Rows, Sessions, prefilled
from lmms_vg.models import Family, Prompt
from lmms_vg.vision.images import open_picture


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    folder = tiny.save(tmp_path_factory.mktemp("tiny") / "qwen2")
    made = load("llava", folder)
    install(made.model)
    return made


def test_a_method_meets_seven_names(family: Family) -> None:
    with torch.no_grad():
        batch = ask(family)
    names = {name for name in dir(batch) if not name.startswith("_")}
    assert names == {"layout", "unedited", "reference", "targets", "prefill", "beside", "open"}


def test_batches_of_several_methods_share_the_unedited_run(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each batch has its own boxes, and a pass of one does not change the passes of the other."""
    ran: list[int] = []
    run = Decoder.run

    def counted(self: Decoder, hidden, cache, positions, mask, start=0, *rest):  # type: ignore[no-untyped-def]
        ran.append(start)
        return run(self, hidden, cache, positions, mask, start, *rest)

    with torch.no_grad():
        first = ask(family, targets=["a box", None])
        second = Batch(first.unedited, first.reference, Sessions(family))
        monkeypatch.setattr(Decoder, "run", counted)
        plain = first.prefill()
        expected = plain.logits.clone()
        assert ran == [0, tiny.LAYERS], "all layers once, and what is left of them behind"
        keys = second.layout.image_keys()
        edited = second.prefill(Knockout([3], second.layout.post_image, keys))
        assert ran == [0, tiny.LAYERS, 3]
        assert not torch.equal(edited.logits, plain.logits)
        edited.step(torch.tensor([7, 7]))
        assert torch.equal(plain.logits, expected)
    assert (first.targets, second.targets) == (["a box", None], [None, None])


@pytest.mark.parametrize("answers", [False, True])
def test_a_batch_beside_is_watched_only_if_it_answers(family: Family, answers: bool) -> None:
    with torch.no_grad():
        batch = ask(family, watched=("last",), diagnose="all")
        beside = batch.beside(batch.layout.prompts, batch.reference.prompts, answers=answers).prefill()
    assert (beside.diagnosis is not None) == answers
    assert sorted(beside.seen.get("last", ())) == (list(range(tiny.LAYERS)) if answers else [])


def prompts_about(family: Family, *seeds: int) -> list[Prompt]:
    return [family.prompt([open_picture(tiny.picture(seed)), "Is it bright?"]) for seed in seeds]


def test_sessions_keep_those_used_last(family: Family) -> None:
    one, two, three = prompts_about(family, 1, 2, 3)
    with torch.no_grad():
        size = prefilled(family, [one])[0].nbytes
        sessions = Sessions(family, limit=2 * size)
        (first,), (second,) = sessions.open([one]), sessions.open([two])
        assert sessions.open([one])[0] is first
        assert sessions.open([one], keep=False)[0] is not first
        sessions.open([three])  # in the place of the second, which was used before the first
        assert sessions.open([one])[0] is first
        assert sessions.open([two])[0] is not second


def test_kept_sessions_are_bounded_in_bytes_but_a_batch_has_all_of_its_own(family: Family) -> None:
    """Maps of reference prompts, which a session gets later, count too."""
    one, two, three = prompts_about(family, 1, 2, 3)
    with torch.no_grad():
        small = Sessions(family, limit=1)
        pair = small.open([one, two])
        assert small.open([two, one]) == pair[::-1], "the batch's own, whatever the limit"
        (third,) = small.open([three])
        assert [*small._kept.values()] == [third]
        both = Sessions(family, limit=1, prefixes=2)
        both.open([one])
        both.open([two])
        assert len(both._kept) == 2, "a method with two prefixes per question finds both again"
        size = third.nbytes
        grown = Sessions(family, limit=2 * size)
        batch = Batch.open(grown, [one], [one])
        batch.reference.maps("last", [0, 1])
        assert grown.open([one])[0].nbytes == size + 2 * tiny.HEADS * 36 * 4
        grown.open([two])
        assert len(grown._kept) == 1
        grown.shrink()
        assert not grown._kept


def test_a_prefix_is_prefilled_once_per_batch(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    """All new images go through the vision tower in one call; a known image and a second question about one do not."""
    one, two, three = prompts_about(family, 1, 2, 3)
    calls: list[int] = []
    embed = family.embed
    monkeypatch.setattr(family, "embed", lambda prompts: (calls.append(len(prompts)), embed(prompts))[1])
    with torch.no_grad():
        sessions = Sessions(family, limit=2**30)
        sessions.open([one])
        opened = sessions.open([two, one, two, three])
    assert calls == [1, 2]
    assert opened[0] is opened[2]


def test_a_session_does_not_keep_the_memory_of_its_batch(family: Family) -> None:
    with torch.no_grad():
        sessions = prefilled(family, prompts_about(family, 1, 2, 3), sums=True)
    for session in sessions:
        held = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in session._tensors()}
        assert sum(held.values()) == session.nbytes


@pytest.mark.parametrize("rows", ["last", "question", "all"])
def test_prefixes_prefilled_together_are_those_prefilled_alone(family: Family, rows: Rows) -> None:
    """Three images of different content, sizes and order of appearance; questions of different lengths."""
    pictures = [open_picture(image) for image in (tiny.picture(1), tiny.picture(2, 20, 70), Image.new("RGB", (48, 48)))]
    texts = ["Is it bright?", "Where is the nodule in the upper left?", "Is the large cyst dark or bright?"]
    prompts = [family.prompt([picture, text]) for picture, text in zip(pictures, texts, strict=True)]
    references = [family.prompt([picture, "Write a general description."]) for picture in pictures]
    with torch.no_grad():
        together = Batch.open(Sessions(family, sums=True), prompts, references, watched=(rows,))
        logits, maps = together.prefill().logits, together.unedited.maps(rows)
        reference = together.reference.maps(rows)
        for row, (prompt, general) in enumerate(zip(prompts, references, strict=True)):
            alone = Batch.open(Sessions(family, sums=True), [prompt], [general], watched=(rows,))
            torch.testing.assert_close(logits[row], alone.prefill().logits[0], atol=1e-5, rtol=1e-5)
            for layer in range(tiny.LAYERS):
                for ours, expected in ((maps, alone.unedited.maps(rows)), (reference, alone.reference.maps(rows))):
                    torch.testing.assert_close(ours[layer][row], expected[layer][0], atol=1e-5, rtol=1e-5)
    assert (maps[2][0] - maps[2][1]).abs().max() > 1e-3, "the images differ"


def test_several_images_per_question_stay_in_order(family: Family) -> None:
    """Two questions about the same two images in other orders: rows and images of the stacked pixels are not mixed up."""
    first, second = open_picture(tiny.picture(1)), open_picture(tiny.picture(2))
    prompts = [family.prompt([*pair, "Is it bright?"]) for pair in ((first, second), (second, first))]
    with torch.no_grad():
        together = family.embed(prompts).hidden
        for row, prompt in enumerate(prompts):
            torch.testing.assert_close(together[row], family.embed([prompt]).hidden[0], atol=1e-5, rtol=1e-5)
    assert not torch.allclose(together[0], together[1], atol=1e-3)
