"""The input of a method, and what batches of several methods share."""

from __future__ import annotations

import pytest
import tiny
import torch
from batches import ask
from checkpoints import load

from lmms_vg.attention import Knockout, install
from lmms_vg.attention.batch import Batch
from lmms_vg.attention.decoder import Decoder
from lmms_vg.attention.session import Sessions
from lmms_vg.models import Family
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
        batch = ask(family, watched="last", diagnose=True)
        beside = batch.beside(batch.layout.prompts, batch.reference.prompts, answers=answers).prefill()
    assert (beside.diagnosis is not None) == answers
    assert sorted(beside.seen) == (list(range(tiny.LAYERS)) if answers else [])


def test_sessions_keep_those_used_last(family: Family) -> None:
    one, two, three = (family.prompt([open_picture(tiny.picture(seed)), "Is it bright?"]) for seed in (1, 2, 3))
    with torch.no_grad():
        sessions = Sessions(family, capacity=2)
        first, second = sessions.open(one), sessions.open(two)
        assert sessions.open(one) is first
        assert sessions.open(one, keep=False) is not first
        sessions.open(three)  # in the place of the second, which was used before the first
        assert sessions.open(one) is first
        assert sessions.open(two) is not second
