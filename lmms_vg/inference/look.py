"""The result of `Model.ask`: the answer, the attention behind it, and both as a picture, a table and HTML."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lmms_vg.inference.look_bank import BankValues, MapBank, bank_values, open_bank
from lmms_vg.inference.look_page import page
from lmms_vg.inference.look_table import LookRow, as_text, rows_of
from lmms_vg.journal import Record
from lmms_vg.metrics.alignment import Alignment, best_layer
from lmms_vg.runs.plots.overlay import Panel, draw_overlay
from lmms_vg.vision.patch_grid import Geometry


@dataclass(frozen=True)
class LookSite:
    """The question, image and boxes that the looks of several methods share.

    Attributes:
        question: the text that was asked.
        image: the first image.
        boxes: (x0, y0, x1, y1) in its pixels.
        view: how its pixels lie on the patches that are measured.
        layer: the layer that is shown unless another one is named, from 0.
        why_layer: why this one.
        remarks: what else a reader has to know, one sentence each, without its full stop.
    """

    question: str
    image: Image.Image
    boxes: Sequence[Sequence[float]]
    view: Geometry
    layer: int
    why_layer: str
    remarks: tuple[str, ...] = ()

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """(rows, cols), the patches in a box."""
        return self.view.patch_mask(self.boxes)


@dataclass(frozen=True, eq=False, repr=False)
class Look:
    """A method's answer to a question, and the attention behind it. In a notebook it shows itself.

    Attributes:
        method: name of the method.
        answer: the answer.
        alignment: how well each layer's attention matches the boxes, arrays of shape (layers,); None without boxes.
            AR is 1 where attention is uniform; KL and JS are in nats.
        record: the journal's record of the answer.
        site: what it is about.
        lifts: (layers, rows, cols), the maps of all layers as `map` returns one.
        hidden: (rows, cols) bool, the patches that the method hid from the question in one layer or more; None if none.
        identity: what determines the answer, as runs state it: weights, method, dtype and so on.
    """

    method: str
    answer: str
    alignment: Alignment | None
    record: Record
    site: LookSite
    lifts: NDArray[np.float64]
    hidden: NDArray[np.bool_] | None
    identity: Mapping[str, Any] = field(default_factory=dict)

    @property
    def best_layer(self) -> int | None:
        """Index of the layer with the lowest KL on this very question; None without boxes."""
        return None if self.alignment is None else best_layer(self.alignment.kl[None])

    def map(self, layer: int | None = None) -> NDArray[np.float64]:
        """Return where the model looked: (rows, cols) of attention over its mean over all patches.

        The question's attention is divided by that of the reference prompt, heads averaged (paper, Sec. 2.2). 1 is even
        attention, and the mean over the patches of a box is its AR.

        Args:
            layer: index of a layer; None for the one that is shown, `site.layer`.

        Raises:
            ValueError: there is no such layer.
        """
        chosen = self.site.layer if layer is None else layer
        if not 0 <= chosen < len(self.lifts):
            raise ValueError(f"layer {chosen}: allowed is 0 to {len(self.lifts) - 1}")
        lift: NDArray[np.float64] = self.lifts[chosen]
        return lift

    def panel(self, layer: int | None = None, name: str = "") -> Panel:
        """Return the map as a panel of a picture, under a name, by default the method's, and the answer."""
        lift = self.map(layer)
        ratio = f", AR {lift[self.site.mask].mean():.2f}" if self.site.boxes else ""
        head = f"{name or self.method}, layer {self.site.layer if layer is None else layer}{ratio}"
        answer = textwrap.shorten(self.answer, 60, placeholder=" ...")
        return Panel(f"{head}\n{answer}", self.site.view, lift, self.hidden)

    def draw(self, layer: int | None = None) -> bytes:
        """Return a PNG of the image with its boxes, and of the image under the map; `layer` as in `map`."""
        return Looks({self.method: self}).draw(layer)

    def table(self, layer: int | None = None, bank: Sequence[Path] = ()) -> str:
        """Return the answer and the values as text, with what attention that is blind to the boxes would have.

        Args:
            layer: as in `map`.
            bank: runs with maps of other images, as for `Looks.bank_rows`.
        """
        return Looks({self.method: self}).table(layer, bank)

    def in_banks(self, banks: Sequence[MapBank], layer: int) -> BankValues:
        """Return what maps of other images have on the boxes, from the first bank of this model and method; NaN without one."""
        mask, visible = self.site.mask, self.site.view.visible
        for bank in banks:
            if bank.is_of(self.identity):
                return bank_values(bank, self.record, self.map(layer), mask, visible, layer)
        return BankValues(math.nan, math.nan, math.nan, 0)

    def __repr__(self) -> str:
        return f"Look({self.method}: {self.answer!r})"

    def _repr_html_(self) -> str:
        return Looks({self.method: self})._repr_html_()


class Looks(dict[str, Look]):
    """Method -> its look at one question. In a notebook they show themselves side by side."""

    @property
    def site(self) -> LookSite:
        """The question, image and boxes that the looks share."""
        return next(iter(self.values())).site

    def rows(self, layer: int | None = None) -> list[LookRow]:
        """Return the values at a layer, each with what attention that is blind to the boxes would have; none without boxes.

        Raises:
            ValueError: there is no such layer.
        """
        maps = [look.map(layer) for look in self.values()]
        return rows_of(maps, self.site.mask, self.site.view.visible) if self.site.boxes else []

    def bank_rows(self, runs: Sequence[Path], layer: int | None = None) -> list[LookRow]:
        """Return what the same method's maps of other images have on the boxes, from the maps that runs have kept.

        Attention that is blind to the boxes has, on average, the values of these rows: the swap null (docs/grounding.md).
        A method without a run has none, and one whose run has fewer than five other images of this size and padding.

        Args:
            runs: results or journals of runs that measured attention, such as of `vgmed`.
            layer: as in `Look.map`.

        Raises:
            ValueError: there are no boxes or no such layer, or a run has no maps of any of these methods.
        """
        if not self.site.boxes:
            raise ValueError("a bank of maps needs a box to measure them on")
        banks = [open_bank(run) for run in runs]
        for run, bank in zip(runs, banks, strict=True):
            if not any(bank.is_of(look.identity) for look in self.values()):
                raise ValueError(
                    f"bank {run}: another model, method or setting left its maps; allowed is a run of the same"
                )
        results = [look.in_banks(banks, self.site.layer if layer is None else layer) for look in self.values()]
        fewest = min((values.n for values in results if values.n), default=0)
        names = [f"{name} of {fewest} other images" for name in ("AR", "KL", "JS")]
        return [LookRow(name, [values[i] for values in results], math.nan) for i, name in enumerate(names)]

    def draw(self, layer: int | None = None) -> bytes:
        """Return a PNG of the image with its boxes, and of the image under each method's map; `layer` as in `Look.map`."""
        panels = [look.panel(layer) for look in self.values()]
        return draw_overlay(self.site.image, self.site.boxes, panels, self.site.question)

    def table(self, layer: int | None = None, bank: Sequence[Path] = ()) -> str:
        """Return answers and values as text, with what attention that is blind to the boxes would have.

        Args:
            layer: as in `Look.map`.
            bank: runs with maps of other images, as for `bank_rows`.
        """
        answers = {method: look.answer for method, look in self.items()}
        rows = self.rows(layer) + (self.bank_rows(bank, layer) if bank else [])
        return as_text(self.site.question, answers, rows, self.notes(layer))

    def notes(self, layer: int | None = None) -> list[str]:
        """Return what a reader of picture and values has to know, one sentence each, without full stops."""
        site, looks = self.site, list(self.values())
        depth = len(looks[0].lifts)
        chosen = f"Layer {layer}, as asked" if layer is not None else f"Layer {site.layer}, {site.why_layer}"
        hiding = [
            f"{look.hidden.sum()} of {look.hidden.size} by {look.method}" for look in looks if look.hidden is not None
        ]
        hatched = [f"Hatched: patches that a method hides from the question in some layer ({', '.join(hiding)})"]
        return [f"{chosen}; layers count from 0 to {depth - 1}", *(hatched if hiding else []), *site.remarks]

    def _repr_html_(self) -> str:
        answers = {method: look.answer for method, look in self.items()}
        return page(self.site.question, answers, self.rows(), self.notes(), self.draw())
