"""Read and write the folder of a built data set (`schema`).

`dataset.json` is written last, so that a folder without it is unfinished.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from lmms_vg import __version__
from lmms_vg._util.atomic_files import replace_file, replacing
from lmms_vg._util.field_errors import said
from lmms_vg._util.json_text import parse_json
from lmms_vg.datasets.source import DataError
from lmms_vg.vgmed.schema import BoxQuestion, DatasetCard, Item, SourceCard

CARD, ITEMS, QUESTIONS, IMAGES = "dataset.json", "items.jsonl", "questions.jsonl", "images"
_PACKAGES = ("numpy", "scipy", "pillow", "pycocotools")

Row = TypeVar("Row", Item, BoxQuestion)
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class BuiltDataset:
    """A built data set in memory.

    Attributes:
        folder: where it lies.
        card: what `dataset.json` says.
        items: id -> item, in the order of the file.
        questions: in the order of the file.
        problems: what is wrong with it, each with file and line; broken rows are in neither of the above.
    """

    folder: Path
    card: DatasetCard
    items: dict[str, Item]
    questions: list[BoxQuestion]
    problems: list[str] = field(default_factory=list)

    def image_path(self, item: Item) -> Path:
        """Return the path of an item's image."""
        return self.folder / item.image

    def image_bytes(self, item: Item) -> bytes:
        """Return the file of an item's image.

        Raises:
            DataError: it is not there, or cannot be read.
        """
        path = self.image_path(item)
        try:
            return path.read_bytes()
        except OSError as problem:
            raise DataError(f"{path}: {problem.strerror}; put the image back, or build the data set again") from None


def read(folder: Path) -> BuiltDataset:
    """Read a built data set. Broken rows are left out and named in `problems`; good rows stay.

    Raises:
        DataError: there is no finished data set, or its `dataset.json` is broken.
        OSError: a file cannot be read.
    """
    card = read_card(folder)
    problems: list[str] = []
    items = {item.id: item for _, item in _unique(folder / ITEMS, Item, problems)}
    questions = []
    for number, question in _unique(folder / QUESTIONS, BoxQuestion, problems):
        if question.item in items:
            questions.append(question)
        else:
            problems.append(
                f"{folder / QUESTIONS}, line {number}: item {question.item!r} is not among the readable items of {ITEMS}"
            )
    if (digest := content_hash(folder)) != card.hash:
        problems.append(
            f"{folder / CARD}: hash {card.hash[:12]} is not that of {ITEMS} and {QUESTIONS}, {digest[:12]}: they were changed "
            "after the data set was built; build it again, or ratings of it cannot be told from ratings of another version"
        )
    return BuiltDataset(folder, card, items, questions, problems)


def read_card(folder: Path) -> DatasetCard:
    """Read `dataset.json` alone.

    Raises:
        DataError: there is none, or it is broken.
    """
    path = folder / CARD
    if not path.is_file():
        raise DataError(f"{path}: there is no finished data set; make one with lmms-vg vgmed build")
    return _parse(DatasetCard, path.read_bytes(), str(path))


def write(
    folder: Path,
    name: str,
    items: Iterable[Item],
    questions: Iterable[BoxQuestion],
    sources: Iterable[SourceCard],
    settings: Mapping[str, Any],
) -> DatasetCard:
    """Write items, questions and card of a data set, whose images are in the folder already; older ones are replaced.

    The same input gives the same bytes. Items, questions and sources are read once, in this order.
    """
    (folder / CARD).unlink(missing_ok=True)
    passed = _Passed()
    _write_rows(folder / ITEMS, passed.items(items))
    _write_rows(folder / QUESTIONS, passed.questions(questions))
    card = DatasetCard(
        name=name,
        hash=content_hash(folder),
        counts=passed.counts(),
        settings=dict(settings),
        versions={"lmms_vg": __version__} | {package: version(package) for package in _PACKAGES},
        sources=sorted(sources, key=lambda source: source.name),
    )
    replace_file(folder / CARD, card.model_dump_json(indent=1) + "\n")
    return card


def content_hash(folder: Path) -> str:
    """SHA-256 of `items.jsonl` and `questions.jsonl`; a missing file counts as empty."""
    digest = hashlib.sha256()
    for path in (folder / ITEMS, folder / QUESTIONS):
        digest.update(f"{path.stat().st_size if path.is_file() else 0};".encode())
        if path.is_file():
            with path.open("rb") as content:
                while part := content.read(1 << 20):
                    digest.update(part)
    return digest.hexdigest()


@dataclass
class _Passed:
    """Counts rows while they are written."""

    rows: Counter[str] = field(default_factory=Counter)
    images: set[str] = field(default_factory=set)
    patients: set[tuple[str, str]] = field(default_factory=set)

    def items(self, items: Iterable[Item]) -> Iterator[Item]:
        for item in items:
            self.rows["items"] += 1
            self.images.add(item.image_hash)
            self.patients.add((item.source, item.patient))
            yield item

    def questions(self, questions: Iterable[BoxQuestion]) -> Iterator[BoxQuestion]:
        for question in questions:
            self.rows[question.kind] += 1
            yield question

    def counts(self) -> dict[str, int]:
        return {
            "items": self.rows["items"],
            "images": len(self.images),
            "patients": len(self.patients),
            "localization": self.rows["localization"],
            "attribute": self.rows["attribute"],
        }


def _write_rows(path: Path, rows: Iterable[BaseModel]) -> None:
    with replacing(path) as scratch, scratch.open("w", encoding="utf-8", newline="") as lines:
        lines.writelines(row.model_dump_json() + "\n" for row in rows)


def _unique(path: Path, model: type[Row], problems: list[str]) -> Iterator[tuple[int, Row]]:
    """Line number (from 1) and row of every good line; the others become problems."""
    lines: dict[str, int] = {}
    for number, data in _lines(path):
        where = f"{path}, line {number}"
        try:
            row = _parse(model, data, where)
        except DataError as problem:
            problems.append(str(problem))
            continue
        if row.id in lines:
            problems.append(f"{where}: id {row.id!r} is that of line {lines[row.id]} already; every id must be unique")
            continue
        lines[row.id] = number
        yield number, row


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    if not path.is_file():
        return
    with path.open("rb") as lines:
        yield from ((number, line) for number, line in enumerate(lines, start=1) if line.strip())


def _parse(model: type[Model], data: bytes, where: str) -> Model:
    try:
        return model.model_validate(parse_json(data))
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the row"
        value = f"; it is {str(first['input'])[:80]!r}" if first["loc"] and first["type"] != "missing" else ""
        raise DataError(f"{where}: {place}: {said(first)}{value}; correct it, or build the data set again") from None
    except ValueError as problem:
        raise DataError(f"{where}: {problem}; correct it, or build the data set again") from None
