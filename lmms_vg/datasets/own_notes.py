"""Notes on rows of an own-questions file that are valid, but may not mean what their author intended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from lmms_vg.datasets.own import wrong
from lmms_vg.datasets.own_images import uri_of
from lmms_vg.datasets.own_regions import labels_of
from lmms_vg.datasets.own_rows import OwnRow, read
from lmms_vg.vision.exif import turned

_Rows = Mapping[int, OwnRow]


def notes(path: Path) -> Iterator[str]:
    """Yield a line on each thing that people should know of a file; nothing if there is none.

    Raises:
        DataError, OSError: as `own.check`.
    """
    rows = read(path).rows
    about: tuple[Callable[[Path, _Rows], str], ...] = (_label_maps, _turned, _patients, _repeated)
    yield from filter(None, (say(path, rows) for say in about))


def _label_maps(path: Path, rows: _Rows) -> str:
    """Describe the lines whose masks have several values, all of which count as one region."""
    masked = {line: row for line, row in rows.items() if row.mask is not None and not wrong(path, row)}
    several = {line: labels for line, row in masked.items() if (labels := labels_of(row, path.parent)) > 1}
    if not several:
        return ""
    line, labels = next(iter(several.items()))
    return (
        f"masks of {len(several)} lines have several values, first line {line}: {rows[line].mask} has {labels} beside 0. Own "
        "masks have no labels: all that is not 0 is one region; write a mask per label to ask about one"
    )


def _turned(path: Path, rows: _Rows) -> str:
    """Describe the images that viewers show turned or mirrored."""
    images: dict[str, int] = {}
    for line, row in rows.items():
        images.setdefault(row.image, line)
    paths = [image for image in images if turned(path.parent / image)]
    if not paths:
        return ""
    return (
        f"images turned by their EXIF data: {len(paths)}, first line {images[paths[0]]}: {paths[0]}. The model sees "
        "them as stored, and boxes and masks count those pixels; store them upright if their boxes were drawn on what "
        "a viewer shows"
    )


def _patients(_path: Path, rows: _Rows) -> str:
    """Describe the images that several patients share, so that intervals would count them as several images."""
    owners: dict[str, dict[str, int]] = {}
    for line, row in rows.items():
        owners.setdefault(uri_of("", row), {}).setdefault(str(row.patient), line)
    conflicts = [lines for lines in owners.values() if len(lines) > 1]
    if not conflicts:
        return ""
    (first, line), (other, later) = list(conflicts[0].items())[:2]
    return (
        f"images of several patients: {len(conflicts)}, first {rows[line].image}: {first or 'none'} in line {line}, "
        f"{other or 'none'} in line {later}. Intervals take them for independent; name one patient"
    )


def _repeated(_path: Path, rows: _Rows) -> str:
    """Describe the lines that repeat a question about the same image, so that it counts twice."""
    seen: dict[tuple[str, str], int] = {}
    repeats = {line: first for line, row in rows.items() if (first := seen.setdefault(_asked(row), line)) != line}
    if not repeats:
        return ""
    line, first = next(iter(repeats.items()))
    return (
        f"lines that ask what another asks of the same image: {len(repeats)}, first line {line} as line {first}; each "
        "counts"
    )


def _asked(row: OwnRow) -> tuple[str, str]:
    return uri_of("", row), repr((row.question, row.options, row.answer, row.bbox, row.mask))
