"""Rows of a user's own JSON-lines file: what each key holds, and what is wrong with a line.

A line that cannot be asked as it stands is a `Problem` with its number; the others are rows. Nothing here opens an image.
"""

from __future__ import annotations

import stat
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import ConfigDict, ValidationError
from pydantic.dataclasses import dataclass

from lmms_vg._util.json_text import parse_json
from lmms_vg._util.suggest import suggest
from lmms_vg.datasets.options import folded, letter, letter_of
from lmms_vg.datasets.source import DataError, safe_path
from lmms_vg.metrics.text import normalise
from lmms_vg.vision.windows import window_of

#: The kind of scoring of a row: its answer, where the model looks, or both ("grounded").
Kind = Literal["choice", "closed", "open", "grounding", "grounded_choice", "grounded_closed", "grounded_open"]

_EXAMPLE = '{"image": "a.png", "question": "Where is the liver?", "bbox": [[20, 30, 60, 70]]}'
_MOST_OPTIONS = 26
_BOXES = "original_bboxes"  # VGMED's other name for `bbox`


@dataclass(frozen=True, slots=True, config=ConfigDict(strict=True, extra="ignore"))
class OwnRow:
    """One line; docs/add_a_dataset.md says what each key means. Slots, since a file may have 100,000 of them."""

    image: str
    question: str
    answer: str = ""
    options: list[str] = field(default_factory=list)
    bbox: list[list[float]] = field(default_factory=list)
    mask: str | dict[str, Any] | None = None
    group: str = ""
    split: str = ""
    modality: str = ""
    patient: str | int = ""
    frame: int | None = None
    slice: int | None = None
    plane: Literal["axial", "coronal", "sagittal"] | None = None
    window: Any = None
    orientation: str | None = None
    allow_burned_in: bool = False

    @property
    def kind(self) -> Kind | None:
        """The kind of scoring; None if the row states neither an answer nor a region."""
        if not self.answer:
            return "grounding" if self.has_region else None
        kind: Any = "choice" if self.options else "closed" if normalise(self.answer) in ("yes", "no") else "open"
        return f"grounded_{kind}" if self.has_region else kind  # type: ignore[return-value]

    @property
    def has_region(self) -> bool:
        """Whether the row states where its object is."""
        return bool(self.bbox) or self.mask is not None


#: The keys that are read.
KEYS = tuple(column.name for column in fields(OwnRow))
_READ = {*KEYS, _BOXES}


class Problem(NamedTuple):
    """An error in a line; lines count from 1."""

    line: int
    what: str


class OwnFile(NamedTuple):
    """A file of questions.

    Attributes:
        path: the file.
        rows: line number -> row.
        problems: lines that are no rows.
        unread: key that is not read, but resembles one that is -> on how many lines.
    """

    path: Path
    rows: dict[int, OwnRow]
    problems: list[Problem]
    unread: Counter[str]


def read(path: Path) -> OwnFile:
    """Read a file, once per process as long as it stays the same.

    Raises:
        DataError: it has no row at all, or is no ordinary file; the message says why.
        OSError: it cannot be read.
    """
    state = path.stat()
    if not stat.S_ISREG(state.st_mode):  # a pipe would be read once, and a device for ever
        raise DataError(
            f"{path} is not an ordinary file; wanted is a file with one JSON object per line, such as {_EXAMPLE}"
        )
    return _read(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=8)
def _read(path: Path, _changed: int, _size: int) -> OwnFile:
    file = OwnFile(path, {}, [], Counter())
    others: Counter[str] = Counter()
    for number, line in _lines(path):
        try:
            row = _object(line)
            file.rows[number] = _row(row)
        except ValueError as problem:
            file.problems.append(Problem(number, str(problem)))
        else:
            others.update(row.keys() - _READ)
    if not file.rows:
        raise DataError(f"{path}: {_why_nothing(file)}; wanted is one JSON object per line, such as {_EXAMPLE}")
    file.unread.update({key: lines for key, lines in others.items() if suggest(key, KEYS)})
    return file


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if number == 1 and line.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise DataError(f"{path} is UTF-16; save it as UTF-8")
            if line.strip():
                yield number, line


def _why_nothing(file: OwnFile) -> str:
    if not file.problems:
        return "the file is empty"
    first, what = file.problems[0]
    with file.path.open("rb") as lines:
        start = lines.readline().decode("utf-8-sig", "replace").strip()
    if start.startswith("["):
        return "this is a JSON list; write each of its objects on a line (jq -c '.[]' FILE > mine.jsonl)"
    if not start.startswith("{") and any(sign in start for sign in ";,\t"):
        sign = next(sign for sign in ";\t," if sign in start)
        return f"this looks like a table (its columns are divided by {sign!r}), not like JSON lines"
    return f"none of its {len(file.problems)} lines is a row; line {first}: {what}"


def _object(line: bytes) -> dict[str, Any]:
    row = parse_json(line)
    if not isinstance(row, dict):
        raise ValueError(f"not a JSON object; wanted is {_EXAMPLE}")
    return row


def _row(row: dict[str, Any]) -> OwnRow:
    """Read what a line holds.

    Raises:
        ValueError: it is no row that can be asked.
    """
    given = {key: value for key, value in row.items() if value is not None}
    boxes, again = (boxes_of(given.pop(key, None)) for key in ("bbox", _BOXES))
    if boxes and again and boxes != again:
        raise ValueError(f"bbox and {_BOXES} are two names of the same boxes, but differ; give one of them")
    try:
        result = OwnRow(**given | {"bbox": boxes or again})
    except ValidationError as error:
        raise ValueError(_first(error, given)) from error
    return _checked(result)


def _first(error: ValidationError, row: dict[str, Any]) -> str:
    first = error.errors(include_url=False)[0]
    key = str(first["loc"][0])
    if first["type"] == "missing":
        return f"the key {key!r} is missing; {suggest(key, row)}".rstrip("; ")
    return f"{key} {first['input']!r:.80}: {first['msg'][0].lower()}{first['msg'][1:]}"


def _checked(row: OwnRow) -> OwnRow:
    image = safe_path(row.image)  # one spelling, so that one image counts once
    if "#{" in image:  # begins what a URI says of a scan
        raise ValueError(f"image {image!r}: '#{{' cannot be part of its name; rename the file or folder")
    if not row.question.strip():
        raise ValueError("question has no text")
    if row.bbox and row.mask is not None:
        raise ValueError("bbox and mask: both say where the object is; give one of them")
    if isinstance(row.mask, str):
        safe_path(row.mask)
    window_of(row.window)
    clean = {"image": image, "answer": _answer(row), "patient": str(row.patient).strip()}
    changed: dict[str, Any] = {key: value for key, value in clean.items() if value != getattr(row, key)}
    return replace(row, **changed) if changed else row  # it checks all values again


def _answer(row: OwnRow) -> str:
    """Return the answer; with options, its letter."""
    answer, options = row.answer.strip(), row.options
    if not options:
        return answer
    texts = {folded(option) for option in options}
    if not 2 <= len(options) <= _MOST_OPTIONS or len(texts) < len(options) or "" in texts:
        raise ValueError(
            f"options {options!r:.200}: allowed are 2 to {_MOST_OPTIONS} texts that differ in more than case and white space"
        )
    letters = [letter(number) for number in range(len(options))]
    matches = {match for match in (letter_of(answer, options), answer.upper()) if match in letters}
    if not matches:
        stated = f"answer {answer!r}" if answer else "no answer"
        raise ValueError(f"{stated}: with options, allowed is one of them, or its letter {letters[0]} to {letters[-1]}")
    if len(matches) > 1:
        raise ValueError(
            f"answer {answer!r} is an option and also the letter of another; write the options longer, such as 'type {answer}'"
        )
    return matches.pop()


def boxes_of(value: Any) -> list[list[float]]:
    """Read one box or a list of boxes (x1, y1, x2, y2 in pixels).

    Raises:
        ValueError: it is neither, or a box is not four finite numbers with x1 < x2 and y1 < y2.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"bbox {value!r:.80}: allowed is [x1, y1, x2, y2] in pixels, or a list of such")
    boxes = value if all(isinstance(box, list) for box in value) else [value]
    for box in boxes:
        if len(box) != 4 or not all(type(edge) in (int, float) and abs(edge) <= sys.float_info.max for edge in box):
            raise ValueError(f"bbox {box!r:.80}: allowed are four finite numbers x1, y1, x2, y2 in pixels")
        x1, y1, x2, y2 = box
        if x2 <= x1 or y2 <= y1:
            raise ValueError(
                f"bbox {box!r}: its right or bottom edge is not beyond its left or top one; wanted is [x1, y1, x2, y2] (if it "
                f"is x, y, width, height, write {[x1, y1, x1 + x2, y1 + y2]})"
            )
    return [[float(edge) for edge in box] for box in boxes]
