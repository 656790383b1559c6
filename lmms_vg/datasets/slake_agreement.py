"""Agreement of SLAKE's boxes and masks: both are published for many objects, and were drawn separately."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from statistics import median

from lmms_vg.datasets import slake
from lmms_vg.datasets.mask_boxes import bounds, overlap
from lmms_vg.datasets.slake_grounded import image_of
from lmms_vg.datasets.slake_objects import mentions
from lmms_vg.datasets.slake_regions import Regions, regions_of

_AGREE = 0.5


def remarks() -> list[str]:
    """Return what a person should know of the boxes and masks that are here; nothing if there are none.

    Raises:
        DataError: a file is missing or damaged.
    """
    slake.require_images()
    images = sorted({image_of(sample) for sample in chain(slake.load("closed"), slake.load("open"))})
    by_image = {image: regions_of(image) for image in images}
    with_objects = {image: regions for image, regions in by_image.items() if regions.labels}
    if not with_objects:
        return []
    return [_agreement(with_objects), *_unused(by_image), *_unknown(by_image)]


def _agreement(by_image: dict[str, Regions]) -> str:
    pairs = [
        overlap(bounds(regions.boxes[label]), bounds(regions.masks[label]))
        for regions in by_image.values()
        for label in regions.boxes.keys() & regions.masks.keys()
    ]
    counted = (
        f"{sum(len(regions.boxes) for regions in by_image.values()):,} objects with boxes and "
        f"{sum(len(regions.masks) for regions in by_image.values()):,} with masks in {len(by_image):,} images"
    )
    if not pairs:
        return f"{counted}; none has both"
    good = sum(pair >= _AGREE for pair in pairs) / len(pairs)
    return (
        f"{counted}; {len(pairs):,} have both: IoU of the box and the mask's own box {median(pairs):.2f} (median), "
        f"{good:.0%} at least {_AGREE}"
    )


def _unused(by_image: dict[str, Regions]) -> list[str]:
    reasons = [(image, regions.unused) for image, regions in by_image.items() if regions.unused]
    if not reasons:
        return []
    image, why = reasons[0]
    return [f"masks of {len(reasons)} images are not used, boxes are; {image}: {why}"]


def _unknown(by_image: dict[str, Regions]) -> list[str]:
    labels = Counter(label for regions in by_image.values() for label in regions.labels if not mentions(label))
    if not labels:
        return []
    shown = ", ".join(f"{label} ({times})" for label, times in labels.most_common(10))
    return [f"labels that no question is linked to: {shown}{', ...' if len(labels) > 10 else ''}"]
