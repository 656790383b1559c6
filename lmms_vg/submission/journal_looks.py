"""Values that a run's journal adds to its answers: excess and placement of every measured question, and their maps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lmms_vg.journal import LayerMaps, QuestionMap, Record, ReferenceMap, read_records
from lmms_vg.journal.map_file import MapIndex, MapPlace
from lmms_vg.journal.map_lines import block_of, patches_of
from lmms_vg.runs.journal_of import journal_of
from lmms_vg.runs.kept_maps import kept_maps
from lmms_vg.runs.results import Run
from lmms_vg.submission.map_values import MapValues, hidden_layers, map_values
from lmms_vg.submission.schema_lines import BundleAnswer

#: Most patches of a map in a bundle: placement takes time and memory by the square of it.
MOST_PATCHES = 4_096


class JournalLooks(NamedTuple):
    """The measured questions of one task of a run.

    Attributes:
        maps: where the journal's maps are.
        records: uid -> record, of all measured questions in the order of the bundle.
        values: uid -> what its map gives at every layer.
        hidden: the layers in which patches have no attention at all.
    """

    maps: MapIndex
    records: dict[str, Record]
    values: dict[str, MapValues]
    hidden: list[int]

    def size(self, layers: Sequence[int]) -> int:
        """Return the number of bytes that `blocks` gives, up to the lines' own."""
        places = [place for record in self.records.values() if (place := self.maps.question(record.key))]
        names = {place.line.name: place for asked in places for place in (asked, self.maps.reference(asked))}
        return sum(place.end - place.start - place.line.size for place in names.values()) + sum(
            len(layers) * (8 + 2 * place.line.patches) for place in names.values()
        )

    def blocks(self, layers: Sequence[int]) -> Iterator[bytes]:
        """Yield the blocks of a bundle's member: each question's map, and before the first of an image its reference's."""
        written: set[str] = set()
        for uid, record in self.records.items():
            asked = self.maps.question(record.key)
            assert asked is not None, "only questions with maps are kept"
            general = self.maps.reference(asked)
            own, reference_maps = self.maps.maps([asked, general])
            assert own is not None, "it was read before"
            assert reference_maps is not None, "it was read before"
            reference = ReferenceMap(general.line.key, general.line.grid, reference_maps.at([*layers]))
            if reference.key not in written:
                written.add(reference.key)
                yield block_of(reference)
            yield block_of(_question(uid, asked, own.at([*layers]), reference))


def journal_looks(run: Run, task: str, answers: Sequence[BundleAnswer]) -> JournalLooks | str:
    """Measure a task's maps in its run's journal; or say why there are none."""
    measured = {answer.uid: answer.alignment for answer in answers if answer.alignment is not None}
    folder = journal_of(run)
    if folder is None:
        return "its journal is not on this machine"
    recorded = _records(folder, task)
    records = {uid: recorded[uid] for uid in measured if uid in recorded}
    if any((record.alignment or {}).get("kl") != measured[uid].kl for uid, record in records.items()):
        return f"its journal {folder} holds other values than its results"
    about = [*records.values()]
    groups = kept_maps(folder, about)
    if (number := sum(len(kept.places) for kept in groups)) < len(measured):
        return f"its journal {folder} has maps of {number:,} of {len(measured):,} measured questions"
    if any(kept.maps.shape[-1] > MOST_PATCHES for kept in groups):
        return f"its maps have more than {MOST_PATCHES:,} patches"
    values = map_values(groups, about)
    layers = range(len(about[0].alignment["kl"]))  # type: ignore[index]
    return JournalLooks(MapIndex.of(folder), records, values, hidden_layers(values, layers))


def with_map_values(answers: Sequence[BundleAnswer], values: Mapping[str, MapValues]) -> list[BundleAnswer]:
    """Return the answers with excess and placement where a map gave them."""
    return [
        answer.model_copy(update={"alignment": values[answer.uid].beside(answer.alignment)})
        if answer.alignment is not None and answer.uid in values
        else answer
        for answer in answers
    ]


def _records(folder: Path, task: str) -> dict[str, Record]:
    every = read_records(sorted(folder.glob("rank*.jsonl")))
    return {
        record.uid: record.without_heads() for record in every if record.task == task and record.alignment is not None
    }


def _question(uid: str, place: MapPlace, maps: LayerMaps, reference: ReferenceMap) -> QuestionMap:
    about = place.line.question
    assert about is not None, "the place of a question"
    mask, visible = (patches_of(packed, place.line.grid) for packed in (about.mask, about.visible))
    return QuestionMap(uid, about.image, about.rows, about.view, mask, visible, maps, reference)
