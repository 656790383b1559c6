"""Build a data set: from the manifests of sources to a folder of images, boxes and masks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from lmms_vg._util.atomic_files import replacing
from lmms_vg.datasets.source import DataError
from lmms_vg.vgmed import coco_json, dataset, pictures, rle, volumes
from lmms_vg.vgmed.balance import balanced
from lmms_vg.vgmed.components import mask_boxes
from lmms_vg.vgmed.files import find
from lmms_vg.vgmed.frames import Frame, Tally
from lmms_vg.vgmed.manifest import SourceManifest, load_manifest
from lmms_vg.vgmed.schema import Item, SourceCard
from lmms_vg.vision.images import open_picture
from lmms_vg.vision.nifti import is_nifti


@dataclass
class Builder:
    """Items of all sources, while they are collected.

    Attributes:
        out: the data set's folder; images are written as they come.
        allow_burned_in: read DICOM files that state that text is burned into their pixels.
        items: in the order of sources and files.
        tallies: source -> what it lost.
    """

    out: Path
    allow_burned_in: bool = False
    items: list[Item] = field(default_factory=list)
    tallies: dict[str, Tally] = field(default_factory=dict)
    _first: dict[str, tuple[str, str]] = field(default_factory=dict)  # hash of an image -> its source and file

    def add(self, manifest: SourceManifest, folder: Path) -> None:
        """Read a source; what fails is in its tally.

        Raises:
            DataError: nothing of it can be read, or another source has its name.
        """
        if manifest.name in self.tallies:
            raise DataError(f"name: {manifest.name!r} is in two manifests; allowed are different names")
        tally = self.tallies[manifest.name] = Tally()
        for frame in self._frames(manifest, folder, tally):
            self.items += self._items(frame, manifest, tally)

    def _frames(self, manifest: SourceManifest, folder: Path, tally: Tally) -> Iterator[Frame]:
        if manifest.annotations:
            yield from coco_json.frames(folder, manifest, tally)
            return
        found, left_over = find(folder, manifest)
        tally.problems += left_over
        for files in found:
            if is_nifti(files.image):
                yield from volumes.frames(folder, files, manifest, tally)
            else:
                yield from pictures.frames(folder, files, manifest, tally, allow_burned_in=self.allow_burned_in)

    def _items(self, frame: Frame, manifest: SourceManifest, tally: Tally) -> list[Item]:
        """The items of a frame, whose image is written if there is any."""
        picture = open_picture(frame.image)
        first = self._first.get(picture.hash)
        if first not in (None, (manifest.name, frame.origin)):
            tally.report(
                f"same image as in {first[0]}" if first else "",
                f"{frame.origin}: the same image as {' '.join(first or ())}; only the first is used",
                once=first and first[0],
            )
            return []
        items = []
        name = f"{dataset.IMAGES}/{manifest.name}-{picture.hash[:20]}.png"
        for label, (rule, masks) in sorted(frame.masks.items()):
            kept = mask_boxes(masks, manifest.filters)
            tally.dropped.update(kept.dropped)
            if kept.boxes:
                items.append(
                    Item(
                        id=_identifier(manifest, frame, label),
                        image=name,
                        image_hash=picture.hash,
                        width=picture.rgb.width,
                        height=picture.rgb.height,
                        source=manifest.name,
                        origin=frame.origin,
                        modality=manifest.modality,
                        body_part=rule.body_part or manifest.body_part,
                        label=label,
                        boxes=kept.boxes,
                        mask=rle.encode(kept.mask),
                        patient=frame.patient,
                        plane=frame.plane,
                        slice=frame.slice,
                        orientation=frame.orientation,
                        window=frame.window,
                        shows=sorted(frame.shows | frame.masks.keys()),
                    )
                )
        if items:
            self._first[picture.hash] = (manifest.name, frame.origin)
            _write_image(self.out / name, picture.rgb)
        return items


def build(
    manifests: Sequence[Path], out: Path, *, name: str, seed: int, most: int | None, allow_burned_in: bool = False
) -> tuple[dataset.BuiltDataset, dict[str, Tally]]:
    """Build a data set. The same input gives the same bytes.

    Args:
        manifests: YAML files, one per source; of images that several have, the first source keeps them.
        out: folder to write; it must not hold a data set.
        name: of the data set.
        seed: of the balance.
        most: largest number of items per modality and body part; None keeps all.
        allow_burned_in: read DICOM files that state that text is burned into their pixels.

    Returns:
        The data set, and for each source what it lost.

    Raises:
        DataError: a manifest is broken, or no item is left.
        ValueError: the folder holds a data set already.
    """
    if (out / dataset.CARD).exists():
        raise ValueError(f"{out}: holds a data set already; choose another folder or remove it")
    sources = [load_manifest(path) for path in manifests]
    builder = Builder(out, allow_burned_in)
    for manifest, folder in sources:
        builder.add(manifest, folder)
    items = balanced(builder.items, most, seed)
    if not items:
        problems = [problem for tally in builder.tallies.values() for problem in tally.problems]
        raise DataError(
            "no item is left: " + ("; ".join(problems[:5]) or "every mask was dropped: " + str(_losses(builder)))
        )
    kept = {item.id for item in items}
    for item in builder.items:
        if item.id not in kept:
            builder.tallies[item.source].dropped["balance over modality and body part"] += 1
    _remove_unused(out, {item.image for item in items})
    cards = [_card(manifest, items, builder.tallies[manifest.name]) for manifest, _ in sources]
    settings = {
        "seed": seed,
        "most_per_modality_and_body_part": most,
        "filters": {manifest.name: manifest.filters.model_dump() for manifest, _ in sources},
        "slices": {manifest.name: manifest.slices for manifest, _ in sources},
    }
    dataset.write(out, name, items, [], cards, settings)
    return dataset.read(out), builder.tallies


def _losses(builder: Builder) -> dict[str, dict[str, int]]:
    return {name: dict(tally.dropped) for name, tally in builder.tallies.items()}


def _card(manifest: SourceManifest, items: Iterable[Item], tally: Tally) -> SourceCard:
    return SourceCard(
        name=manifest.name,
        licence=manifest.licence,
        address=manifest.address,
        redistribution=manifest.redistribution,
        exhaustive=manifest.exhaustive,
        items=sum(item.source == manifest.name for item in items),
        dropped=dict(sorted(tally.dropped.items())),
    )


def _identifier(manifest: SourceManifest, frame: Frame, label: str) -> str:
    """Depends on where the item comes from, and on nothing else: adding a source changes no other id."""
    place = "\n".join([manifest.name, frame.origin, frame.plane, str(frame.slice), frame.window, label])
    return f"{manifest.name}-{hashlib.sha256(place.encode()).hexdigest()[:16]}"


def _write_image(path: Path, rgb: Image.Image) -> None:
    """Write pixels and nothing else, grey ones with one channel."""
    pixels = np.asarray(rgb)
    grey = not (pixels != pixels[..., :1]).any()
    with replacing(path) as scratch:
        Image.fromarray(pixels[..., 0] if grey else pixels).save(scratch, "PNG")


def _remove_unused(out: Path, used: set[str]) -> None:
    for path in (out / dataset.IMAGES).glob("*.png"):
        if f"{dataset.IMAGES}/{path.name}" not in used:
            path.unlink()
