"""A folder for the Hugging Face hub: images with `metadata.jsonl`, as `datasets` loads them, and a card with all licences.

A row is an image with its `objects` (boxes xyxy, labels, run lengths) and its `questions`, which name their object by number;
-1 is none, for questions about what is absent.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from lmms_vg import __version__
from lmms_vg._util.atomic_files import replace_file
from lmms_vg.runs.text_tables import markdown
from lmms_vg.vgmed.dataset import BuiltDataset
from lmms_vg.vgmed.export.parts import copy_images, is_absent, items_of, write_lines
from lmms_vg.vgmed.schema import BoxQuestion, Item


def write_hub(built: BuiltDataset, questions: Sequence[BoxQuestion], out: Path) -> Path:
    """Write the folder; returns the card, `README.md`."""
    items = items_of(built, questions)
    copy_images(built, items, out)
    asked: dict[str, list[BoxQuestion]] = {}
    for question in questions:
        asked.setdefault(question.item, []).append(question)
    of_image: dict[str, list[Item]] = {}
    for item in items:
        of_image.setdefault(item.image, []).append(item)
    write_lines(out / "metadata.jsonl", (_row(path, members, asked) for path, members in of_image.items()))
    replace_file(out / "README.md", _card(built, items, questions))
    return out / "README.md"


def _row(path: str, items: Sequence[Item], asked: dict[str, list[BoxQuestion]]) -> dict[str, Any]:
    first = items[0]
    objects: list[dict[str, Any]] = []
    questions: list[dict[str, Any]] = []
    for item in items:
        place = len(objects)
        for box in item.boxes:
            objects.append({"item": item.id, "label": item.label, "bbox": box, "mask": item.mask.counts})
        for question in asked[item.id]:
            questions.append(
                {
                    "id": question.id,
                    "question": question.text,
                    "kind": question.kind,
                    "answer": question.answer or "",
                    "label": question.label,
                    "object": -1 if is_absent(question, item) else place,
                }
            )
    return {
        "file_name": path,
        "width": first.width,
        "height": first.height,
        "modality": first.modality,
        "body_part": first.body_part,
        "source": first.source,
        "patient": first.patient,
        "objects": objects,
        "questions": questions,
    }


def _card(built: BuiltDataset, items: Sequence[Item], questions: Sequence[BoxQuestion]) -> str:
    environment = Environment(
        loader=PackageLoader("lmms_vg.vgmed"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Markdown
    )
    used = Counter(item.source for item in items)
    sources = [source for source in built.card.sources if used[source.name]]
    rows = [
        [
            source.name,
            source.licence,
            source.address or "not stated",
            _passed_on(source.redistribution),
            str(used[source.name]),
        ]
        for source in sources
    ]
    kinds = Counter(question.kind for question in questions)
    return environment.get_template("card.md").render(
        name=json.dumps(built.card.name, ensure_ascii=False),
        title=" ".join(built.card.name.split()),
        licences=json.dumps("; ".join(f"{source.name}: {source.licence}" for source in sources), ensure_ascii=False),
        images=len({item.image for item in items}),
        items=len(items),
        questions=len(questions),
        kinds=", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())),
        patients=len({(item.source, item.patient) for item in items}),
        sources=markdown(["source", "licence", "address", "may be passed on", "objects"], rows, 4),
        size=_size(len(questions)),
        hash=built.card.hash,
        version=__version__,
    )


def _passed_on(redistribution: bool | None) -> str:
    return {True: "yes", False: "no", None: "not stated"}[redistribution]


def _size(n: int) -> str:
    """Return the hub's category of size."""
    for below, name in ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")):
        if n < below:
            return name
    return "1M<n<10M"
