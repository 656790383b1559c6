"""Which data sets some images belong to, so that what was tuned on a benchmark's own images can be told."""

from collections.abc import Iterable
from pathlib import Path

from lmms_vg.datasets import mmmu, omnimedvqa, path_vqa, phantoms, pmc_vqa, slake, vqa_rad
from lmms_vg.datasets.medical_eval import MEDICAL_EVAL
from lmms_vg.datasets.source import local_root
from lmms_vg.datasets.vgmed import VGMED

_PARTS = (vqa_rad.VQA_RAD, slake.SLAKE, path_vqa.PATH_VQA, pmc_vqa.PMC_VQA, omnimedvqa.OMNIMEDVQA, mmmu.MMMU)
_SPECS = (*_PARTS, MEDICAL_EVAL, VGMED)
COCO_IMAGES = "vgmed_coco"
"""No data set of its own: VGMED's questions about COCO's images."""

_IN_MEDICAL_EVAL = {spec.name for spec in _PARTS}
_BENCHMARKS = {spec.name for spec in (*_SPECS, phantoms.PHANTOMS)}


def leaks(images: Iterable[str], folder: Path | None = None) -> list[str]:
    """Sorted names of the data sets that what was tuned on the images leaks into, or may: all that have images of theirs.

    HuatuoGPT-Vision's evaluation file is made of six of the others: what is tuned on one of them leaks into the file, and
    what is tuned on the file may leak into each of them.
    """
    found = sources(images, folder)
    whole = {MEDICAL_EVAL.name} if found & _IN_MEDICAL_EVAL else set()
    parts = _IN_MEDICAL_EVAL if MEDICAL_EVAL.name in found else set()
    return sorted(found | whole | parts)


def sources(images: Iterable[str], folder: Path | None = None) -> set[str]:
    """Names of the data sets (``DatasetSpec.name``, and ``vgmed_coco``) that the images are from.

    ``images`` are URIs, or paths in ``folder``; of those it is told by whether they lie in a data set's own folder under
    ``LMMS_VG_DATA``, so a copy elsewhere is not found out. VGMED's images keep the name of their source as first folder
    (Slake).
    """
    places = map(_place, images) if folder is None else (_place_of_file(folder / image) for image in images)
    return set().union(*(_datasets(name, path) for name, path in places))


def _datasets(name: str, path: str) -> set[str]:
    """Of an image of a data set, by its path in there."""
    if name == VGMED.name:
        return {VGMED.name} | (_BENCHMARKS & {path.partition("/")[0].lower()})
    if name == "coco":
        return {COCO_IMAGES}
    if name == phantoms.PHANTOMS.name and int(path.rpartition("/")[2]) >= phantoms.CALIBRATION_SEED:
        return set()  # made for calibrating
    return _BENCHMARKS & {name}


def _place(uri: str) -> tuple[str, str]:
    name, _, path = uri.partition(":")
    return name, path


def _place_of_file(file: Path) -> tuple[str, str]:
    """The data set whose folder a file lies in, behind all links, and its path in there."""
    for spec in _SPECS:
        root = local_root(spec)
        if root is not None and file.resolve().is_relative_to(root.resolve()):
            return spec.name, file.resolve().relative_to(root.resolve()).as_posix()
    return "", ""
