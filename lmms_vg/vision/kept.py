"""An image that several questions in a row are about is opened and hashed once.

Data sets open their images through `opened`, by a name that stands for one file, and questions get their pictures from
`picture_of`. Inside `KeptPictures.question` both return what the question before had; elsewhere nothing is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from PIL import Image

from lmms_vg.vision.images import Picture, open_picture


class KeptPictures:
    """The pictures of the present question and of the one before it, by name. One thread at a time may use them."""

    def __init__(self) -> None:
        self._present: dict[Hashable, Picture] = {}
        self._before: dict[Hashable, Picture] = {}

    @contextmanager
    def question(self) -> Iterator[None]:
        """Inside the block, the images of one question are opened, and those that the question before had are reused."""
        self._before, self._present = self._present, {}
        token = _active.set(self)
        try:
            yield
        finally:
            _active.reset(token)

    def open(self, name: Hashable, opener: Callable[[], Image.Image]) -> Image.Image:
        """Return the image of this name; `opener` is called only if neither question had it."""
        if name not in self._present:
            self._present[name] = self._before.get(name) or open_picture(opener())
        return self._present[name].rgb

    def find(self, image: Image.Image) -> Picture | None:
        """Return the picture of an image that `open` returned for the present question; None for any other."""
        return next((picture for picture in self._present.values() if picture.rgb is image), None)


_active: ContextVar[KeptPictures | None] = ContextVar("kept_pictures", default=None)


def opened(name: Hashable, opener: Callable[[], Image.Image]) -> Image.Image:
    """Open an image, or return it if the question before had one of this name.

    Nobody may change the image: other questions share it.

    Args:
        name: stands for one file as long as the run lasts.
        opener: opens it as RGB, fully decoded.
    """
    kept = _active.get()
    return opener() if kept is None else kept.open(name, opener)


def picture_of(image: Image.Image) -> Picture:
    """Decode and hash an image, unless it is kept.

    Raises:
        ValueError: As `open_rgb`.
    """
    kept = _active.get()
    return (kept and kept.find(image)) or open_picture(image)
