"""Files of ratings: what is broken is named and left out, and the rest is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lmms_vg.vgmed.ratings import read_ratings

UIDS = frozenset({"q1", "q2"})


def content(**changes: Any) -> dict[str, Any]:
    ratings = [{"question": "q1", "showing": 1, "scores": [5, 4, 3]}]
    return {
        "format": "lmms-vg ratings 1",
        "data": "d" * 64,
        "rater": "A",
        "seed": 0,
        "questions": 2,
        "repeats": 1,
        "ratings": ratings,
    } | changes


def write(path: Path, value: Any) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_a_good_file_is_read(tmp_path: Path) -> None:
    found = read_ratings([write(tmp_path / "a.json", content())], "d" * 64, UIDS)
    assert found.problems == []
    assert [(one.question, one.scores) for one in found.files[0].ratings] == [("q1", (5, 4, 3))]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("no JSON", "not JSON"),
        ("[]", "no list of ratings"),
        (content(format="lmms-vg votes 1"), "format"),
        (content(rater=""), "rater"),
        (content(data="e" * 64), "data eeeeeeeeeeeeeeee: it rates another version of the data set"),
        (content(more=1), "more"),
    ],
)
def test_a_broken_file_is_named_and_the_others_are_read(tmp_path: Path, value: Any, reason: str) -> None:
    files = [write(tmp_path / "bad.json", value), write(tmp_path / "good.json", content())]
    found = read_ratings(files, "d" * 64, UIDS)
    assert len(found.files) == 1
    (problem,) = found.problems
    assert problem.startswith(f"{tmp_path / 'bad.json'}: ")
    assert reason in problem


def test_a_file_that_is_not_there_and_a_folder_are_named_and_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    paths = [tmp_path / "gone.json", write(tmp_path / "good.json", content()), tmp_path / "folder"]
    found = read_ratings(paths, "d" * 64, UIDS)
    assert len(found.files) == 1
    assert found.problems == [
        f"{tmp_path / 'gone.json'}: No such file or directory; left out",
        f"{tmp_path / 'folder'}: Is a directory; left out",
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"question": "q1", "showing": 1, "scores": [5, 4, 0]}, "scores.2"),
        ({"question": "q1", "showing": 1, "scores": [5, 4, 6]}, "scores.2"),
        ({"question": "q1", "showing": 1, "scores": [5, 4, "5"]}, "scores.2"),
        ({"question": "q1", "showing": 1, "scores": [5, 4, 4.5]}, "scores.2"),
        ({"question": "q1", "showing": 1, "scores": [5, 4]}, "scores"),
        ({"question": "q1", "showing": 3, "scores": [5, 4, 5]}, "showing"),
        ({"question": "other", "showing": 1, "scores": [5, 4, 5]}, "question 'other' is not in the data set"),
        (7, "the top"),
    ],
)
def test_a_broken_rating_is_named_and_the_others_are_read(tmp_path: Path, row: Any, reason: str) -> None:
    rows = [row, *content()["ratings"]]
    found = read_ratings([write(tmp_path / "a.json", content(ratings=rows))], "d" * 64, UIDS)
    assert len(found.files[0].ratings) == 1
    (problem,) = found.problems
    assert f"rating 1: {reason}" in problem
