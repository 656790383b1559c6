"""COCO val2014 images: the COCO rows of VGMED point to them, and they are fetched separately."""

from __future__ import annotations

from pathlib import Path

from lmms_vg.datasets.archives import read_file
from lmms_vg.datasets.schema import DatasetSpec
from lmms_vg.datasets.source import local_root, missing

FOLDER = "val2014"
COCO = DatasetSpec(
    name="coco",
    homepage="https://cocodataset.org",
    licence="images: each its Flickr licence",
    files={f"{FOLDER}.zip": "about 6 GB"},
    urls={f"{FOLDER}.zip": "http://images.cocodataset.org/zips/val2014.zip"},
)


def read_image(path: str, beside: Path | None) -> bytes:
    """Read an image file from `LMMS_VG_DATA/coco` (folder val2014, val2014.zip, or loose files) or from `beside`.

    Raises:
        DataMissing: it is in neither.
    """
    roots = [root for root in (local_root(COCO), beside) if root is not None]
    for root in roots:
        data = read_file(root, path, FOLDER)
        if data is not None:
            return data
    raise missing(COCO, f"{FOLDER}.zip", f"{path} is not in {' or '.join(map(str, roots)) or 'any known folder'}.")
