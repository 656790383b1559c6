"""Runs on the demo's boxes whose journals keep maps, as measured by hand-made attention, and bundles of them."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import runs

from lmms_vg.datasets.images import open_image
from lmms_vg.journal import Journal, LayerMaps, QuestionMap, Record, ReferenceMap
from lmms_vg.metrics.alignment import VERSION, align
from lmms_vg.submission.schema_lines import BundleQuestion
from lmms_vg.vision.patch_grid import Geometry

TASK = "vgmed_demo"
MEMBER = f"maps/{TASK}.maps"
LAYERS = 2

Look = Callable[[np.random.Generator, np.ndarray], np.ndarray]
Grid = Callable[[int], tuple[int, int]]


def seeing(rng: np.random.Generator, mask: np.ndarray) -> np.ndarray:
    """Noise that is twice as high in the box."""
    return np.exp(0.5 * rng.standard_normal((LAYERS, mask.size))) * (1 + mask.ravel())


def hiding(rng: np.random.Generator, mask: np.ndarray) -> np.ndarray:
    """The same, with a patch of no attention in each layer, as under a knockout."""
    values = seeing(rng, mask)
    values[:, int(rng.choice(np.flatnonzero(~mask.ravel())))] = 0
    return values


def question_map(question: BundleQuestion, number: int, look: Look, grid: tuple[int, int]) -> tuple[QuestionMap, Any]:
    """A question's map and its alignment values, in double precision."""
    rng = np.random.default_rng(number)
    width, height = open_image(question.images[0]).size
    lies = Geometry.pad(width, height, *grid)
    mask = lies.patch_mask(question.boxes)
    maps, general = look(rng, mask) / 100, np.exp(np.random.default_rng(7).standard_normal((LAYERS, mask.size))) / 100
    maps = maps * general
    found = align(maps[:, None], general[:, None], mask.ravel())
    values = {name: getattr(found, name).tolist() for name in ("ar", "printed_ar", "kl", "js")} | {"version": VERSION}
    image = hashlib.sha256(question.images[0].encode()).hexdigest()[:16]
    reference = ReferenceMap(f"r-{image}", grid, LayerMaps.of(general, np.ones(LAYERS)))
    kept = LayerMaps.of(maps, np.ones(LAYERS))
    return QuestionMap(f"k{number}", image, "last", 0, mask, lies.visible, kept, reference), values


def save_run(
    folder: Path,
    patch: pytest.MonkeyPatch,
    look: Look = seeing,
    grid: Grid = lambda number: (8, 8),
    identity: dict[str, Any] | None = None,
    changed: Callable[[list[dict[str, Any]]], None] = lambda values: None,
) -> Path:
    """Save a run of the demo's boxes whose journal lies in `LMMS_VG_HOME`, which becomes `folder / "home"`."""
    patch.setenv("LMMS_VG_HOME", str(folder / "home"))
    questions = runs.questions(TASK)
    made = [question_map(question, number, look, grid(number)) for number, question in enumerate(questions)]
    values = [of_question for _, of_question in made]
    records = [
        Record(
            key=kept.key,
            task=TASK,
            uid=question.uid,
            image=kept.image,
            text="x",
            alignment=alignment,
            patient=question.unit * bool(question.patient),
        )
        for question, (kept, alignment) in zip(questions, made, strict=True)
    ]
    provenance = runs.PLAIN | (identity or {})
    name = hashlib.sha256(json.dumps(provenance, sort_keys=True).encode()).hexdigest()[:8]
    with Journal(folder / "home" / "journal" / name, provenance=provenance) as journal:
        journal.write(records, [kept for kept, _ in made])
    changed(values)
    with pytest.MonkeyPatch.context() as inner:
        inner.setattr(runs, "looked", lambda number: values[number])
        return runs.save_run(folder / f"run-{name}", TASK, say=lambda question: "x", identity=identity)


def member(bundle: Path, name: str = MEMBER) -> bytes:
    with zipfile.ZipFile(bundle) as archive:
        return archive.read(name)


def rewrite(bundle: Path, out: Path, **changes: Callable[[Any], Any]) -> Path:
    """Change members of a bundle and put its checksums right, as a careful forger would.

    Args:
        bundle: the bundle.
        out: where to.
        changes: `maps` of bytes -> bytes, `answers` of parsed lines, `manifest` of the parsed manifest.
    """
    with zipfile.ZipFile(bundle) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(members["manifest.json"])
    if "maps" in changes:
        members[MEMBER] = changes["maps"](members[MEMBER])
        manifest["tasks"][TASK]["maps"]["sha256"] = hashlib.sha256(members[MEMBER]).hexdigest()
    if "answers" in changes:
        lines = [json.loads(line) for line in members[f"answers/{TASK}.jsonl"].splitlines()]
        changes["answers"](lines)
        text = "".join(canonical(line) + "\n" for line in lines).encode()
        members[f"answers/{TASK}.jsonl"] = text
        manifest["tasks"][TASK]["answers"] = hashlib.sha256(text).hexdigest()
    if "manifest" in changes:
        changes["manifest"](manifest)
    if manifest["tasks"][TASK].get("maps") is None:
        del members[MEMBER]
    members["manifest.json"] = canonical(manifest).encode()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out


def canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
