"""Several ranks give the answers of one, prefill every image once in the whole job, and continue each other's journals."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
import rank

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

BOX = [[10.0, 10.0, 40.0, 40.0]]
IMAGES, TURNS = 5, 3


def tasks(images: int, turns: int) -> dict[str, list[Any]]:
    """Two tasks about the same images; lmms-eval gives the questions about one image to several ranks."""
    rows = [
        [f"demo:hard/{200_000 + image}", f"Where is it {turn}?", BOX]
        for turn in range(turns)
        for image in range(images)
    ]
    return {"a": rows, "b": rows[: images // 2]}


@pytest.fixture(scope="module")
def program() -> Iterator[Popen[str]]:
    with rank.program() as started:
        yield started


@pytest.fixture(scope="module")
def alone(program: Popen[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one process gives, asked everything."""
    (written,) = rank.run(program, tmp_path_factory.mktemp("alone"), tasks(IMAGES, TURNS), 1)
    assert (written["prefixes"], len(written["back"])) == (IMAGES, IMAGES * TURNS + IMAGES // 2)
    assert len({record["text"] for record in written["back"].values()}) > 1
    assert len({str(record["alignment"]) for record in written["back"].values()}) >= IMAGES
    return written


def total(ranks: list[dict[str, Any]], name: str) -> int:
    assert all(name in written for written in ranks), ranks
    return sum(written[name] for written in ranks)


def back(ranks: list[dict[str, Any]]) -> dict[str, Any]:
    """What came back to the ranks that score it, each document to one."""
    pairs = list(chain.from_iterable(written["back"].items() for written in ranks))
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def test_three_ranks_with_two_images_and_then_two_with_all(
    program: Popen[str], tmp_path: Path, alone: dict[str, Any]
) -> None:
    """First one rank has no work; then two read the journal of three. Both numbers of questions are odd."""
    first = rank.run(program, tmp_path, tasks(2, 2), 3)
    assert sorted(written["prefixes"] for written in first) == [0, 1, 1]
    assert back(first).items() <= alone["back"].items()
    assert (len(back(first)), total(first, "asked")) == (5, 5)
    whole = rank.run(program, tmp_path, tasks(IMAGES, TURNS), 2)
    assert back(whole) == alone["back"]
    assert total(whole, "asked") == alone["asked"]
    assert (
        total(whole, "from_journal") == alone["from_journal"] + 4
    )  # a document of task b has the key of one of task a
    assert total(whole, "answered") == alone["answered"] - 4
    assert total(whole, "prefixes") == IMAGES, "each image once in the job; two images have a third question"


def test_hosts_without_a_shared_disk_exchange_their_answers(
    program: Popen[str], tmp_path: Path, alone: dict[str, Any]
) -> None:
    first = rank.run(program, tmp_path, tasks(4, 2), 2, shared=False)
    (tmp_path / "home0").rename(tmp_path / "home")  # each host goes on with the other's disk
    (tmp_path / "home1").rename(tmp_path / "home0")
    (tmp_path / "home").rename(tmp_path / "home1")
    again = rank.run(program, tmp_path, tasks(4, 2), 2, shared=False)
    assert total(first, "prefixes") == 4
    assert (total(again, "answered"), total(again, "prefixes")) == (0, 0)
    assert back(again) == back(first)


def test_after_a_rank_is_killed_only_what_is_missing_is_asked(
    program: Popen[str], tmp_path: Path, alone: dict[str, Any]
) -> None:
    survivor, killed = rank.run(program, tmp_path, tasks(IMAGES, TURNS), 2, dies=1)
    assert killed["status"] == -signal.SIGKILL
    assert survivor["status"] == 1, survivor
    assert "another process of this job has ended" in survivor["said"]
    again = rank.run(program, tmp_path, tasks(IMAGES, TURNS), 2)
    assert back(again) == alone["back"]
    kept = total(again, "from_journal") - alone["from_journal"]
    assert 0 < kept < alone["answered"]
    assert total(again, "answered") == alone["answered"] - kept
