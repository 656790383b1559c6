"""Which tasks of several runs a bundle holds: by protocol, by name, by group."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import runs
from raw import write_all
from refusals import refused

from lmms_vg.datasets import counts
from lmms_vg.submission.choice import choice, only_protocol
from lmms_vg.submission.collect import collect
from lmms_vg.submission.submit import submit

pytestmark = pytest.mark.usefixtures("few_phantoms")

HARD, STANDARD, LOOKED = "vqa_demo_hard", "vqa_demo_standard", "vgmed_demo"


@pytest.fixture
def chen_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One run with tasks of two protocols, a task that may belong to either, and a measurement."""
    write_all(tmp_path / "data")
    monkeypatch.setenv("LMMS_VG_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LMMS_VG_PARTIAL_DATA", "1")
    monkeypatch.setattr(counts, "deviations", {})
    run = runs.save_run(tmp_path / "run", "vqa_rad_closed", "vqa_rad_chen", "pmc_vqa", LOOKED)
    for path in (run / "demo").glob("*_samples_*.jsonl"):  # as if the data were whole
        path.write_text(path.read_text().replace('"partial": true, ', "").replace(', "partial": true', ""))
    return run


def test_two_protocols(tmp_path: Path, chen_too: Path) -> None:
    said = refused(tmp_path, "protocol", chen_too)
    assert "vqa_rad_chen is of chen, vqa_rad_closed is of vgrefine" in said
    assert "--protocol NAME" in said
    assert "--tasks" in said


@pytest.mark.parametrize(
    ("protocol", "names", "expected", "tasks"),
    [
        ("vgrefine", [], "vgrefine", ["pmc_vqa", LOOKED, "vqa_rad_closed"]),
        ("chen", [], "chen", [LOOKED, "vqa_rad_chen"]),
        ("test", [], "test", ["pmc_vqa", LOOKED]),
        ("test", ["pmc_vqa"], "test", ["pmc_vqa"]),
        (None, ["vqa_rad_chen"], "chen", ["vqa_rad_chen"]),
        (None, ["pmc_vqa", "vqa_rad_closed"], "vgrefine", ["pmc_vqa", "vqa_rad_closed"]),
        ("chen", [LOOKED], None, [LOOKED]),
    ],
)
def test_a_choice_of_tasks(
    chen_too: Path, protocol: str | None, names: list[str], expected: str | None, tasks: list[str]
) -> None:
    chosen = choice(protocol, names)
    found = collect([chen_too], chosen)
    assert (only_protocol(found.parts, chosen.protocol), sorted(found.parts)) == (expected, tasks)
    assert {*found.left_out} == {"pmc_vqa", LOOKED, "vqa_rad_chen", "vqa_rad_closed"} - {*tasks}


def test_a_choice_that_the_runs_do_not_have(tmp_path: Path) -> None:
    run = runs.save_run(tmp_path / "run", HARD, STANDARD)
    for given, said in (
        (("vgrefine", ["vqa_demo_hrad"]), "did you mean vqa_demo_hard"),
        (("chenn", []), "did you mean chen"),
        ((None, ["vqa_rad_open"]), "not in the runs, which have vqa_demo_hard, vqa_demo_standard"),
        (("chen", []), "no task of the runs is of it; vqa_demo_hard is of vgrefine"),
        (("chen", [HARD]), "no task of the runs is of it"),
    ):
        with pytest.raises(ValueError, match=said):
            submit([run], runs.CARD, tmp_path / "b.zip", choice(*given))
    assert not (tmp_path / "b.zip").exists()


def test_a_group_stands_for_its_tasks_and_is_kept_whole_only(tmp_path: Path) -> None:
    run = runs.save_run(tmp_path / "run", HARD, STANDARD, LOOKED)
    for names, groups in ((["vqa_demo"], ["vqa_demo"]), ([HARD, LOOKED], [])):
        out = tmp_path / f"{len(groups)}.zip"
        checked, *_ = submit([run], runs.CARD, out, choice(None, names))
        assert checked.entry is not None
        assert list(checked.entry.manifest.groups) == groups


def test_what_is_not_chosen_may_be_broken(tmp_path: Path) -> None:
    def reword(task: str, lines: list[dict[str, Any]]) -> None:
        if task == STANDARD:
            lines[3]["input"] = "left"

    run = runs.save_run(tmp_path / "run", HARD, STANDARD, change=reword)
    checked, _, left_out, _ = submit([run], runs.CARD, tmp_path / "b.zip", choice(None, [HARD]))
    assert checked.entry is not None
    assert left_out == [STANDARD]
