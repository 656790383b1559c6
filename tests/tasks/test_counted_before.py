"""What a data set held is read once, and again when a file, what reads it, or what is allowed has changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lmms_vg import journal
from lmms_vg.datasets.counts import PARTIAL_ENV
from lmms_vg.datasets.slake import SLAKE
from lmms_vg.tasks.counted_before import counted
from lmms_vg.tasks.dataset_status import QuestionCount

GOOD = [QuestionCount("slake_closed", 416, 416), QuestionCount("slake_grounded", None, 7)]


class Reader:
    """Gives these counts, and counts how often it was asked."""

    def __init__(self, counts: list[QuestionCount]) -> None:
        self.counts, self.times = counts, 0

    def __call__(self) -> tuple[list[QuestionCount], list[str]]:
        self.times += 1
        return self.counts, [f"read {self.times} times"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "slake" / "imgs" / "xmlab1"
    folder.mkdir(parents=True)
    (folder / "mask.png").write_bytes(b"mask")
    return tmp_path / "slake"


def test_the_second_time_nothing_is_read(root: Path) -> None:
    read = Reader(GOOD)
    first = counted(SLAKE, root, read)
    assert counted(SLAKE, root, read) == first == (GOOD, ["read 1 times"])
    assert read.times == 1


def test_a_changed_file_a_new_one_and_another_permission_are_read_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Reader(GOOD)
    counted(SLAKE, root, read)
    mask = root / "imgs" / "xmlab1" / "mask.png"
    os.utime(mask, ns=(1, 1))
    counted(SLAKE, root, read)
    (root / "imgs" / "xmlab1" / "detection.json").write_text("[]")
    counted(SLAKE, root, read)
    monkeypatch.setenv(PARTIAL_ENV, "1")
    counted(SLAKE, root, read)
    counted(SLAKE, root, read)
    assert read.times == 4


@pytest.mark.parametrize(
    "count",
    [
        QuestionCount("slake_closed", 416, problem="another number than when it was first read here: rm ..."),
        QuestionCount("slake_closed", 416),
        QuestionCount("slake_closed", 416, 416, images=False),
    ],
)
def test_what_is_wrong_or_missing_is_looked_at_each_time(root: Path, count: QuestionCount) -> None:
    read = Reader([GOOD[1], count])
    for _ in range(2):
        counted(SLAKE, root, read)
    assert read.times == 2


def test_a_damaged_file_of_counts_is_read_over(root: Path) -> None:
    read = Reader(GOOD)
    counted(SLAKE, root, read)
    (journal.home() / "counts" / "slake" / "status.json").write_text("{")
    assert counted(SLAKE, root, read) == (GOOD, ["read 2 times"])
