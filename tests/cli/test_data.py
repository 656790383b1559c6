"""`lmms-vg tasks` against the YAML files, and the commands on runs and data."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from saved_run import closed, save, tables

from lmms_vg import plugin
from lmms_vg.cli.main import main
from lmms_vg.tasks import yaml_files
from lmms_vg.tasks.catalogue import looked_in, status, tasks
from lmms_vg.tasks.registry import TASKS

Capture = pytest.CaptureFixture[str]


class YamlLoader(yaml.SafeLoader):
    """Read lmms-eval's tags as text."""


YamlLoader.add_multi_constructor("!", lambda loader, _, node: loader.construct_scalar(node))


def test_every_task_has_a_line() -> None:
    """Compared with the YAML files as a YAML parser reads them."""
    files = [yaml.load(file.read_text(), YamlLoader) for file in plugin.TASK_FOLDER.rglob("*.yaml")]
    leaves = {file["task"] for file in files if "group" not in file}
    groups = {file["group"]: file["task"] for file in files if "group" in file}
    assert leaves == TASKS.keys() - {"demo_calibration"}
    lines = list(tasks())
    middle = lines.index("")
    assert lines[0].split() == ["task", "n", "protocol", "licence"]
    shown = [line.split(maxsplit=3) for line in lines[1:middle]]
    assert [name for name, *_ in shown] == sorted(leaves)
    assert ["vqa_rad_closed", "1,297", "vgrefine", "CC0"] in shown
    assert ["slake_closed", "2,781", "vgrefine", "CC-BY-4.0"] in shown
    assert ["vgmed_demo", "300", "-", "Apache-2.0"] in shown
    assert next(row for row in shown if row[0] == "vgmed_localization")[1:3] == ["-", "-"]
    assert next(row for row in shown if row[0] == "pmc_vqa")[1:3] == ["2,000", "vgrefine,test"]
    assert next(row for row in shown if row[0] == "omnimedvqa_chen_greedy")[1:3] == ["11,124", "chen-greedy"]
    assert lines[middle + 1] == "groups"
    assert {name: members for name, *members in map(str.split, lines[middle + 2 :])} == groups
    assert len({line.index(name) for line, (_, _, _, name) in zip(lines[1:middle], shown, strict=True)}) == 1, "columns"


def test_published_numbers_of_questions_are_the_tasks_own() -> None:
    """Table 1 has 9,440 questions, HuatuoGPT-Vision's file 17,298, OmniMedVQA 88,995."""
    groups = yaml_files.groups()

    def total(group: str) -> int:
        return sum(TASKS[task].n or 0 for task in groups[group])

    assert [total(group) for group in ("medvqa", "medvqa_chen", "omnimedvqa", "mmmu_med")] == [9440, 17298, 88995, 150]


@pytest.fixture
def run_folders(tmp_path: Path) -> tuple[str, str]:
    for name, scores in (("one", [1, 0, 0]), ("two", [1, 1, 1])):
        save(tmp_path / name, {"t": [closed(f"q{i}", score) for i, score in enumerate(scores)]})
    return str(tmp_path / "one"), str(tmp_path / "two")


def test_status_and_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("LMMS_VG_DATA", str(tmp_path))

    def shown(*arguments: str) -> list[str]:
        assert main(arguments) == 0
        return capsys.readouterr().out.splitlines()

    assert shown("data", "status") == [looked_in(), *(line for dataset in status() for line in dataset.lines())]
    assert shown("tasks") == list(tasks())
    assert shown("tasks", "--path") == [str(plugin.TASK_FOLDER)]


def test_fetch_takes_several_names(capsys: Capture) -> None:
    assert main(["data", "fetch", "vqa_demo", "vgmed_demo"]) == 0
    assert capsys.readouterr().out == "vqa_demo needs no files\nvgmed_demo needs no files\n"
    with pytest.raises(SystemExit):
        main(["data", "fetch"])
    assert "NAME" in capsys.readouterr().err


def test_report_and_compare(run_folders: tuple[str, str], capsys: Capture) -> None:
    assert main(["report", run_folders[0]]) == 0
    ((_, row), *_) = tables(capsys.readouterr().out)
    assert row[:6] == ["t", "acc", "3", "0", "0.000", "0.3333"]
    assert main(["compare", *run_folders]) == 0
    (_, (_, base, other), _) = tables(capsys.readouterr().out)
    assert (base[3], base[5], other[5]) == ("33.33", "", "+66.67")


def test_published(capsys: Capture) -> None:
    assert main(["published", "--check"]) == 0
    assert capsys.readouterr().out.rstrip().endswith("77 averages: 51 reproduce, 26 do not")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data", "fetch", "nothing"], "data set nothing: allowed is "),
        (["report", "nowhere"], "nowhere: there is no nowhere in ."),
        (["compare", "nowhere", "nowhere"], "nowhere: there is no nowhere in ."),
    ],
)
def test_errors_are_one_line(arguments: list[str], message: str, capsys: Capture) -> None:
    assert main(arguments) == 2
    shown = capsys.readouterr().err
    assert shown.startswith(f"lmms-vg: {message}")
    assert shown.count("\n") == 1
