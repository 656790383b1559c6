"""The rating page in Chromium, by keys and by clicks, and what it says of itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import vgmed_items
from chromium import requested
from vgmed_pages import arrived, begin, exports_to, keys, shown

from lmms_vg.vgmed.rate_merge import merge
from lmms_vg.vgmed.rating_cases import drawn, write_rating_folder
from lmms_vg.vgmed.rating_page import RatingCase, rating_page, repeats, workload
from lmms_vg.vgmed.ratings import read_ratings
from lmms_vg.vgmed.rubric import SCALES
from lmms_vg.vgmed.schema import BoxQuestion

EVIL = "</script><script>window.pwned=1</script><img src=x onerror=window.pwned=1>\"'&"


def case(number: int, text: str = "Is there a liver?") -> RatingCase:
    return RatingCase(f"q{number}", "images/0.png", 40, 30, [(4, 5, 20, 15)], text, text)


@pytest.fixture
def built(tmp_path: Path) -> Any:
    """20 items with two questions each."""
    return vgmed_items.write(tmp_path / "built", 20)


@pytest.fixture
def page(chrome: Any, built: Any, tmp_path: Path) -> Iterator[Any]:
    """The page of all questions; when a test ends, nothing must have been logged or requested elsewhere."""
    write_rating_folder(built, built.questions, 0, tmp_path / "page")
    exports_to(chrome, tmp_path / "downloads")
    chrome.get("about:blank")
    chrome.get_log("browser")
    requested(chrome)
    chrome.get((tmp_path / "page" / "index.html").as_uri())
    chrome.execute_script("localStorage.clear()")  # which all files share
    yield chrome
    assert chrome.get_log("browser") == []
    folder = (tmp_path / "page").as_uri()
    assert [
        url for url in requested(chrome) if not url.startswith((f"{folder}/", "about:", f"blob:{folder[:7]}"))
    ] == []


def export(page: Any, folder: Path, rater: str) -> Path:
    page.find_element("id", "export").click()
    return shown(page, lambda: folder / f"ratings-{rater}.json", arrived)


def order(page: Any) -> list[str]:
    """Every question that the page shows, from first to last, as its text with the place of its image."""
    read = """
        const seen = [], next = document.getElementById("next");
        const read = () => seen.push(document.getElementById("image").getAttribute("href")
            + document.getElementById("question").textContent);
        for (read(); !next.disabled; read()) next.click();
        return seen;"""
    return [str(one) for one in page.execute_script(read)]


def test_a_rater_rates_by_three_keys_a_question(page: Any, built: Any, tmp_path: Path) -> None:
    begin(page, "Ann")
    assert "1 of 42; 0 rated, 42 left, about 7 min" in page.find_element("id", "count").text
    first = page.find_element("id", "question").text
    keys(page, "5")
    assert page.find_element("id", "question").text == first
    keys(page, "43")
    assert "2 of 42; 1 rated" in page.find_element("id", "count").text
    keys(page, "555" * 41)
    assert "Thank you" in page.find_element("id", "count").text
    file = export(page, tmp_path / "downloads", "Ann")
    found = read_ratings([file], built.card.hash, frozenset(one.id for one in built.questions))
    assert found.problems == []
    (rated,) = found.files
    assert (rated.rater, rated.questions, rated.repeats) == ("Ann", 40, 2)
    assert sorted(one.question for one in rated.ratings if one.showing == 1) == sorted(
        one.id for one in built.questions
    )
    assert sum(one.showing == 2 for one in rated.ratings) == 2
    assert sorted({one.scores for one in rated.ratings}) == [(5, 4, 3), (5, 5, 5)]
    (lowest,) = [one for one in rated.ratings if one.scores == (5, 4, 3)]
    assert next(one.text for one in built.questions if one.id == lowest.question) == first
    assert not merge({one.id: one.kind for one in built.questions}, found.files).problems


def test_each_rater_has_an_order_of_the_own_which_is_the_same_every_time(page: Any) -> None:
    orders = {}
    for name in ("Ann", "Bo", "Ann"):
        page.refresh()
        begin(page, name)
        seen = order(page)
        assert orders.setdefault(name, seen) == seen
    ann, bo = orders["Ann"], orders["Bo"]
    assert ann != bo
    assert set(ann) == set(bo)
    for seen in (ann, bo):  # a question about each kind and image; two of them come twice, the second time much later
        twice = [one for one in set(seen) if seen.count(one) == 2]
        assert (len(seen), len(set(seen)), len(twice)) == (42, 40, 2)
        for one in twice:
            assert seen.index(one) < 20
            assert seen.index(one, seen.index(one) + 1) >= 30


def test_progress_survives_a_reload_and_belongs_to_the_rater(page: Any, tmp_path: Path) -> None:
    begin(page, "Ann")
    keys(page, "5552")
    page.refresh()
    begin(page, "Ann")
    assert "2 of 42; 1 rated" in page.find_element("id", "count").text
    pressed = page.find_elements("css selector", "button[aria-pressed=true]")
    assert [button.get_attribute("data-score") for button in pressed] == ["2"]
    assert len(json.loads(export(page, tmp_path / "downloads", "Ann").read_text())["ratings"]) == 1
    page.refresh()
    begin(page, "Bo")
    assert "0 rated" in page.find_element("id", "count").text


def test_a_score_is_mended_and_scales_are_chosen_by_arrows_and_clicks(page: Any, tmp_path: Path) -> None:
    begin(page, "Ann")
    keys(page, "555\ue012")  # back
    assert "1 of 42; 1 rated" in page.find_element("id", "count").text
    keys(page, "\ue0151")  # the second scale
    page.find_element("css selector", ".scale[data-number='2'] button[data-score='4']").click()
    assert "1 of 42; 1 rated" in page.find_element("id", "count").text
    ratings = json.loads(export(page, tmp_path / "downloads", "Ann").read_text())["ratings"]
    assert [one["scores"] for one in ratings] == [[5, 1, 4]]


def test_a_box_lies_on_the_image_in_its_pixels(page: Any) -> None:
    begin(page, "Ann")
    assert page.find_element("id", "picture").get_dom_attribute("viewBox") == "0 0 40 30"
    (rect,) = page.find_elements("css selector", "#boxes rect")
    assert [rect.get_attribute(name) for name in ("x", "y", "width")] == ["4", "5", "16"]
    assert not page.find_element("id", "missing").is_displayed()


def test_hostile_texts_are_shown_as_text(chrome: Any, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(rating_page([case(0, EVIL), case(1, EVIL)], EVIL, 0))
    chrome.get((tmp_path / "index.html").as_uri())
    begin(chrome, EVIL)
    assert chrome.find_element("id", "question").text == EVIL
    assert chrome.find_element("id", "about").text == EVIL
    assert chrome.execute_script("return window.pwned") is None
    shown(chrome, lambda: chrome.find_element("id", "missing"), lambda element: element.is_displayed())  # no such image


def test_the_page_fits_a_phone(page: Any) -> None:
    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    begin(page, "Ann")
    assert page.execute_script("return document.documentElement.scrollWidth") <= 390
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_policy_names_script_and_style_by_hash_and_the_rubric_is_complete() -> None:
    page = rating_page([case(0)], "d", 0)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)
    parts = dict(part.partition(" ")[::2] for part in policy.replace("&#39;", "'").split("; "))
    assert {name: value for name, value in parts.items() if not value.startswith("'sha256-")} == {
        "default-src": "'none'",
        "img-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert not re.search(
        r"\son\w+=|\sstyle=|https?:|fetch|XMLHttp|innerHTML", page.replace("http://www.w3.org/2000/svg", "")
    )
    assert [[level.score for level in scale.levels] for scale in SCALES] == [[1, 2, 3, 4, 5]] * 3
    assert all(level.meaning in page for scale in SCALES for level in scale.levels)


def test_the_same_data_give_the_same_page() -> None:
    assert rating_page([case(0)], "d", 0) == rating_page([case(0)], "d", 0) != rating_page([case(0)], "d", 1)


def test_a_question_about_what_is_absent_has_no_box(built: Any, tmp_path: Path) -> None:
    absent = BoxQuestion(id="a", item="item-0", kind="localization", text="?", label="uterus", answer="no", author="t")
    write_rating_folder(built, [absent], 0, tmp_path / "page")
    (data,) = re.findall(r'id="data">(.*?)</script>', (tmp_path / "page" / "index.html").read_text())
    assert json.loads(data)["cases"][0][:5] == ["a", "images/0.png", 40, 30, []]
    assert [path.name for path in (tmp_path / "page" / "images").iterdir()] == ["0.png"]


def test_questions_are_drawn_in_the_order_of_the_data_set(built: Any) -> None:
    assert drawn(built, None, 0) == built.questions
    some = drawn(built, 7, 1)
    assert some == [one for one in built.questions if one in some] == drawn(built, 7, 1) != drawn(built, 7, 2)
    with pytest.raises(ValueError, match="-n 41: allowed is 1 to 40"):
        drawn(built, 41, 0)


@pytest.mark.parametrize(
    ("questions", "twice", "said"), [(1, 0, "1 min"), (2, 1, "1 min"), (100, 5, "18 min"), (28_000, 1400, "81.7 h")]
)
def test_the_workload_counts_repeats(questions: int, twice: int, said: str) -> None:
    assert (repeats(questions), workload(questions)) == (twice, said)
