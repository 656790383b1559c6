"""Pictures of the gallery: small, without metadata, and only where the source's licence allows to pass them on."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import NamedTuple

from PIL import Image

from lmms_vg.datasets.licences import may_pass_on
from lmms_vg.study.page.input import GallerySample
from lmms_vg.vision.images import open_rgb

#: Longest side in pixels, and WebP's quality: 7 kB for a slice.
SIDE, QUALITY = 336, 75


class Thumbnail(NamedTuple):
    """A picture, or why there is none.

    Attributes:
        data: a WebP file as base64; empty if there is none.
        reason: why; empty if there is one.
    """

    data: str
    reason: str


def may_embed(licence: str, images: bool | None) -> bool:
    """Return whether an image is embedded; `images` is what the user said, None for what the licence allows."""
    return may_pass_on(licence) if images is None else images


def thumbnail(sample: GallerySample, images: bool | None) -> Thumbnail:
    """Return a sample's picture. An image that cannot be opened is no error: the page says why it is not there."""
    if not may_embed(sample.licence, images):
        return Thumbnail("", _withheld(sample, images))
    try:
        picture = open_rgb(sample.open_image())
    except (OSError, ValueError) as problem:
        return Thumbnail("", f"The image could not be opened when this page was built: {problem}")
    return Thumbnail(base64.b64encode(webp(picture)).decode(), "")


def webp(picture: Image.Image) -> bytes:
    """Return an RGB image as WebP of at most `SIDE` pixels a side; pixels only, so no metadata of the file goes along."""
    small = Image.new("RGB", picture.size)
    small.paste(picture)
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    data = BytesIO()
    small.save(data, "WEBP", quality=QUALITY, method=4)
    return data.getvalue()


def _withheld(sample: GallerySample, images: bool | None) -> str:
    if images is False:
        return "Images were left out of this page (--no-images)."
    stated = f"“{sample.licence}”" if sample.licence.strip() else "not stated"
    return (
        f"The licence of {sample.source} is {stated}, which does not clearly allow to pass images on, so this page has none. "
        "For your own use build it with --images."
    )
