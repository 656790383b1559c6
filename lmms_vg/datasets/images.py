"""From an image URI (``slake:xmlab1/source.jpg``, ``demo:hard/200000``) to pixels, whatever the source."""

from collections.abc import Callable
from io import BytesIO

from PIL import Image

from lmms_vg.datasets import medical_eval, mmmu, omnimedvqa, path_vqa, phantoms, pmc_vqa, slake, vgmed, vqa_rad
from lmms_vg.datasets.source import DataError, safe_path
from lmms_vg.vision.images import open_rgb

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
}


def open_image(uri: str) -> Image.Image:
    """The image of a URI, RGB and read in full. Safe to call from several threads.

    Errors: DataMissing if its file is not there; DataError for a URI that is none or leads out of its data set, and for
    a file that ``images.open_rgb`` refuses.
    """
    scheme, _, path = uri.partition(":")
    if scheme == "demo":
        return phantoms.draw(path)
    if scheme not in _READERS:
        raise DataError(f"{uri!r} is no image URI: it does not start with demo: or {': or '.join(_READERS)}:")
    return _decode(_READERS[scheme](safe_path(path)), uri)


def _decode(data: bytes, uri: str) -> Image.Image:
    try:
        return open_rgb(BytesIO(data))
    except ValueError as error:
        raise DataError(f"{uri}: {error}") from error
