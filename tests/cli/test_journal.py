"""`lmms-vg journal`: what each action prints, and its status."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from journals import held, record

from lmms_vg import journal
from lmms_vg.cli.main import main
from lmms_vg.journal import Journal
from lmms_vg.journal.lines import encode

Capture = pytest.CaptureFixture[str]

PLAIN, VGREFINE = "huatuo_plain-1", "llava_vgrefine-2"


@pytest.fixture
def root() -> Path:
    """A journal of a week ago, and one of today with a failure."""
    root = journal.home() / "journal"
    stated = {"settings": {"pretrained": "demo"}, "dtype": "float32"}
    plain = {"name": "plain", "hyper_parameters": {}}
    with Journal(root / PLAIN, provenance={"family": "huatuo", "method": plain, **stated}) as made:
        made.write([record("a"), record("b")])
    vgrefine = {"name": "vgrefine", "hyper_parameters": {"k": 5}}
    with Journal(root / VGREFINE, provenance={"family": "llava", "method": vgrefine, **stated}) as made:
        made.write([record("a"), record("f", text="", error="E: no", error_code="model")])
    then = time.time() - 7 * 86400
    os.utime(root / PLAIN / "rank0.jsonl", (then, then))
    return root


def cells(shown: str) -> list[list[str]]:
    """The rows of a table, without its rule."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in shown.splitlines() if line.startswith("| ")]
    return rows[1:]


def test_list_names_model_method_and_counts(root: Path, capsys: Capture) -> None:
    assert main(["journal", "list"]) == 0
    first, second = cells(capsys.readouterr().out)
    assert first[:6] == [PLAIN, "huatuo demo", "plain", "float32", "2", "0"]
    assert second[:6] == [VGREFINE, "llava demo", "vgrefine (k=5)", "float32", "1", "1"]
    assert first[6] < second[6] > "2026"
    assert main(["journal", "list", "llava_*"]) == 0
    assert [row[0] for row in cells(capsys.readouterr().out)] == [VGREFINE]


@pytest.mark.parametrize(("unread", "number"), [({"run": {}}, 1), ({"format": 99, "run": {}}, 99)])
def test_list_goes_on_where_a_journal_cannot_be_read(
    root: Path, capsys: Capture, unread: dict[str, Any], number: int
) -> None:
    (root / PLAIN / "rank0.jsonl").write_bytes(encode([unread]))
    (root / VGREFINE / "rank1.jsonl").write_bytes(encode([{"format": 2, "run": {"method": "old", "settings": None}}]))
    assert main(["journal", "list"]) == 0
    shown = capsys.readouterr().out
    first, second = cells(shown)
    assert first[:6] == [PLAIN, "", "", "", "", ""]
    assert second[:6] == [VGREFINE, "", "", "", "1", "1"]
    assert shown.splitlines()[-1].startswith(f"journal {root / PLAIN / 'rank0.jsonl'}: its format is {number};")


def test_size_of_each_and_of_all(root: Path, capsys: Capture) -> None:
    (root / PLAIN / "rank1.jsonl").write_bytes(bytes(2_500_000))
    assert main(["journal", "size"]) == 0
    assert cells(capsys.readouterr().out) == [[PLAIN, "2.5 MB"], [VGREFINE, "0.0 MB"], ["all", "2.5 MB"]]


def test_without_journals_it_is_said_where_they_would_be(capsys: Capture) -> None:
    for action in (["list"], ["size"]):
        assert main(["journal", *action]) == 0
        assert capsys.readouterr().out == f"{journal.home() / 'journal'} has no journals\n"
    assert main(["journal", "prune", "--unwritten", "1", "--yes"]) == 0


@pytest.mark.parametrize(
    ("chosen", "deleted"),
    [
        ([PLAIN], [PLAIN]),
        (["*_plain-*"], [PLAIN]),
        (["--unwritten", "6"], [PLAIN]),
        (["--unwritten", "0"], [PLAIN, VGREFINE]),
        (["llava_*", "--unwritten", "6"], []),
        ([PLAIN, VGREFINE], [PLAIN, VGREFINE]),
    ],
)
def test_prune_shows_first_and_deletes_with_yes(
    root: Path, chosen: list[str], deleted: list[str], capsys: Capture
) -> None:
    assert main(["journal", "prune", *chosen]) == 0
    shown = capsys.readouterr().out
    assert [name for name in (PLAIN, VGREFINE) if name in shown] == deleted
    assert ("--yes" in shown) == bool(deleted)
    assert sorted(path.name for path in root.iterdir()) == [PLAIN, VGREFINE]
    assert main(["journal", "prune", *chosen, "--yes"]) == 0
    assert sorted({path.name for path in root.iterdir()} ^ {PLAIN, VGREFINE}) == deleted


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prune"], "name what to delete"),
        (["prune", "--yes"], "name what to delete"),
        (["prune", "lava_plain"], "has no journal of that name"),
        (["export", "gemma_*", "-o", "a.zip"], "has no journal of that name"),
        (["export", PLAIN, "-o", "a.tar"], "allowed is a .zip file, or a .parquet file"),
        (["import", "none.zip"], "there is no none.zip in ."),
        (["import", "text.zip"], "it is no zip"),
    ],
)
def test_errors_are_one_line_and_status_2(
    root: Path, arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.zip").write_text("text")
    assert main(["journal", *arguments]) == 2
    shown = capsys.readouterr()
    assert (message in shown.err, shown.err.count("\n"), shown.out) == (True, 1, "")
    assert sorted(path.name for path in root.iterdir()) == [PLAIN, VGREFINE]


@pytest.mark.parametrize("days", ["-1", "nan", "x"])
def test_days_that_are_none(days: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["journal", "prune", f"--unwritten={days}", "--yes"])


@pytest.mark.e2e
def test_prune_keeps_a_journal_in_use_and_says_so(root: Path, capsys: Capture) -> None:
    with held(root / PLAIN) as process:
        assert main(["journal", "prune", "*", "--yes"]) == 1
        kept, deleted = capsys.readouterr().out.splitlines()
    assert kept.startswith(f"kept {PLAIN}, ")
    assert f"in use by process {process.pid} " in kept
    assert deleted.startswith(f"deleted {VGREFINE}, ")
    assert [path.name for path in root.iterdir()] == [PLAIN]


def test_exported_answers_are_imported_elsewhere(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    out = tmp_path / "answers.zip"
    assert main(["journal", "export", "*", "-o", str(out)]) == 0
    *names, last = capsys.readouterr().out.splitlines()
    assert names == [PLAIN, VGREFINE]
    assert last.startswith(f"{out}: ")
    monkeypatch.setenv("LMMS_VG_HOME", str(tmp_path / "there"))
    for counts in ("2 answers and 0 failures added, 0 were", "0 answers and 0 failures added, 2 were"):
        assert main(["journal", "import", str(out)]) == 0
        assert capsys.readouterr().out.startswith(f"{PLAIN}: {counts} there already\n")
    assert main(["journal", "list"]) == 0
    first, _ = cells(capsys.readouterr().out)
    assert first[:6] == [PLAIN, "huatuo demo", "plain", "float32", "2", "0"]
