"""Pages of tables and of submissions are small enough, readable without scripts, and escape every text."""

from __future__ import annotations

import random
import re
from functools import cache
from importlib import resources
from pathlib import Path

import pytest
from entries import entry
from saved_run import spec

from lmms_vg.leaderboard import pages
from lmms_vg.leaderboard.standings import standings
from lmms_vg.leaderboard.table_model import CellView, ColumnView, Rank, RowView, TableView
from lmms_vg.leaderboard.table_specs import shapes
from lmms_vg.leaderboard.tables import tables
from lmms_vg.submission.validated import Entry

STATIC = Path(str(resources.files("lmms_vg.leaderboard").joinpath("static")))
METHODS = (spec("plain"), spec("vgrefine", k=20), spec("pai", alpha=0.5), spec("adaptvis"), spec("vicrop"))
EVIL = "</td></script><script>x()</script><img src=x onerror='x()'>\"&"


@cache
def many(models: int) -> tuple[Entry, ...]:
    """Submissions of so many models with five methods each, with a number in every column of their size."""
    chance = random.Random(0)
    measures = [measure for shape in shapes("vgrefine") for measure in shape.measures]
    tasks = sorted({task for measure in measures for part in measure.ways[0] for task in part.tasks})
    looked = {"kl": 1.234, "js": 0.456, "best_layer": 14.0}
    opened = {"bleu1": 0.321, "bertscore": 0.812, "average": 0.534}
    metrics = {task: looked if task.startswith("vgmed") else opened if task.endswith("open") else {} for task in tasks}
    return tuple(
        entry(
            f"an-organisation-model-{model:03}-method-{number}",
            {task: [chance.choice((0, 1)) for _ in range(10)] for task in tasks},
            name=f"An-Organisation/Med-Model-{model}-Instruct-v1.5",
            parameters=34.0 if model % 4 == 0 else 7.0,
            method=method,
            weights=f"weights{model:03}",
            metrics=metrics,
        )
        for model in range(models)
        for number, method in enumerate(METHODS)
    )


@pytest.fixture
def fewer_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw less; a page's size does not depend on the number of draws."""
    monkeypatch.setattr("lmms_vg.leaderboard.estimates.RESAMPLES", 50)
    monkeypatch.setattr("lmms_vg.leaderboard.vs_plain.RESAMPLES", 50)


@pytest.mark.slow
@pytest.mark.usefixtures("fewer_draws")
def test_500_submissions_load_less_than_5_mb() -> None:
    """Every submission adds as much, so that what 500 take follows from 50 and 100."""
    few, made = (tables(many(models), "vgrefine") for models in (10, 20))
    assert sum(len(table.measured) for table in made if table.key in ("table1", "tableG5")) == 100
    shown = [
        (column.title, cell.text)
        for table in made
        for row in table.measured
        for column, cell in zip(table.columns, row.cells, strict=True)
        if row.method != "plain"
    ]
    # These submissions carry no values per layer, so nothing is judged by chance.
    assert all(text for title, text in shown if "excess" not in title and "placement" not in title)
    smaller, page = (pages.front("vgrefine", ["vgrefine"], views, []) for views in (few, made))
    each = (len(page.encode()) - len(smaller.encode())) / 50
    static = sum(path.stat().st_size for path in STATIC.iterdir())
    assert static < 60_000
    assert len(page.encode()) + 400 * each + static < 2_500_000, "half of what is promised"
    assert page.count("<tr>") > 500


def one_table(text: str) -> TableView:
    cells = [CellView(text, 1.0, 0.5, 1.5, 10, Rank(1, 3, 7), text)]
    measured = RowView(text, text, 7.0, "id", True, cells)
    printed = RowView(text, text, None, "", None, [CellView(text, 1.0)])
    return TableView(
        "table1", text, text, [ColumnView(text, text, "lower", text)], 0, [measured], [printed], text, [text]
    )


def test_no_text_of_a_table_is_markup() -> None:
    page = pages.front("vgrefine", ["vgrefine", "test"], [one_table(EVIL)], [])
    assert "<script>x" not in page
    assert "<img" not in page
    assert page.count("&lt;/td&gt;") > 10
    assert page.replace("&lt;", "").replace("&#34;", "").count("onerror='") == 0


def test_no_text_of_a_submission_is_markup() -> None:
    one = entry(
        "id",
        {"vqa_demo_hard": [1, 0]},
        name=EVIL[:60],
        method=spec(EVIL, k=EVIL),
        notes=[EVIL],
        code=EVIL,
        versions={EVIL: EVIL},
    )
    page = pages.submission(one, {}, [], "0" * 64, standings([one_table(EVIL)])["id"], ["vgrefine"], [])
    assert "<script>x" not in page
    assert "<img" not in page
    assert page.count("&lt;script&gt;") > 5


def test_pages_say_what_may_load_and_have_nothing_inline() -> None:
    one = entry("id", {"vqa_demo_hard": [1, 0]})
    for page in (
        pages.front("vgrefine", ["vgrefine"], [one_table("T")], []),
        pages.submission(one, {}, [], "0" * 64, [], ["vgrefine"], []),
    ):
        policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
        assert policy is not None
        assert policy[1].split("; ") == [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
        assert not re.search(r"\son\w+=|\sstyle=|<style|<script>|<form|javascript:", page)
        assert page.index("Content-Security-Policy") < page.index("<script"), "said before anything loads"
        assert '<html lang="en">' in page


def test_a_table_is_whole_without_a_script() -> None:
    page = pages.front("test", ["vgrefine", "test"], [one_table("T")], ["vqa_rad"])
    assert '<a href="index.html">vgrefine</a>' in page
    assert '<a href="test.html" aria-current="page">test</a>' in page
    assert '<div class="filter" id="filter" role="search" hidden>' in page
    assert '<td>1–3 of 7</td><th scope="row"><a href="submissions/id.html">T</a>' in page
    assert '<td data-r="1–3" data-v="1">T<small>0–2</small></td>' in page.replace("\n", "")
    assert 'data-of="7"' in page
    assert "Published, not measured here: T" in page
    assert page.index(">Measured<") < page.index(">Published, not measured here")
    assert all(f'href="downloads/test/table1.{kind}"' in page for kind in ("csv", "json", "tex", "md"))
    assert page.count("<caption>") == page.count("<table") == 1


def test_an_address_is_a_link_that_recommends_nothing() -> None:
    one = entry("id", {"vqa_demo_hard": [1, 0]})
    card = one.manifest.card.model_copy(update={"url": "https://example.org/?a=1&b=2"})
    one = Entry("id", one.manifest.model_copy(update={"card": card}), one.scores)
    page = pages.submission(one, {}, [], "0" * 64, [], ["vgrefine"], [])
    assert '<a href="https://example.org/?a=1&amp;b=2" rel="noopener nofollow">' in page


def contrast(first: str, second: str) -> float:
    """Return the WCAG 2 contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
        parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_colours_have_enough_contrast_in_both_schemes() -> None:
    css = (STATIC / "site.css").read_text()
    schemes = [
        dict(re.findall(r"--(\w+): (#[0-9a-f]+);", part)) for part in re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    ]
    assert len(schemes) == 2
    for colours in schemes:
        for ground in ("page", "paper", "tint"):
            for text in ("text", "soft", "link", "good", "bad"):
                assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
            for line in ("strong", "focus", "own", "other", "third"):
                assert contrast(colours[line], colours[ground]) >= 3, (line, ground)
        assert contrast(colours["own"], colours["paper"]) >= 4.5, "the chosen protocol is paper on own"
    assert contrast("#fff", "#000000") == pytest.approx(21)
