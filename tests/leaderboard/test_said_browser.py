"""What was said, in Chromium: on a phone and on a desk nothing is wider than the page, and no text is markup."""

from __future__ import annotations

import random
import shutil
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from entries import entry
from saved_run import spec

from lmms_vg.leaderboard import pages
from lmms_vg.leaderboard.best_gains import best_gains, headlines
from lmms_vg.leaderboard.plain_pairing import plain_runs
from lmms_vg.leaderboard.standings import standings
from lmms_vg.leaderboard.table_specs import shapes
from lmms_vg.leaderboard.tables import tables
from lmms_vg.submission.validated import Entry

EVIL = "</td></tr></table><script>window.pwned=1</script><img src=x onerror=window.pwned=1>"
SETS = ("vqa_rad_closed", "slake_closed", "pathvqa_closed", "pmc_vqa")
N = 120


def run(id: str, unreadable: float, strength: float, method: str = "plain", **changes: object) -> Entry:
    draw = random.Random(id)
    right = ["yes" if number % 3 else "no" for number in range(N)]
    said = {
        task: [
            None if draw.random() < unreadable else truth if draw.random() < strength else ("yes", "no")[truth == "yes"]
            for truth in right
        ]
        for task in SETS
    }
    scores = {
        task: [float(one == truth) for one, truth in zip(of_task, right, strict=True)] for task, of_task in said.items()
    }
    read = {task: (of_task, right) for task, of_task in said.items()}
    return entry(id, scores, method=spec(method), read=read, name=EVIL, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain run that is hard to read, two methods on it, and a model that is not of lmms_vg."""
    out = tmp_path_factory.mktemp("site")
    entries = [
        run("plain", 0.4, 0.7),
        run("readable", 0.0, 0.7, "pai"),
        run("seeing", 0.4, 0.98, "vaf"),
        run("api", 0.1, 0.6, declared="m-1"),
    ]
    views = tables(entries, "vgrefine")
    specs = {one.key: one.measures for one in shapes("vgrefine")}
    shown = [headline for view in views for headline in headlines(view, specs[view.key])]
    plain = plain_runs(entries)
    gains = best_gains(shown, entries, plain, lambda of, task: None)
    (out / "index.html").write_text(pages.front("vgrefine", ["vgrefine"], views, [], gains), encoding="utf-8")
    (out / "submissions").mkdir()
    for one in entries:
        of = plain[one.id].of if one.id in plain else {}
        page = pages.submission(one, of, [], "0" * 64, standings(views)[one.id], ["vgrefine"], [])
        (out / "submissions" / f"{one.id}.html").write_text(page, encoding="utf-8")
    for file in resources.files("lmms_vg.leaderboard").joinpath("static").iterdir():
        shutil.copyfile(str(file), out / file.name)
    return out


#: Of every table: whether the hint before it is shown, and how wide it is inside and outside.
_HINTS = """
return [...document.querySelectorAll("#said .scroll")].map(box => {
    let hint = box.previousElementSibling;
    while (!hint.matches("p.wide")) hint = hint.previousElementSibling;
    return [hint.checkVisibility(), box.scrollWidth, box.clientWidth];
});"""


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_its_window(chrome: Any, site: Path, width: int) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    for path in sorted(site.rglob("*.html")):
        chrome.get(path.as_uri())
        wide, window = chrome.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
        assert wide <= window == width, path.name
        assert chrome.execute_script("return window.pwned") is None
        assert not chrome.find_elements("css selector", "main img, main script")
        for shown, inner, outer in chrome.execute_script(_HINTS):
            assert shown is (inner > outer), "the hint stands where the table is wider"
    chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def text(chrome: Any, selector: str) -> str:
    return str(chrome.find_element("css selector", selector).text)


def test_the_first_screen_and_the_table_say_where_a_gain_lives(chrome: Any, site: Path) -> None:
    chrome.get((site / "index.html").as_uri())
    assert "a higher score, but the gain lives in the format of the answers alone" in text(chrome, "#gains")
    assert not chrome.find_elements("css selector", "#gains .won")
    assert "Not in seeing: readable: the gain lives in the format of the answers alone" in text(chrome, "#tableF4")
    titles = {one.get_attribute("textContent") for one in chrome.find_elements("css selector", "#tableF4 .columns dt")}
    assert {"lives in", "both readable", "unreadable", "criterion"} <= titles


def test_a_submissions_page(chrome: Any, site: Path) -> None:
    chrome.get((site / "submissions" / "readable.html").as_uri())
    rows = chrome.find_elements("css selector", "#said table:first-of-type tbody tr")
    assert len(rows) == 2 * len(SETS), "what was said, and what each difference is made of"
    assert "the gain lives in the format of the answers alone" in text(chrome, "#said")
    chrome.get((site / "submissions" / "api.html").as_uri())
    assert len(chrome.find_elements("css selector", "#said tbody tr")) == len(SETS)
    assert "its plain run" not in text(chrome, "#said")
