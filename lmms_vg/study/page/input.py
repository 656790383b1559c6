"""Types of the input of `report.html`: all asked questions as columns, and a few of them, with maps and pictures, on demand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lmms_vg.vision.patch_grid import Box

Values = NDArray[np.floating[Any]]
Word = Literal["shown", "not shown", "opposite", "no verdict"]


class PageSide(NamedTuple):
    """One model under one method, whose maps can be chosen for either side of the gallery.

    Attributes:
        name: as it is shown; unique among the sides.
        layers: number of layers.
        layer: the layer that its headline is about, from 0.
        chosen: how that layer was chosen, in words.
    """

    name: str
    layers: int
    layer: int
    chosen: str


class SideAnswers(NamedTuple):
    """One side's values for every asked question, at its own headline layer; all (questions,).

    Attributes:
        excess: log AR minus that of maps of other images on the same box; NaN if it is not known.
        placement: share of the places of the same shape that hold less attention, 0 to 1; NaN if it is not known.
        right: 1 for a right answer, 0 for a wrong one, -1 if the question has no reference or no answer.
        changes: 1 if the answer changes when the box is filled with its surroundings, 0 if not, -1 if nobody asked.
    """

    excess: Values
    placement: Values
    right: NDArray[np.int8]
    changes: NDArray[np.int8]


@dataclass(frozen=True)
class AskedQuestions:
    """All asked questions, in one order.

    Attributes:
        uids: name of each within its task.
        tasks: task of each.
        modalities: modality of each; "unknown" where the source does not tell.
        shares: share of the image that is in the boxes, 0 to 1, (questions,).
        sides: what each side has, in the order of the page's sides.
    """

    uids: Sequence[str]
    tasks: Sequence[str]
    modalities: Sequence[str]
    shares: Values
    sides: Sequence[SideAnswers]


class SideLook(NamedTuple):
    """The attention of one side on the image of one question.

    Attributes:
        maps: attention over the image's patches, (layers, patches), of any scale; 0 where a patch was hidden.
        grid: rows and columns of patches.
        visible: the patches that show image, (patches,) bool.
        place: the grid as an xyxy box in pixels of the image, which may reach beyond it; None if it is not known.
        ar: attention ratio per layer, (layers,); NaN where a value is not known, as in the next three.
        kl: KL per layer.
        excess: log AR minus that of maps of other images on the same box, per layer.
        placement: share of the places of the same shape with less attention, per layer.
        answer: the answer.
    """

    maps: Values
    grid: tuple[int, int]
    visible: NDArray[np.bool_]
    place: Box | None
    ar: Values
    kl: Values
    excess: Values
    placement: Values
    answer: str


@dataclass(frozen=True)
class GallerySample:
    """One question of the gallery.

    Attributes:
        question: its text.
        reference: the reference answer; empty if it has none.
        label: what the boxes are around, such as an organ; empty if the source does not tell.
        source: the data set.
        licence: its licence in words; it decides whether the image is embedded.
        size: width and height of the image in pixels.
        boxes: xyxy in pixels.
        open_image: opens the image; it raises ValueError or OSError if that is impossible.
        looks: one per side; None if the side has no map of the question.
    """

    question: str
    reference: str
    label: str
    source: str
    licence: str
    size: tuple[int, int]
    boxes: Sequence[Box]
    open_image: Callable[[], Image.Image]
    looks: Sequence[SideLook | None]


class LayerMeans(NamedTuple):
    """Means per layer of one side on one task; all values (layers,), NaN where there is none.

    Attributes:
        side: number of the side.
        task: the task.
        n: number of questions.
        ar: mean attention ratio.
        kl: mean KL.
        excess: mean of log AR minus that of maps of other images.
        placement: mean placement.
    """

    side: int
    task: str
    n: int
    ar: Values
    kl: Values
    excess: Values
    placement: Values


class Headline(NamedTuple):
    """One finding in words.

    Attributes:
        text: a sentence with its number, interval, n and layer.
        word: the verdict, which rests on an excess over other images and never on a raw value.
    """

    text: str
    word: Word


class CurveLine(NamedTuple):
    """One line of a panel; all (layers,), NaN where there is no value.

    Attributes:
        name: in the legend.
        natural: whether it is of natural images, which are drawn dashed.
        mean: mean of the questions.
        low: lower end of the 95% band.
        high: upper end.
        chance: its own chance level, drawn dotted; empty if the panel's `chance` says all.
        marked: layers that findings are about.
        hidden: layers that hide patches, which are marked as such.
    """

    name: str
    natural: bool
    mean: Values
    low: Values
    high: Values
    chance: Values
    marked: Sequence[int] = ()
    hidden: Sequence[int] = ()


@dataclass(frozen=True)
class CurvePanel:
    """One chart over layers.

    Attributes:
        title: what is drawn.
        better: which direction is better, in words.
        lines: the lines.
        chance: value of the straight chance line; None if each line has its own.
        chance_words: what the dotted lines are.
    """

    title: str
    better: str
    lines: Sequence[CurveLine]
    chance: float | None
    chance_words: str


@dataclass(frozen=True)
class PageTable:
    """A table that can be sorted.

    Attributes:
        title: its caption.
        note: how to read it.
        heads: names of the columns.
        rows: cells; numbers are sorted as numbers, and None or NaN is printed as a dash and sorted last.
    """

    title: str
    note: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str | float | int | None]]


class PagePicture(NamedTuple):
    """A picture that is drawn elsewhere, such as maps of heads; `data` is a PNG."""

    title: str
    data: bytes


@dataclass(frozen=True)
class PageInput:
    """The whole page.

    Attributes:
        title: the page's title.
        sides: models and methods, in the order in which they are shown.
        asked: all asked questions.
        sample_of: returns the question of this number with its maps.
        means: what the layer slider prints of each layer.
        headlines: findings in words.
        panels: charts; `pictures` and `tables` come after them, each in their order.
        missing: what this study has no numbers of, and why, one sentence each.
        signatures: what determined the numbers.
        unit: what intervals draw as a whole: `image`, `patient`, or `image or patient`.
    """

    title: str
    sides: Sequence[PageSide]
    asked: AskedQuestions
    sample_of: Callable[[int], GallerySample]
    means: Sequence[LayerMeans] = ()
    headlines: Sequence[Headline] = ()
    panels: Sequence[CurvePanel] = ()
    pictures: Sequence[PagePicture] = ()
    tables: Sequence[PageTable] = ()
    missing: Sequence[str] = ()
    signatures: Sequence[str] = ()
    unit: str = "image"
