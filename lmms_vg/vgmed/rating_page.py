"""The page on which clinicians rate questions: a folder with one HTML file and the images beside it.

Images are files of their own, because embedded ones would have to be read before the page opens. A file is loaded when it is
shown, so that the page opens as fast with 5,000 questions as with 50.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

from lmms_vg.vgmed.html_page import html_page
from lmms_vg.vgmed.rubric import SCALES

#: One question with its three scores, in seconds: an assumption, from which the workload is told.
SECONDS = 10

#: This share of the questions is shown twice, so that each rater can be compared with himself.
REPEATED = 0.05

FORMAT = "lmms-vg ratings 1"


class RatingCase(NamedTuple):
    """The contents of the page for one question.

    Attributes:
        uid: the question.
        image: path of the image beside the page.
        width: of the image in pixels.
        height: of the image in pixels.
        boxes: xyxy in pixels; empty for a question about what the image does not show.
        question: its text.
        about: what else is shown: kind of question, modality, body part.
    """

    uid: str
    image: str
    width: int
    height: int
    boxes: Sequence[Sequence[float]]
    question: str
    about: str


def repeats(questions: int) -> int:
    """Return the number of questions that are shown twice."""
    return min(ceil(REPEATED * questions), questions // 2)


def workload(questions: int) -> str:
    """Say how long one rater takes."""
    seconds = SECONDS * (questions + repeats(questions))
    return f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{ceil(seconds / 60)} min"


def rating_page(cases: Sequence[RatingCase], data: str, seed: int) -> str:
    """Return the page.

    Args:
        cases: the questions, in the data set's order; every rater gets an order of the own.
        data: hash of the data set.
        seed: of the raters' orders.
    """
    content = {
        "format": FORMAT,
        "hash": data,
        "seed": seed,
        "repeats": repeats(len(cases)),
        "seconds": SECONDS,
        "cases": cases,
    }
    return html_page(
        "rate.html",
        ["page.css", "rate.css"],
        ["common.js", "rate.js"],
        content,
        scales=SCALES,
        questions=f"{len(cases):,}",
        repeats=f"{repeats(len(cases)):,}",
        hours=workload(len(cases)),
        seconds=SECONDS,
        hash=data[:16],
    )
