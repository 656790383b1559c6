"""Orientation of a picture by its EXIF data, which viewers apply: here pictures are taken as they are stored."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

_ORIENTATION = 0x0112  # the tag; 1 is upright


def turned(path: Path) -> bool:
    """Return whether viewers turn or mirror a picture, so that boxes drawn there lie elsewhere; False for other files."""
    try:
        with Image.open(path) as picture:
            return picture.getexif().get(_ORIENTATION, 1) in range(2, 9)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False  # a scan, or no image, which opening it says
