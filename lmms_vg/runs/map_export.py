"""The maps of journals as a Parquet file: for DuckDB, pandas, polars or R, without any of our code.

One row per question, layer, selection of token rows and view. Maps are float32, row by row over the grid, over their largest
value, which stands beside them; the question's map over the reference prompt's is what AR, KL and JS measure. These are in the
columns `ar`, `kl` and `js` as the run measured them, and `even_ar`, `even_kl` and `even_js` are what attention has that is even
over the visible image: the chance level to read first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lmms_vg._util.atomic_files import check_new, replacing
from lmms_vg.journal import LayerMaps, Record, read_records
from lmms_vg.journal.map_file import MapIndex, MapPlace
from lmms_vg.journal.map_lines import patches_of
from lmms_vg.metrics.uniform import uniform

_MAP, _PATCHES = pa.list_(pa.float32()), pa.list_(pa.bool_())

#: The columns.
SCHEMA = pa.schema(
    {
        "journal": pa.string(),
        "task": pa.string(),
        "uid": pa.string(),
        "key": pa.string(),
        "image": pa.string(),
        "patient": pa.string(),
        "rows": pa.string(),
        "view": pa.int32(),
        "layer": pa.int32(),
        "grid_rows": pa.int32(),
        "grid_cols": pa.int32(),
        "image_width": pa.int32(),
        "image_height": pa.int32(),
        "question": _MAP,
        "question_max": pa.float32(),
        "question_on_image": pa.float32(),
        "reference": _MAP,
        "reference_max": pa.float32(),
        "reference_on_image": pa.float32(),
        "mask": _PATCHES,
        "visible": _PATCHES,
        **{name: pa.float64() for name in ("ar", "kl", "js", "even_ar", "even_kl", "even_js")},
    }
)

_QUESTIONS = 64  # in memory at once, and in a row group


class MapsExported(NamedTuple):
    """Numbers of questions and rows that an export wrote, and of measured questions without a map that can be read."""

    questions: int
    rows: int
    without: int


def export_maps(folders: Sequence[Path], path: Path) -> MapsExported:
    """Write the maps of journals into a new Parquet file.

    Args:
        folders: the journals.
        path: the file to write, completely or not at all.

    Raises:
        ValueError: `path` exists, or no question has a map.
        JournalError: a journal has another format.
        OSError: the file cannot be written.
    """
    check_new(path)
    questions = rows = without = 0
    waiting: list[dict[str, Any]] = []
    with replacing(path) as scratch, pq.ParquetWriter(scratch, SCHEMA, compression="zstd") as file:
        for layers in (layers for folder in folders for layers in _asked(folder)):
            questions += bool(layers)
            without += not layers
            rows += len(layers)
            waiting += layers
            if layers and questions % _QUESTIONS == 0:
                file.write_table(pa.Table.from_pylist(waiting, schema=SCHEMA))
                waiting = []
        file.write_table(pa.Table.from_pylist(waiting, schema=SCHEMA))
        if not questions:
            names = ", ".join(folder.name for folder in folders)
            raise ValueError(
                f"{names}: no question has a map; only tasks with boxes, such as vgmed or vgmed_demo, keep maps, and journals "
                "of older versions have none"
            )
    return MapsExported(questions, rows, without)


def _asked(folder: Path) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of every question that was measured; of one without a map no rows."""
    index = MapIndex.of(folder)
    read = read_records(sorted(folder.glob("rank*.jsonl")))
    records = {(record.task, record.uid, record.key): record.without_heads() for record in read}
    for record in records.values():
        parts = [(None, 0), *index.further.get(record.key, ())]
        places = [place for rows, view in parts if (place := index.question(record.key, rows, view)) is not None]
        if places:
            yield [row for place in places for row in _rows(folder, record, place, index)]
        elif record.alignment is not None:
            yield []


def _rows(folder: Path, record: Record, place: MapPlace, index: MapIndex) -> Iterator[dict[str, Any]]:
    question, line = place.line.question, place.line
    maps, reference = index.maps([place, index.reference(place)])
    if question is None or maps is None or reference is None:  # damaged, which is said
        return
    mask, visible = (patches_of(packed, line.grid).ravel() for packed in (question.mask, question.visible))
    pixels = [None, None] if question.axes is None else [axis[0] for axis in question.axes]
    fixed = {
        "journal": folder.name,
        **{name: getattr(record, name) for name in ("task", "uid", "key", "image")},
        "patient": record.patient or None,
        "rows": question.rows,
        "view": question.view,
        **dict(zip(("grid_rows", "grid_cols"), line.grid, strict=True)),
        **dict(zip(("image_width", "image_height"), pixels, strict=True)),
        "mask": mask,
        "visible": visible,
        **_even(mask, visible),
    }
    # Values are of the first view alone; that of the run's first token rows has the record's own key.
    stated = None if question.view else record.alignment_of(None if line.key == record.key else question.rows)
    for layer in range(line.layers):
        values = {name: stated[name][layer] if stated else None for name in ("ar", "kl", "js")}
        yield fixed | {"layer": layer} | _of("question", maps, layer) | _of("reference", reference, layer) | values


def _of(name: str, maps: LayerMaps, layer: int) -> dict[str, Any]:
    return {
        name: maps.cells[layer].astype(np.float32),
        f"{name}_max": maps.largest[layer],
        f"{name}_on_image": maps.share[layer],
    }


def _even(mask: Any, visible: Any) -> Mapping[str, float]:
    """Return the values of even attention; nothing for a question without boxes."""
    if not mask.any():
        return {}
    even = uniform(mask.sum(), visible.sum(), mask.size)
    return {f"even_{name}": float(getattr(even, name)) for name in ("ar", "kl", "js")}
