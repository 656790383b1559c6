"""Questions are dealt image by image, each to one rank, and evenly."""

from __future__ import annotations

from itertools import chain, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmms_vg.inference import dealing
from lmms_vg.inference.dealing import PREFIX, deal, dealt
from lmms_vg.inference.requests import Order, Requested


def busiest(ranks: list[int], sizes: list[int], count: int) -> float:
    return max(sum(PREFIX + size for size, at in zip(sizes, ranks, strict=True) if at == rank) for rank in range(count))


@given(st.lists(st.integers(1, 30), max_size=6), st.integers(1, 3))
def test_no_deal_is_much_better(sizes: list[int], count: int) -> None:
    """Longest processing time first is at most 4/3 of the best deal (Graham 1969), which is tried out."""
    best = min((busiest(list(ranks), sizes, count) for ranks in product(range(count), repeat=len(sizes))), default=0)
    assert busiest(deal(sizes, [0.0] * count), sizes, count) <= 4 / 3 * best


def test_what_a_rank_has_to_do_already_counts() -> None:
    assert deal([1, 1, 1], [2 * (PREFIX + 1), 0, 0]).count(0) == 0
    assert deal([1], [0, 0]) == [0]
    assert deal([], [0, 0]) == []


def asked(rank: int, world: int) -> list[Requested]:
    """A rank's share of two tasks, dealt by stride: 12 documents about 4 images, and 5 of a task of somebody else."""
    ours = [
        Requested(f"image{doc % 4}", Order(0, doc, 0), "ours", rank, doc // world) for doc in range(rank, 12, world)
    ]
    return ours + [Requested("", Order(1, doc, 0), "theirs", rank, 99 + doc // world) for doc in range(rank, 5, world)]


@pytest.mark.parametrize("world", [1, 2, 3, 7])
def test_every_question_goes_to_one_rank_and_every_image_too(world: int, monkeypatch: pytest.MonkeyPatch) -> None:
    everyone = [asked(rank, world) for rank in range(world)]
    monkeypatch.setattr(dealing, "gather", lambda own: everyone)
    shares = [dealt(everyone[rank], rank) for rank in range(world)]
    assert sorted(chain.from_iterable(shares)) == sorted(chain.from_iterable(everyone))
    for image in range(4):
        assert sum(any(request.image == f"image{image}" for request in share) for share in shares) == 1
    for rank, share in enumerate(shares):
        assert all(request.rank == rank for request in share if request.task == "theirs")
        images = [request.image for request in share if request.image]
        assert images == sorted(images), "questions about one image follow each other"


def test_one_rank_keeps_the_order_of_documents_within_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    share = dealt(asked(0, 1), 0)
    assert [request.order[1] for request in share if request.image == "image1"] == [1, 5, 9]
