"""`Frame`, which every kind of source is read into, and `Tally`, which counts what is left out of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lmms_vg.vgmed.manifest import LabelRule, SourceManifest
from lmms_vg.vgmed.schema import Plane

#: Label in words -> its rule and its masks, each (height, width).
Masks = dict[str, tuple[LabelRule, list[NDArray[np.bool_]]]]


@dataclass(frozen=True)
class Frame:
    """One image and the masks of the labels on it.

    Attributes:
        origin: file that it was made of, relative to the source's folder.
        patient: id of the patient or volume.
        image: 8 bits, grey or RGB.
        masks: label in words -> its rule and its masks, each (height, width) as the image.
        shows: labels on the image, in words, with those whose masks are not in `masks`.
        plane: of a slice; empty for an image that is none.
        slice: number of the slice, from 0.
        orientation: how pixels lie, in words.
        window: how grey values became 8 bits, in words.
    """

    origin: str
    patient: str
    image: Image.Image
    masks: Masks
    shows: frozenset[str]
    plane: Plane = ""
    slice: int | None = None
    orientation: str = "as stored"
    window: str = "as stored"


@dataclass
class Tally:
    """The losses of a source, or of a unit of it, and their reasons.

    Attributes:
        dropped: reason -> number.
        said: what people should look at, each with its file; and what it is about, if that is said only once.
    """

    dropped: Counter[str] = field(default_factory=Counter)
    said: list[tuple[str, str]] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    @property
    def problems(self) -> list[str]:
        """Messages that a person should read."""
        return [text for text, _ in self.said]

    def report(self, reason: str, text: str, once: str = "") -> None:
        """Count a loss, and keep its words; those of a later loss with the same `once` are not kept."""
        self.dropped[reason] += 1
        self.say(text, once)

    def say(self, text: str, once: str = "") -> None:
        """Keep words, unless others with the same `once` were kept before."""
        if not once or once not in self._seen:
            self.said.append((text, once))
            self._seen.add(once)

    def add(self, dropped: Mapping[str, int], said: Iterable[tuple[str, str]]) -> None:
        """Add what a unit lost."""
        self.dropped.update(dropped)
        for text, once in said:
            self.say(text, once)

    @contextmanager
    def skipping(self, reason: str, place: str) -> Iterator[None]:
        """Report an error of the block and go on behind it."""
        try:
            yield
        except (ValueError, OSError) as problem:
            text = str(problem).removeprefix(f"{PurePath(place).name}: ")
            self.report(reason, text if place in text else f"{place}: {text}")

    def rule(self, manifest: SourceManifest, label: str | int, place: str) -> LabelRule | None:
        """Return the meaning of a label; None, counted, if the manifest does not state it or leaves it out on purpose."""
        rule = manifest.rule(label)
        if rule is None:
            known = ", ".join(map(str, list(manifest.labels)[:8])) + (", ..." if len(manifest.labels) > 8 else "")
            self.report(
                "label is not in the manifest",
                f"{place}: label {label!r} is not in the manifest of {manifest.name}, which has {known}; add it, or leave it "
                f"out with `{label}: null`",
                once=f"label {label!r}",
            )
        elif not rule.name:
            self.dropped["label is left out by the manifest"] += 1
            return None
        return rule
