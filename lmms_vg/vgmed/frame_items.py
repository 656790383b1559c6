"""A frame becomes items: its masks become boxes, and its image is written once."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path

from PIL import Image, ImageChops
from pydantic import BaseModel

from lmms_vg._util.atomic_files import replacing
from lmms_vg.vgmed import dataset, rle
from lmms_vg.vgmed.components import mask_boxes
from lmms_vg.vgmed.frames import Frame, Tally
from lmms_vg.vgmed.manifest import SourceManifest
from lmms_vg.vgmed.near_copies import difference_hash
from lmms_vg.vgmed.schema import Item
from lmms_vg.vision.images import open_picture

#: Of PNG: several times as fast as the default. With runs only, files of CT slices are smaller than with level 1 alone.
_PACKING = {"compress_level": 1, "compress_type": zlib.Z_RLE}


class FrameItems(BaseModel):
    """The items of a frame, if no frame before it had the same image.

    Attributes:
        origin: file that the frame was made of, relative to the source's folder.
        image_hash: SHA-256 of the image's size and pixels.
        near_hash: of its near copies (`near_copies`), in hexadecimal digits; empty if it has no item.
        items: one per label that is kept.
        dropped: reason -> number of components, or of items.
    """

    origin: str
    image_hash: str
    near_hash: str
    items: list[Item]
    dropped: dict[str, int]


def frame_items(frame: Frame, manifest: SourceManifest, out: Path) -> FrameItems:
    """Make the items of a frame. Its image is written to `out` if there is any item.

    Raises:
        ValueError: a label or a path is too long for an item.
        OSError: the image cannot be written.
    """
    picture = open_picture(frame.image)
    tally = Tally()
    name = f"{dataset.IMAGES}/{manifest.name}-{picture.hash[:20]}.png"
    items = []
    for label, (rule, masks) in sorted(frame.masks.items()):
        kept = mask_boxes(masks, manifest.filters)
        tally.add(kept.dropped, [])
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
        _write_image(out / name, picture.rgb)
    return FrameItems(
        origin=frame.origin,
        image_hash=picture.hash,
        near_hash=difference_hash(picture.rgb).hex() if items else "",
        items=items,
        dropped=tally.dropped,
    )


def _identifier(manifest: SourceManifest, frame: Frame, label: str) -> str:
    """Depends on where the item comes from, and on nothing else: adding a source changes no other id."""
    place = "\n".join([manifest.name, frame.origin, frame.plane, str(frame.slice), frame.window, label])
    return f"{manifest.name}-{hashlib.sha256(place.encode()).hexdigest()[:16]}"


def _write_image(path: Path, rgb: Image.Image) -> None:
    """Write pixels and nothing else, grey ones with one channel."""
    red, green, blue = rgb.split()
    grey = not any(ImageChops.difference(red, other).getbbox() for other in (green, blue))
    pixels = red if grey else rgb.copy()
    pixels.info = {}  # PNG files would take over a colour profile
    with replacing(path) as scratch:
        pixels.save(scratch, "PNG", **_PACKING)
