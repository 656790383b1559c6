"""The commands that have people judge a data set, from page to export."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import vgmed_items

from lmms_vg.cli.main import main
from lmms_vg.vgmed.blind_key import read_key
from lmms_vg.vgmed.dataset import BuiltDataset


@pytest.fixture
def built(tmp_path: Path) -> BuiltDataset:
    return vgmed_items.write(tmp_path / "mine", 6)


def ratings(built: BuiltDataset, path: Path, **low: int) -> Path:
    """A rater's file with 5 everywhere, but for these questions."""
    rows = [
        {"question": one.id, "showing": 1, "scores": [5, 5, low.get(one.id.replace("-", "_"), 5)]}
        for one in built.questions
    ]
    content = {"format": "lmms-vg ratings 1", "data": built.card.hash, "rater": path.stem, "seed": 0}
    path.write_text(json.dumps(content | {"questions": 12, "repeats": 1, "ratings": rows}))
    return path


def test_the_workload_is_said_before_anything_is_written(
    built: BuiltDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["vgmed", "rate", "page", str(tmp_path / "mine"), "-o", str(tmp_path / "rate")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "12 questions, 1 of them twice: about 3 min for each rater at 10 s each"
    assert {path.name for path in (tmp_path / "rate").iterdir()} == {"index.html", "images"}
    assert main(["vgmed", "rate", "page", str(tmp_path / "mine"), "-o", str(tmp_path / "rate")]) == 2
    assert "already exists" in capsys.readouterr().err


def test_ratings_are_merged_and_what_is_kept_is_exported(
    built: BuiltDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [ratings(built, tmp_path / "A.json"), ratings(built, tmp_path / "B.json", item_2_attribute=2)]
    merged, own = str(tmp_path / "merged"), str(tmp_path / "own")
    assert main(["vgmed", "rate", "merge", str(tmp_path / "mine"), *map(str, files), "-o", merged]) == 0
    assert capsys.readouterr().out.startswith("# 11 of 12 questions are kept\n")
    assert {path.name for path in (tmp_path / "merged").iterdir()} == {"ratings.jsonl", "report.md", "table_r6.csv"}
    assert main(["vgmed", "export", str(tmp_path / "mine"), "--ratings", merged, "--to", "own", "-o", own]) == 0
    said = capsys.readouterr().out
    assert "questions.jsonl: 11 of 12 questions" in said
    assert "the licence of made does not clearly allow" in said
    assert len((tmp_path / "own" / "questions.jsonl").read_text().splitlines()) == 11


def test_files_of_another_version_are_named_and_the_others_merged(
    built: BuiltDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, old = ratings(built, tmp_path / "A.json"), tmp_path / "old.json"
    old.write_text(good.read_text().replace(built.card.hash, "0" * 64))
    command = ["vgmed", "rate", "merge", str(tmp_path / "mine")]
    assert main([*command, str(good), str(old), "-o", str(tmp_path / "merged")]) == 1
    assert "data 0000000000000000: it rates another version" in capsys.readouterr().err
    assert "## Left out" in (tmp_path / "merged" / "report.md").read_text()
    assert main([*command, str(old), "-o", str(tmp_path / "none")]) == 2
    assert "no file of ratings can be used" in capsys.readouterr().err


def test_ratings_of_other_questions_export_nothing(
    built: BuiltDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    merged = str(tmp_path / "merged")
    main(["vgmed", "rate", "merge", str(tmp_path / "mine"), str(ratings(built, tmp_path / "A.json")), "-o", merged])
    vgmed_items.write(tmp_path / "other", 3)
    command = [
        "vgmed",
        "export",
        str(tmp_path / "other"),
        "--ratings",
        merged,
        "--to",
        "coco",
        "-o",
        str(tmp_path / "x"),
    ]
    assert main(command) == 2
    assert "rates other questions" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_a_blind_study_of_two_finished_runs(
    demo_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LMMS_VG_HOME", str(demo_runs / "home"))
    runs = [str(demo_runs / "out" / name) for name in ("plain", "vgrefine")]
    command = ["vgmed", "blind", "page", *runs, "--task", "vgmed_demo", "-n", "3"]
    out, key = tmp_path / "blind", tmp_path / "key.json"
    paths = ["--key", str(key), "-o", str(out)]
    assert main([*command, *paths, "--arms", "plain,method,cut", "--layer", "1"]) == 0
    assert "3 cases, layer 1" in capsys.readouterr().out
    made = read_key(key)
    assert [*made.arms] == ["plain", "method", "cut"]
    assert "vgrefine" in made.arms["method"]
    assert len([*(out / "images").iterdir()]) == 3 * 4
    again = tmp_path / "again"
    assert main([*command, "--key", str(key), "-o", str(again), "--arms", "plain,method,cut", "--layer", "1"]) == 0
    assert (out / "index.html").read_bytes() == (again / "index.html").read_bytes()
    capsys.readouterr()
    for wrong, reason in (
        (
            ["--key", str(tmp_path / "new" / "key.json"), "-o", str(tmp_path / "new")],
            "lies in the folder that raters get",
        ),
        (["--key", str(tmp_path / "k"), "-o", str(tmp_path / "new"), "--task", "vqa_demo"], "measured vgmed_demo"),
        (["--key", str(tmp_path / "k"), "-o", str(tmp_path / "new"), "--arms", "plain"], "two or three of"),
        (["--key", str(key), "-o", str(tmp_path / "new")], "is the key of another study"),
    ):
        assert main([*command, *wrong]) == 2
        assert reason in capsys.readouterr().err
        assert not (tmp_path / "new").exists()
