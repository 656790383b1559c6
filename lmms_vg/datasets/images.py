"""Open images of every source by URI (`slake:xmlab1/source.jpg`, `demo:hard/200000`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from io import BytesIO

from PIL import Image

from lmms_vg.datasets import medical_eval, mmmu, omnimedvqa, path_vqa, phantoms, pmc_vqa, slake, vgmed, vqa_rad
from lmms_vg.datasets.own_images import open_own
from lmms_vg.datasets.source import DataError, read_data, safe_path
from lmms_vg.vision.images import open_rgb
from lmms_vg.vision.kept import opened

_READERS: dict[str, Callable[[str], bytes]] = {
    "slake": slake.read_image,
    "vgmed": vgmed.read_image,
    "coco": vgmed.read_coco_image,
    "vqa_rad": vqa_rad.read_image,
    "path_vqa": path_vqa.read_image,
    "pmc_vqa": pmc_vqa.read_image,
    "omnimedvqa": omnimedvqa.read_image,
    "mmmu": mmmu.read_image,
    "medical_eval": medical_eval.read_image,
    "data": read_data,
}


def open_image(uri: str) -> Image.Image:
    """Open the image of a URI as RGB, fully decoded, or return the one that the question before had (`vision.kept`).

    Safe to call from several threads.

    Raises:
        DataMissing: the file is missing.
        DataError: the URI is invalid or leads out of its data set, or `vision.images.open_rgb` refuses the file.
    """
    return opened(uri, partial(_open, uri))


def _open(uri: str) -> Image.Image:
    scheme, _, path = uri.partition(":")
    if scheme == "demo":
        return phantoms.draw(path)
    if scheme == "own":
        return open_own(uri)
    if scheme not in _READERS:
        raise DataError(f"{uri!r} is not an image URI: allowed is demo:, own:, {':, '.join(_READERS)}: and a path")
    return _decode(_READERS[scheme](safe_path(path)), uri)


def _decode(data: bytes, uri: str) -> Image.Image:
    try:
        return open_rgb(BytesIO(data))
    except ValueError as error:
        raise DataError(f"{uri}: {error}") from error
