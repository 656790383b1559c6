"""Find a source's images and the masks that belong to them, by the patterns of its manifest."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from lmms_vg.datasets.source import DataError
from lmms_vg.vgmed.manifest import SourceManifest

_IMAGE = "\0"  # stands for the image's part of a path; no file name holds it


class MaskFile(NamedTuple):
    """A file of masks: of one label, or a label map where the manifest's pattern has no `{label}`."""

    path: str
    label: str | None


class ImageFiles(NamedTuple):
    """An image and its masks, as paths relative to the source's folder, with forward slashes."""

    image: str
    masks: list[MaskFile]


def find(folder: Path, manifest: SourceManifest) -> tuple[list[ImageFiles], list[str]]:
    """Return all images that have masks, in the order of their paths, and what is left over, in words.

    Raises:
        DataError: no image matches the manifest's pattern.
    """
    images = {match["image"]: path for path, match in _matching(folder, manifest.images)}
    if not images:
        raise DataError(f"{folder}: no file matches images: {manifest.images!r}; {{image}} stands for what differs")
    masks: dict[str, list[MaskFile]] = {name: [] for name in images}
    lengths = sorted({len(name) for name in images}, reverse=True)
    owned, lonely = set(), []
    for path in _files(folder, manifest.masks):
        name, label = _owner(path, manifest.masks, images, lengths)
        if name is not None:
            masks[name].append(MaskFile(path, label))
            owned.add(path)
        elif re.fullmatch(_expression(manifest.masks, ".+"), path):
            lonely.append(path)
    without = [path for name, path in images.items() if not masks[name] and path not in owned]
    files = [ImageFiles(path, masks[name]) for name, path in images.items() if masks[name]]
    return sorted(files), [
        *_left_over(folder, without, "images have no mask", f"masks: {manifest.masks!r}"),
        *_left_over(folder, lonely, "masks have no image", f"images: {manifest.images!r}"),
    ]


def patient_of(path: str, expression: str) -> str | None:
    """Return the patient's or volume's id in an image's path: the file's name without suffix if the manifest has no expression.

    None if the expression does not match.
    """
    if not expression:
        return re.sub(r"(\.nii)?\.[^./]+$", "", path)
    match = re.search(expression, path)
    return match.group(1) if match else None


def _left_over(folder: Path, paths: list[str], what: str, field: str) -> Iterator[str]:
    if paths:
        named = ", ".join(sorted(paths)[:3]) + (", ..." if len(paths) > 3 else "")
        yield f"{folder}: {len(paths)} {what} by the manifest's {field}: {named}"


def _matching(folder: Path, pattern: str) -> Iterator[tuple[str, re.Match[str]]]:
    expression = re.compile(_expression(pattern, "(?P<image>.+)"))
    for path in _files(folder, pattern):
        if match := expression.fullmatch(path):
            yield path, match


def _files(folder: Path, pattern: str) -> Iterator[str]:
    """Sorted paths of all files below the part of a pattern that has no placeholder."""
    start = folder / pattern.partition("{")[0].rpartition("/")[0]
    for base, folders, names in os.walk(start):
        folders.sort()
        for name in sorted(names):
            yield Path(base, name).relative_to(folder).as_posix()


def _expression(pattern: str, image: str) -> str:
    parts = {"{image}": image, "{label}": "(?P<label>.+?)", "{number}": "[0-9]+"}
    return "".join(parts.get(part, re.escape(part)) for part in re.split(r"(\{[a-z]+\})", pattern))


def _owner(path: str, pattern: str, images: Container[str], lengths: Iterable[int]) -> tuple[str | None, str | None]:
    """Return the image that a mask belongs to, and its label. Of images whose names both fit, the longer one."""
    expression = _expression(pattern, _IMAGE)
    for length in lengths:
        for start in range(len(path) - length + 1):
            name = path[start : start + length]
            if name in images and (match := re.fullmatch(expression, path[:start] + _IMAGE + path[start + length :])):
                return name, match.groupdict().get("label")
    return None, None
