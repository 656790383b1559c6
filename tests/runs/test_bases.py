"""Which run is the base, and baselines that contradict each other."""

from __future__ import annotations

from pathlib import Path

import pytest
from said import said_run

from lmms_vg.runs.bases import base_of
from lmms_vg.runs.compare import compare

TRUTH = [True, False] * 10


def test_by_label_method_or_folder(tmp_path: Path) -> None:
    runs = [
        said_run(tmp_path / "p", TRUTH, TRUTH),
        said_run(tmp_path / "v5", TRUTH, TRUTH, "vgrefine", k=5),
        said_run(tmp_path / "v9", TRUTH, TRUTH, "vgrefine", k=9),
        said_run(tmp_path / "q", TRUTH, TRUTH, "pai"),
    ]
    assert base_of(runs) is runs[0]
    assert base_of(runs, "vgrefine (k=9)") is runs[2]
    assert base_of(runs, "pai") is runs[3]
    assert base_of(runs, "v5") is runs[1]
    assert compare(runs, base="pai").base.name == "pai"
    with pytest.raises(
        ValueError, match=r"--base vgrefine is the name of 2 runs: vgrefine \(k=5\) \(.*\), vgrefine \(k=9\) \("
    ):
        base_of(runs, "vgrefine")
    with pytest.raises(
        ValueError, match=r"--base pia: did you mean pai\?.* allowed is a run's label, .* the runs are plain \("
    ):
        base_of(runs, "pia")


def test_by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two folders have the same name, so that only their paths tell them apart."""
    runs = [said_run(tmp_path / name / "out", TRUTH, TRUTH, "vgrefine", k=k) for name, k in (("a", 5), ("b", 9))]
    with pytest.raises(ValueError, match="--base out is the name of 2 runs"):
        base_of(runs, "out")
    assert base_of(runs, str(tmp_path / "b" / "out")) is runs[1]
    assert base_of(runs, str(runs[1].path)) is runs[1], "as it is printed"
    monkeypatch.chdir(tmp_path)
    assert base_of(runs, "b/out/") is runs[1]
    assert base_of(runs, "./a/out") is runs[0]
    with pytest.raises(ValueError, match=r"--base \. is the name of 2 runs"):
        base_of(runs, ".")
    with pytest.raises(ValueError, match=r"--base c/out: .*the name or path of its folder"):
        base_of(runs, "c/out")


def test_baselines_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    first = said_run(tmp_path / "a", TRUTH, TRUTH)
    same, other = said_run(tmp_path / "b", TRUTH, TRUTH), said_run(tmp_path / "c", [not TRUTH[0], *TRUTH[1:]], TRUTH)
    method = said_run(tmp_path / "m", TRUTH, TRUTH, "vgrefine")
    assert compare([method, first, same]).base.path == first.path
    with pytest.raises(ValueError, match=r"1 of 20 scores of t differ.*--base 'plain #1'"):
        compare([method, first, other])
    assert compare([method, first, other], base="plain #2").base.path == other.path
    elsewhere = said_run(tmp_path / "d", [not yes for yes in TRUTH], TRUTH, identity={"dtype": "bfloat16"})
    assert compare([first, elsewhere], ["dtype"]).base.path == first.path, "they state why they differ"
