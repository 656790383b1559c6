"""Own questions: a JSON-lines file of a user, read into samples.

Every line that can be asked is; the others are said with file and line. What is measured of a row follows from its keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from loguru import logger

from lmms_vg.datasets.own_images import name_of, open_view, uri_of, view_of
from lmms_vg.datasets.own_regions import region_of
from lmms_vg.datasets.own_rows import Kind, OwnFile, OwnRow, Problem, read
from lmms_vg.datasets.schema import Sample
from lmms_vg.datasets.source import DataError
from lmms_vg.vision.kept import KeptPictures, opened
from lmms_vg.vision.patch_grid import check_box

_TYPES = {"choice": "CHOICE", "closed": "CLOSED", "open": "OPEN"}
_NOTHING = "it has neither an answer nor bbox or mask, so nothing can be measured"


def load(path: Path, kind: Kind | None = None) -> list[Sample]:
    """Load the rows of one kind, or all of them; a warning counts the lines that are left out.

    Raises:
        DataError: the file has no row, or none of this kind can be asked.
        OSError: it cannot be read.
    """
    file = read(path)
    problems = list(file.problems)
    samples = []
    for line, row in file.rows.items():
        if row.kind is None and kind:
            problems.append(Problem(line, _NOTHING))
        elif kind in (None, row.kind):
            try:
                samples.append(_sample(path, line, row))
            except DataError as problem:
                problems.append(Problem(line, str(problem)))
    if problems:
        logger.warning(left_out(file, sorted(problems)))
    if not samples:
        raise DataError(f"{path}: no row can be asked; {_said(path, problems[0])}")
    return samples


def left_out(file: OwnFile, problems: list[Problem]) -> str:
    """Return a sentence on the lines that are left out."""
    lines = f"{len(problems)} of {len(file.rows) + len(file.problems)} lines"
    return f"{lines} are left out, first {_said(file.path, problems[0])}. All of them: lmms-vg data check {file.path}"


def check(path: Path) -> Iterator[str]:
    """Yield every error of a file, line by line, with every image opened; nothing if the file has none.

    Raises:
        DataError: it has no row at all.
        OSError: it cannot be read.
    """
    file = read(path)
    early = dict(file.problems)
    kept = KeptPictures()
    for line in sorted({*early, *file.rows}):
        with kept.question():  # rows about one image, which often follow each other, open it once
            what = early[line] if line in early else wrong(path, file.rows[line])
        if what:
            yield _said(path, Problem(line, what))


def _said(path: Path, problem: Problem) -> str:
    return f"{path}, line {problem.line}: {problem.what}"


def wrong(path: Path, row: OwnRow) -> str:
    """Say what is wrong with a row of a file when its image and region are looked at; empty if nothing is."""
    try:
        width, height = opened(uri_of("", row), partial(open_view, path.parent / row.image, view_of(row))).size
        for box in region_of(row, path.parent):
            check_box(box, width, height)
            _require_inside(box, width, height)
    except ValueError as problem:
        return str(problem)
    if row.kind is None:
        return _NOTHING
    return ""


def _require_inside(box: list[float], width: int, height: int) -> None:
    """Refuse a box that reaches beyond its image, where a run would cut it off; edges may be off by rounding.

    Such a box was probably drawn on another size of the image.
    """
    x1, y1, x2, y2 = box
    if min(x1, y1) < -1 or x2 > width + 1 or y2 > height + 1:
        raise DataError(
            f"box {box} reaches beyond the image of {width} x {height} pixels, where a run cuts it off; is it of another "
            "size of the image?"
        )


def _sample(path: Path, line: int, row: OwnRow) -> Sample:
    return Sample(
        uid=f"{path.name}/{line}",
        images=[uri_of(name_of(path), row)],
        question=row.question,
        answer=row.answer,
        options=row.options,
        answer_type=_TYPES.get((row.kind or "").removeprefix("grounded_"), ""),
        modality=row.modality,
        group=row.group,
        # Slices and frames of one file are of one patient, whether or not the row says of whom.
        patient=str(row.patient) or (row.image if row.slice is not None or row.frame is not None else ""),
        subset="",
        split=row.split,
        boxes=region_of(row, path.parent),
        licence="",
        source=path.name,
    )
