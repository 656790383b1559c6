"""The tables' columns agree with the paper's, with the readers' counts, and with what a protocol may hold."""

from __future__ import annotations

import pytest

from lmms_vg.leaderboard.columns import Measure
from lmms_vg.leaderboard.table_specs import TableSpec, shapes
from lmms_vg.paper import published
from lmms_vg.paper.protocols import PROTOCOLS, ProtocolName
from lmms_vg.submission.look_scores import EXCESS
from lmms_vg.tasks.registry import TASKS

ALL = [*PROTOCOLS]


def shape(key: str, protocol: ProtocolName = "vgrefine") -> TableSpec:
    return next(one for one in shapes(protocol) if one.key == key)


def measure(key: str, title: str, protocol: ProtocolName = "vgrefine") -> Measure:
    return next(one for one in shape(key, protocol).measures if one.title == title)


def test_columns_are_the_papers() -> None:
    found = {one.published: [measure.title for measure in one.measures] for one in shapes("vgrefine") if one.published}
    assert found == {id: published.table(id).columns for id in ("1", "2", "3", "E.3", "F.4", "G.5")}


@pytest.mark.parametrize("protocol", ALL)
def test_every_task_is_one_of_its_protocol_and_every_table_has_its_order(protocol: ProtocolName) -> None:
    for one in shapes(protocol):
        titles = [measure.title for measure in one.measures]
        assert len(set(titles)) == len(titles)
        assert one.ranked
        assert set(one.ranked) <= set(titles)
        for measure in one.measures:
            assert measure.ways
            assert measure.tasks <= TASKS.keys()
            if one.key == "grounding" or measure.metric in ("ar", "kl", "js", "best_layer", "placement", *EXCESS):
                assert all(TASKS[task].measures for task in measure.tasks)
            else:
                assert all(protocol in TASKS[task].protocols for task in measure.tasks)


@pytest.mark.parametrize(
    ("protocol", "tasks"),
    [
        ("vgrefine", ["vqa_rad_closed", "slake_closed", "pathvqa_closed", "pmc_vqa"]),
        ("test", ["vqa_rad_test_closed", "slake_test_closed", "pathvqa_test_closed", "pmc_vqa"]),
        ("chen", ["vqa_rad_chen", "slake_chen", "pathvqa_chen", "pmc_vqa_chen"]),
        ("chen-greedy", [f"{name}_chen_greedy" for name in ("vqa_rad", "slake", "pathvqa", "pmc_vqa")]),
    ],
)
def test_closed_questions_of_a_protocol(protocol: ProtocolName, tasks: list[str]) -> None:
    *sets, average = shape("table1", protocol).measures
    assert [one.ways[0][0].tasks for one in sets] == [(task,) for task in tasks]
    assert average.ways[0][0].tasks == tuple(tasks)
    assert len(average.ways[0]) == 1, "pooled"


def test_path_vqa_has_two_names_for_one_test_split() -> None:
    assert [way[0].tasks for way in measure("table1", "PathVQA", "test").ways] == [
        ("pathvqa_test_closed",),
        ("pathvqa_closed",),
    ]


@pytest.mark.parametrize(
    ("key", "title", "n"),
    [
        ("table1", "VQA-RAD", "1,297"),
        ("table1", "SLAKE", "2,781"),
        ("table1", "PathVQA", "3,362"),
        ("table1", "PMC-VQA", "2,000"),
        ("table1", "Avg.", "9,440"),
        ("table2", "BMS", "30"),
        ("table2", "Avg.", "150"),
        ("table3", "MRI", "31,877"),
        ("table3", "Avg.", "88,995"),
        ("tableE3", "SLAKE OpenRecall", "4,252"),
        ("tableG5", "Avg. on Med-VQAs", "9,440"),
    ],
)
def test_columns_say_how_many_questions(key: str, title: str, n: str) -> None:
    assert f"(n = {n})" in measure(key, title).about


def test_mmmu_weighs_subjects_by_their_test_questions() -> None:
    parts = measure("table2", "Avg.").ways[0]
    assert [round(1752 * part.weight) for part in parts] == [326, 325, 162, 430, 509]
    assert sum(part.weight for part in parts) == pytest.approx(1)
    assert parts == measure("tableG5", "MMMU Avg.").ways[0]
    assert "validation split, 30 questions" in shape("table2").about
    assert "validation split, 30 questions" in shape("tableG5").about


def test_protocol_chen_has_one_column_each_for_mmmu_and_omnimedvqa() -> None:
    assert [one.title for one in shape("table2", "chen").measures] == ["MMMU"]
    assert [one.title for one in shape("table3", "chen").measures] == ["OmniMedVQA"]
    assert [one.key for one in shapes("chen")] == ["grounding", "table1", "table2", "table3", "tableF4", "tableG5"]


def test_only_the_papers_own_questions_stand_beside_its_numbers() -> None:
    assert not any(one.published for protocol in ALL[1:] for one in shapes(protocol))
    assert [one.key for one in shapes("vgrefine")][-1] == "demo"
    assert all(one.key != "demo" for protocol in ALL[1:] for one in shapes(protocol))


def test_which_way_is_up() -> None:
    up = {one.title: one.better for one in shape("grounding").measures}
    assert up["medical AR"] == up["COCO AR"] == "higher"
    assert {up[f"{side} {name}"] for side in ("medical", "COCO") for name in ("KL", "JS")} == {"lower"}
    assert {up[f"medical {name}"] for name in ("excess AR", "placement")} == {"higher"}
    assert {up[f"medical excess {name}"] for name in ("KL", "JS")} == {"lower"}
    assert {up[title] for title in up if "gap" in title or "layer" in title} == {None}
    chance = {one.title: one.chance for one in shape("grounding").measures if one.chance}
    assert chance == {
        f"{side} {name}": level
        for side in ("medical", "COCO")
        for name, level in (("excess AR", "0"), ("excess KL", "0"), ("excess JS", "0"), ("placement", ".5"))
    }
    assert {one.better for key in ("table1", "table2", "table3", "tableE3") for one in shape(key).measures} == {
        "higher"
    }


def test_data_sets_of_a_table_are_named_as_they_are_declared() -> None:
    assert shape("table1").datasets == {"vqa_rad", "slake", "path_vqa", "pmc_vqa"}
    assert shape("table1", "chen").datasets == {"vqa_rad", "slake", "path_vqa", "pmc_vqa", "medical_eval"}
    assert shape("table2").datasets == {"mmmu"}
    assert shape("table3", "chen-greedy").datasets == {"omnimedvqa", "medical_eval"}
    assert shape("grounding").datasets == {"vgmed"}
    assert shape("tableG5").datasets == shape("table1").datasets | {"mmmu", "omnimedvqa"}
