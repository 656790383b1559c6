"""Find the data sets that images belong to, so that tuning on a benchmark's own images is noticed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lmms_vg.datasets import mmmu, omnimedvqa, path_vqa, phantoms, pmc_vqa, slake, vqa_rad
from lmms_vg.datasets.medical_eval import MEDICAL_EVAL
from lmms_vg.datasets.own_images import file_of
from lmms_vg.datasets.source import local_root
from lmms_vg.datasets.vgmed import VGMED

_PARTS = (vqa_rad.VQA_RAD, slake.SLAKE, path_vqa.PATH_VQA, pmc_vqa.PMC_VQA, omnimedvqa.OMNIMEDVQA, mmmu.MMMU)
_SPECS = (*_PARTS, MEDICAL_EVAL, VGMED)
#: Name for COCO's images: VGMED's questions about them are no data set of their own.
COCO_IMAGES = "vgmed_coco"

_IN_MEDICAL_EVAL = {spec.name for spec in _PARTS}
_BENCHMARKS = {spec.name for spec in (*_SPECS, phantoms.PHANTOMS)}


def leaks(images: Iterable[str]) -> list[str]:
    """Sorted names of the data sets that share, or may share, some of these images; arguments as in `sources`.

    HuatuoGPT-Vision's evaluation file consists of six other data sets: tuning on one of them leaks into the file, and
    tuning on the file may leak into each of them.
    """
    names = sources(images)
    whole = {MEDICAL_EVAL.name} if names & _IN_MEDICAL_EVAL else set()
    parts = _IN_MEDICAL_EVAL if MEDICAL_EVAL.name in names else set()
    return sorted(names | whole | parts)


def sources(images: Iterable[str]) -> set[str]:
    """Names of the data sets (`DatasetSpec.name` or `vgmed_coco`) that the images come from.

    VGMED's images have the name of their source as first folder (Slake), and count for that source too.

    Args:
        images: image URIs. An own image counts only if its file lies inside a data set's folder under `LMMS_VG_DATA`; a copy
            elsewhere is not recognised.
    """
    return set().union(*(_datasets(*_place(uri)) for uri in images))


def _datasets(name: str, path: str) -> set[str]:
    """Data sets that hold an image, from the scheme and the path of its URI."""
    if name == VGMED.name:
        return {VGMED.name} | (_BENCHMARKS & {path.partition("/")[0].lower()})
    if name == "coco":
        return {COCO_IMAGES}
    if name == phantoms.PHANTOMS.name and int(path.rpartition("/")[2]) >= phantoms.CALIBRATION_SEED:
        return set()  # drawn for calibration only
    return _BENCHMARKS & {name}


def _place(uri: str) -> tuple[str, str]:
    name, _, path = uri.partition(":")
    return _place_of_file(file_of(uri)) if name == "own" else (name, path)


def _place_of_file(file: Path) -> tuple[str, str]:
    """Return the data set whose folder holds a file, and the file's path in it; links are resolved."""
    for spec in _SPECS:
        root = local_root(spec)
        if root is not None and file.resolve().is_relative_to(root.resolve()):
            return spec.name, file.resolve().relative_to(root.resolve()).as_posix()
    return "", ""
