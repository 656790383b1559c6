"""Documentation, command line, page and schema name exactly the protocols of the list."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from lmms_vg.cli.main import main
from lmms_vg.leaderboard.table_specs import shapes
from lmms_vg.paper.protocols import PROTOCOLS, ProtocolName
from lmms_vg.submission.json_schema import json_schema
from lmms_vg.tasks.catalogue import tasks
from lmms_vg.tasks.registry import TASKS

DOCS = Path(__file__).parents[2] / "docs" / "protocols.md"
NAMES = ["vgrefine", "test", "chen", "chen-greedy"]


def test_the_list() -> None:
    assert [*PROTOCOLS] == [*get_args(ProtocolName)] == [one.name for one in PROTOCOLS.values()] == NAMES
    assert all(one.title and one.about.endswith(".") for one in PROTOCOLS.values())


def test_tasks_stand_under_them_in_their_order() -> None:
    """Every protocol has tasks, and `lmms-vg tasks` prints no other word."""
    assert {name for spec in TASKS.values() for name in spec.protocols} == {*NAMES}
    assert all([*spec.protocols] == [name for name in NAMES if name in spec.protocols] for spec in TASKS.values())
    lines = list(tasks())
    printed = {word for line in lines[1 : lines.index("")] for word in line.split()[2].split(",")}
    assert printed == {*NAMES, "-"}


@pytest.mark.parametrize(
    ("task", "protocols"),
    [
        ("vgmed_localization", []),
        ("demo_calibration", []),
        ("vqa_rad_closed", ["vgrefine"]),
        ("slake_test_open", ["test"]),
        ("pathvqa_open", ["vgrefine", "test"]),
        ("pathvqa_test_open", ["test"]),
        ("omnimedvqa_ct", ["vgrefine", "test"]),
        ("mmmu_med_test", ["vgrefine", "test"]),
        ("mmmu_med_chen", ["chen"]),
        ("pmc_vqa_chen_greedy", ["chen-greedy"]),
        ("vqa_demo_open", ["vgrefine"]),
    ],
)
def test_protocols_of_a_task(task: str, protocols: list[str]) -> None:
    assert [*TASKS[task].protocols] == protocols
    assert TASKS[task].measures is (not protocols)


def test_documentation_has_a_heading_for_each() -> None:
    headings = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("## `")]
    assert [name for line in headings for name in re.findall(r"`([^`]+)`", line.partition(":")[0])] == NAMES


def test_the_command_line_names_them(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["submit", "--help"])
    assert f"thisprotocol:{','.join(NAMES)}--tasks" in "".join(capsys.readouterr().out.split()), (
        "lines may be broken at hyphens"
    )


def test_a_bundle_and_its_tasks_say_the_same_word() -> None:
    schema = json_schema()
    for of in (schema, schema["$defs"]["Task"]):
        assert of["properties"]["protocol"]["anyOf"] == [{"enum": NAMES, "type": "string"}, {"type": "null"}]


@pytest.mark.parametrize("name", NAMES)
def test_tables_begin_with_their_protocol(name: ProtocolName) -> None:
    scored = [shape for shape in shapes(name) if shape.key != "grounding"]  # attention has no protocol
    assert scored[0].about.startswith(f"Protocol {name}: {PROTOCOLS[name].title}. ")
