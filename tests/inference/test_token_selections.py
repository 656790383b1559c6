"""Several selections of token rows from one run: each has what a run with it alone has, and the first has it to the bit."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any, get_args

import pytest
import tiny
import tiny_families
import torch
from asking import GOOD, question
from checkpoints import load

from lmms_vg.attention.session import Rows, Selections
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.build import build
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.inference.question import Question
from lmms_vg.journal import Journal, Record, further_key, read_records
from lmms_vg.journal.map_file import MapIndex
from lmms_vg.methods import METHODS, Method
from lmms_vg.metrics.alignment import Alignment
from lmms_vg.models import Family
from lmms_vg.models.checkpoint import Shape
from lmms_vg.runs.kept_maps import TOLERANCE, kept_maps

EVERY: Selections = get_args(Rows)
OTHERS: Selections = ("all", "last", "question")
GIVEN: dict[str, dict[str, Any]] = {
    "vgrefine": {"heads": "2-1+0-3+3-0", "layers": 2},
    "pai": {"cfg": True},
    "vaf": {"start": 1, "end": 4},
}


@pytest.fixture(scope="module", params=["demo", "internvl", "gemma3"])
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Family:
    """The demo model; one whose views are tiles; and one whose text surrounds the image and whose layers see a window."""
    if request.param == "demo":
        return load("huatuo", "demo")
    return tiny_families.load(request.param, tmp_path_factory.mktemp("tiny") / request.param)


def method_of(name: str, family: Family) -> Method:
    text = family.text_model
    shape = Shape("tiny", len(text.layers), text.config.num_attention_heads, {}, family.name)
    return METHODS[name].for_checkpoint(shape, **GIVEN.get(name, {}))


def questions() -> list[Question]:
    first, second = tiny.picture(1, 160, 120), tiny.picture(2, 90, 200)
    return [
        question("a", first, GOOD, boxes=[[10, 10, 60, 70]], align=True),
        question("b", first, "Is the large cyst dark?", boxes=[[1, 1, 9, 40]], align=True),
        question("c", second, "Is it bright?", boxes=[[10, 10, 60, 70]], align=True),
        question("d", second, "Is it dark?", maps=True),
    ]


def run(family: Family, name: str, folder: Path, rows: Selections, **more: Any) -> dict[str, Record]:
    """The records by question, without their duration."""
    with (
        closing(Answerer(family, [MethodRun(method_of(name, family), Journal(folder))], 2, rows, **more)) as answerer,
        torch.no_grad(),
    ):
        records = {one.uid: record for one, record in answerer.answer(questions())}
    assert [record.error for record in records.values()] == [None] * 4
    return {uid: record.model_copy(update={"seconds": 0.0}) for uid, record in records.items()}


def without_others(record: Record) -> dict[str, Any]:
    made = record.model_dump()
    (made["alignment"] or {}).pop("selections", None)
    return made


def values(record: Record, rows: str | None) -> dict[str, Any]:
    return {name: (record.alignment_of(rows) or {}).get(name) for name in Alignment._fields}


def blocks(folder: Path, key: str, rows: str | None = None) -> list[bytes]:
    """The bytes of a question's maps, view by view, and of those of its reference prompt."""
    index, views = MapIndex.of(folder), []
    while (place := index.question(key, rows, len(views) // 2)) is not None:
        views += [one.path.read_bytes()[one.end - one.line.size : one.end] for one in (place, index.reference(place))]
    assert views
    return views


@pytest.mark.parametrize("name", ["plain", "vgrefine"])
def test_each_selection_has_what_a_run_with_it_alone_has(name: str, family: Family, tmp_path: Path) -> None:
    """Bytes of maps and references, and every digit of the values, whichever is the first."""
    alone = {rows: run(family, name, tmp_path / rows, (rows,)) for rows in EVERY}
    for order in (EVERY, OTHERS):
        folder = tmp_path / "+".join(order)
        together = run(family, name, folder, order)
        for uid, record in together.items():
            assert without_others(record) == without_others(alone[order[0]][uid])
            for rows in order:
                assert blocks(folder, record.key, rows) == blocks(tmp_path / rows, record.key)
                assert values(record, None if rows == order[0] else rows) == values(alone[rows][uid], None)
            assert (record.alignment is None) == (uid == "d"), "maps alone have no values"
    differ = {tuple(alone[rows]["a"].alignment["kl"]) for rows in EVERY}  # type: ignore[index]
    assert len(differ) == 3, "the selections are not the same rows"


@pytest.mark.parametrize("name", ["pai", "vicrop", "vaf", "adaptvis", "vcd"])
def test_the_first_selection_is_moved_by_no_other(name: str, tmp_path: Path) -> None:
    """Also where a method edits the last row alone, so that captures of more rows would change its products."""
    family = load("huatuo", "demo")
    alone = run(family, name, tmp_path / "last", ("last",), diagnose=True, per_head=True)
    together = run(family, name, tmp_path / "every", EVERY, diagnose=True, per_head=True)
    for uid, record in together.items():
        assert without_others(record) == without_others(alone[uid])
        assert blocks(tmp_path / "every", record.key) == blocks(tmp_path / "last", record.key)
        for rows in EVERY[1:]:
            assert len(blocks(tmp_path / "every", record.key, rows)[0]) == len(blocks(tmp_path / "last", record.key)[0])
    assert (tmp_path / "every" / "rank0.heads").read_bytes() == (tmp_path / "last" / "rank0.heads").read_bytes()


def test_the_file_of_one_selection_is_a_part_of_that_of_several(tmp_path: Path) -> None:
    """Nothing is said differently of the first one: a reader that knows of one selection reads what it always did."""
    family = load("huatuo", "demo")
    run(family, "plain", tmp_path / "one", ("last",))
    records = run(family, "plain", tmp_path / "every", EVERY)
    one, every = (
        {
            place.line.key: place.path.read_bytes()[place.start : place.end]
            for place in MapIndex.of(tmp_path / name).places.values()
        }
        for name in ("one", "every")
    )
    assert one.items() < every.items()
    assert set(every) == {further for key in one for further in (key, *(further_key(key, rows) for rows in EVERY[1:]))}
    index = MapIndex.of(tmp_path / "every")
    assert index.further == {record.key: [("question", 0), ("all", 0)] for record in records.values()}
    assert MapIndex.of(tmp_path / "one").further == {}
    assert MapIndex.of(tmp_path / "one").question(records["a"].key, "all") is None


def test_kept_maps_give_the_stated_values_of_every_selection(tmp_path: Path) -> None:
    records = [*run(load("huatuo", "demo"), "plain", tmp_path, EVERY).values()][:3]
    for rows in (None, *EVERY):
        found = 0
        for kept in kept_maps(tmp_path, records, rows=rows):
            for place, maps, mask in zip(kept.places, kept.maps, kept.masks, strict=True):
                stated = values(records[place], None if rows in (None, "last") else rows)
                ar = maps[:, mask].mean(axis=1) / maps.mean(axis=1)
                assert ar == pytest.approx(stated["ar"], rel=TOLERANCE)
                found += 1
        assert found == 3


def test_a_run_is_resumed_behind_a_torn_map(tmp_path: Path) -> None:
    """Killed while it wrote the maps of the last batch: those of the first one stay, and only the last is asked again."""
    family = load("huatuo", "demo")
    whole = run(family, "plain", tmp_path, EVERY)
    maps, journal = tmp_path / "rank0.maps", tmp_path / "rank0.jsonl"
    written = maps.read_bytes()
    maps.write_bytes(written[:-7])
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:3]))
    assert [record.uid for record in read_records([journal])] == ["a", "b"]
    assert run(family, "plain", tmp_path, EVERY) == whole
    assert [record.uid for record in read_records([journal])] == ["a", "b", "c", "d"]
    fresh = tmp_path / "fresh"
    run(family, "plain", fresh, EVERY)
    for record in whole.values():
        for rows in EVERY:
            assert blocks(tmp_path, record.key, rows) == blocks(fresh, record.key, rows)
    assert run(family, "plain", tmp_path, EVERY) == whole, "nothing is asked a second time"
    assert len([*read_records([journal])]) == 4


def test_the_identity_names_the_first_selection_and_the_others_apart() -> None:
    given = {"pretrained": "demo", "self_check": False}
    one, several, other_order, first = (
        build("huatuo", "plain", rows=rows, **given).journal
        for rows in ("last", "last+question+all", "last+all+question", "question+last+all")
    )
    assert one.provenance["rows"] == several.provenance["rows"] == "last"
    assert "further_rows" not in one.provenance
    assert several.provenance["further_rows"] == ["question", "all"]
    assert (first.provenance["rows"], first.provenance["further_rows"]) == ("question", ["last", "all"])
    assert several.folder == other_order.folder, "the order of the others says nothing"
    assert len({one.folder, several.folder, first.folder}) == 3


def test_a_question_without_a_selection_fails_by_itself(tmp_path: Path) -> None:
    """No text after the image: asked for the question's rows, it cannot be measured, and it says which rows these are."""
    family = load("huatuo", "demo")
    silent = question("silent", GOOD, tiny.picture(1), boxes=[[5, 5, 30, 30]], align=True)
    with (
        closing(Answerer(family, [MethodRun(method_of("plain", family), Journal(tmp_path))], 2, EVERY)) as answerer,
        torch.no_grad(),
    ):
        records = {one.uid: record for one, record in answerer.answer([silent, *questions()])}
    assert records["silent"].error_code == "unmeasurable"
    assert 'rows="question"' in str(records["silent"].error)
    assert [record.error for uid, record in records.items() if uid != "silent"] == [None] * 4
