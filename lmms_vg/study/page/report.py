"""Write `report.html`: one file that loads nothing, with the findings of a study and a gallery of its questions."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment
from markupsafe import Markup

from lmms_vg import __version__
from lmms_vg._util.atomic_files import replace_file
from lmms_vg._util.html_pages import policy, script_json, static_text, templates
from lmms_vg.runs.units import plural
from lmms_vg.study.page import sample
from lmms_vg.study.page.curves import curves, style
from lmms_vg.study.page.data import (
    DrawnSample,
    MapDetail,
    blobs,
    drawn,
    layers_of,
    means,
    rows,
    samples,
)
from lmms_vg.study.page.input import PageInput
from lmms_vg.study.page.maps import DOUBLINGS
from lmms_vg.study.page.tables import cells, numeric
from lmms_vg.study.page.words import WORDS, explained

_PACKAGE = "lmms_vg.study.page"

#: Samples of the gallery, and bytes of the file, unless the user says otherwise.
SAMPLES, BUDGET = 500, 25_000_000

#: From the finest maps to the coarsest; fewer samples come after that.
DETAILS = (MapDetail(32, 1), MapDetail(16, 1), MapDetail(16, 2))

_SCRIPTS = ("report_tables.js", "report_maps.js", "report_state.js", "report_cards.js", "report.js")


class Written(NamedTuple):
    """The report that was written.

    Attributes:
        size: bytes of the file.
        shown: number of samples.
        without_image: how many of them have no image.
        reduced: what was reduced to stay within the budget, one sentence each; the page says the same.
    """

    size: int
    shown: int
    without_image: int
    reduced: list[str]


def write(
    page: PageInput, path: Path, *, n: int = SAMPLES, seed: int = 0, images: bool | None = None, budget: int = BUDGET
) -> Written:
    """Write the page, replacing an older one; the same input gives the same bytes.

    Args:
        page: what it shows.
        path: the file.
        n: most samples in the gallery.
        seed: of their draw.
        images: whether images are embedded; None for those whose licence allows to pass them on.
        budget: most bytes. Maps get coarser first, then samples fewer; the page says so.

    Raises:
        ValueError: `n` is negative, or the page is too large without any sample.
    """
    shown = drawn(page, sample.draw(page.asked, n, seed), images)
    text, reduced, count = _within(page, shown, seed, budget)
    replace_file(path, text)
    return Written(len(text.encode()), count, sum(not entry.picture for entry in shown[:count]), reduced)


def _within(page: PageInput, shown: list[DrawnSample], seed: int, budget: int) -> tuple[str, list[str], int]:
    """Return the text of the finest page within the budget, what was reduced, and the number of samples."""
    count, text = len(shown), ""
    for detail in DETAILS:
        reduced = _reduced(detail, count, len(shown), budget)
        text = render(page, shown, seed, detail, reduced)
        if len(text.encode()) <= budget:
            return text, reduced, count
    bare = len(render(page, [], seed, DETAILS[-1], []).encode())
    while count and len(text.encode()) > budget:
        share = max(budget - bare, 0) / (len(text.encode()) - bare)
        count = min(int(count * share), count - 1)
        reduced = _reduced(DETAILS[-1], count, len(shown), budget)
        text = render(page, shown[:count], seed, DETAILS[-1], reduced)
    if len(text.encode()) > budget:
        raise ValueError(f"budget {budget}: the page takes {len(text.encode())} bytes without any sample; allow more")
    return text, reduced, count


def _reduced(detail: MapDetail, count: int, wanted: int, budget: int) -> list[str]:
    """Say what a detail and a number of samples leave out."""
    left_out = [
        (
            detail.levels < DETAILS[0].levels,
            f"maps have {detail.levels} levels of brightness instead of {DETAILS[0].levels}",
        ),
        (detail.step > 1, f"maps of every {detail.step}nd layer are kept, and that of each model's headline layer"),
        (count < wanted, f"{count} of {wanted} drawn samples are shown, the first ones of the draw"),
    ]
    return [f"To stay within {budget / 1e6:g} MB, {words}." for out, words in left_out if out]


def render(page: PageInput, shown: list[DrawnSample], seed: int, detail: MapDetail, reduced: list[str]) -> str:
    """Return the page's text with these samples."""
    scripts = [static_text(_PACKAGE, name) for name in _SCRIPTS]
    style_sheet = static_text(_PACKAGE, "report.css")
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            page=page,
            policy=policy(scripts, [style_sheet], images="data: blob:"),
            scripts=[Markup(text) for text in scripts],  # noqa: S704 - our own files
            style_sheet=Markup(style_sheet),  # noqa: S704 - our own file
            data=script_json(_data(page, shown, detail)),
            blobs=blobs(page, shown, detail),
            rule=sample.rule(page.asked, len(shown), seed),
            reduced=reduced,
            units=plural(page.unit),
            shown=shown,
            licences=sorted({(entry.sample.source, entry.sample.licence or "not stated") for entry in shown}),
            lift=2**DOUBLINGS,
        )
    )


def _data(page: PageInput, shown: list[DrawnSample], detail: MapDetail) -> dict[str, Any]:
    return {
        "levels": detail.levels,
        "doublings": DOUBLINGS,
        "sides": [
            {"name": side.name, "layers": side.layers, "layer": side.layer, "kept": layers_of(side, detail)}
            for side in page.sides
        ],
        "means": means(page),
        "rows": rows(page.asked),
        "samples": samples(page, shown),
    }


@cache
def _environment() -> Environment:
    environment = templates(_PACKAGE)
    environment.globals |= {
        "curves": lambda *drawn_as: Markup(curves(*drawn_as)),  # noqa: S704 - ElementTree escapes
        "line_style": style,
        "cells": cells,
        "numeric": numeric,
        "explained": explained,
        "words": WORDS,
        "base64": lambda data: base64.b64encode(data).decode(),
        "version": __version__,
    }
    return environment
