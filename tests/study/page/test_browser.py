"""The study's page in Chromium: filters, layers, two sides, keyboard, address, phone, print, and hostile texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import study_pages
from chromium import requested

from lmms_vg.study.page import report as page
from lmms_vg.study.page.input import Headline, PageInput, PagePicture, PageTable, SideLook

EVIL = (
    "</script><script>window.pwned=1</script><img src=x onerror=window.pwned=1>\"'& \u202eabc \u05d0\u05d1 "
    + "long" * 200
)
N = 60


@pytest.fixture(scope="module")
def made() -> PageInput:
    return study_pages.page(N)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, made: PageInput) -> str:
    path = tmp_path_factory.mktemp("page") / "report.html"
    page.write(made, path)
    return path.as_uri()


@pytest.fixture
def browser(chrome: Any) -> Iterator[Any]:
    """A browser; when a test ends, nothing must have been logged, and nothing requested but files that it opened."""
    chrome.get("about:blank")
    chrome.get_log("browser")
    requested(chrome)
    yield chrome
    assert chrome.get_log("browser") == []
    assert [
        url for url in requested(chrome) if not url.startswith(("about:", "data:", "blob:")) and "report" not in url
    ] == []
    chrome.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


def wait(browser: Any, script: str) -> Any:
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, 20, poll_frequency=0.02).until(lambda _: browser.execute_script(f"return {script}"))


def opened(browser: Any, address: str, state: str = "") -> None:
    if browser.current_url != "about:blank":  # else an address that differs in its state alone would open nothing
        browser.get("about:blank")
    browser.get(address + state)
    begun(browser)


def begun(browser: Any) -> None:
    wait(browser, "document.body.dataset.ready === '1'")
    browser.execute_script("document.querySelector('.card')?.scrollIntoView()")


def one(browser: Any, selector: str) -> Any:
    return browser.find_element("css selector", selector)


def every(browser: Any, selector: str) -> list[Any]:
    return browser.find_elements("css selector", selector)


def choose(browser: Any, name: str, value: str) -> None:
    from selenium.webdriver.support.ui import Select

    Select(one(browser, f"#tools [name={name}]")).select_by_value(value)


def uids(browser: Any) -> list[str]:
    """Return the names of the cards from first to last."""
    texts = browser.execute_script("return [...document.querySelectorAll('.card .id')].map(one => one.textContent)")
    return [text.removesuffix(" (demo)") for text in texts]


_PIXELS = """
const source = document.querySelectorAll('.card:first-child figure > canvas')[arguments[2]], scale = source.width / 160;
const copy = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
copy.drawImage(source, Math.floor(arguments[0] * scale) - 2, Math.floor(arguments[1] * scale) - 2, 5, 5, 0, 0, 5, 5);
return [...copy.getImageData(0, 0, 5, 5).data];
"""


def pixels(browser: Any, x: int, y: int, figure: int = 0) -> Any:
    """Return the colours of the first card's canvas around a pixel of the image, (25, rgb)."""
    wait(browser, "document.querySelector('.card').classList.contains('drawn')")
    return np.array(browser.execute_script(_PIXELS, x, y, figure)).reshape(25, 4)[:, :3]


def pixel(browser: Any, x: int, y: int, figure: int = 0) -> list[int]:
    """Return the colour of the first card's canvas at a pixel of the image."""
    found: list[int] = pixels(browser, x, y, figure)[12].tolist()
    return found


def keep(made: PageInput, condition: Any) -> set[str]:
    return {made.asked.uids[i] for i in range(N) if condition(i)}


def test_each_filter_keeps_what_it_says(browser: Any, address: str, made: PageInput) -> None:
    opened(browser, address)
    assert sorted(uids(browser)) == sorted(made.asked.uids)
    a, b = made.asked.sides
    best = {
        task: np.sort([a.excess[i] for i in range(N) if made.asked.tasks[i] == task])[24] for task in study_pages.TASKS
    }  # of 30 values the fifth of the highest six begins at 29 * 4 / 5, rounded up
    wanted = {
        ("task", "attribute"): lambda i: made.asked.tasks[i] == "attribute",
        ("modality", "MR"): lambda i: made.asked.modalities[i] == "MR",
        ("size", "1"): lambda i: made.asked.shares[i] == 0.03,
        ("right", "wrong"): lambda i: a.right[i] == 0,
        ("right", "won"): lambda i: a.right[i] == 0 and b.right[i] == 1,
        ("changes", "yes"): lambda i: a.changes[i] == 1,
        ("excess", "below"): lambda i: a.excess[i] <= 0,
        ("excess", "best"): lambda i: a.excess[i] >= best[made.asked.tasks[i]],
    }
    for (name, value), condition in wanted.items():
        choose(browser, name, value)
        expected = keep(made, condition)
        assert 0 < len(expected) < N
        assert set(uids(browser)) == expected, (name, value)
        assert one(browser, "#found").text == f"{len(expected)} of {N} drawn questions fit."
        assert f"{name}={value}" in browser.current_url
        choose(browser, name, "")
    choose(browser, "task", "attribute")
    choose(browser, "modality", "MR")
    assert set(uids(browser)) == keep(
        made, lambda i: made.asked.tasks[i] == "attribute" and made.asked.modalities[i] == "MR"
    )
    one(browser, "#tools [name=text]").send_keys("ORGAN 1 nowhere")
    assert uids(browser) == []
    assert one(browser, "#found").text == f"0 of {N} drawn questions fit."


def test_all_questions_are_counted_beside_the_drawn_ones(browser: Any, tmp_path: Path, made: PageInput) -> None:
    page.write(made, tmp_path / "report.html", n=12)
    opened(browser, (tmp_path / "report.html").as_uri(), "#task=attribute")
    assert len(uids(browser)) < 12
    fits = [i for i in range(N) if made.asked.tasks[i] == "attribute"]
    assert f"All 30 of {N} asked questions" in one(browser, "#all caption").text
    cells = [cell.text for cell in every(browser, "#all tbody tr:nth-child(2) td")]
    side = made.asked.sides[1]
    known = [i for i in fits if side.right[i] >= 0]
    expected = [f"{np.exp(side.excess[fits].mean()):.2f}×", "30", f"{side.placement[fits].mean():.2f}", "30"]
    assert cells == ["tiny vgrefine", "2", *expected, f"{side.right[known].mean():.2f}", str(len(known)), *cells[-2:]]


def test_orders(browser: Any, address: str, made: PageInput) -> None:
    opened(browser, address)
    a, b = (side.excess for side in made.asked.sides)
    for value, key in {"best": -a, "worst": a, "gain": a - b, "loss": b - a}.items():
        choose(browser, "sort", value)
        shown = [key[made.asked.uids.index(uid)] for uid in uids(browser)]
        assert shown == pytest.approx(np.sort(key)), value
    choose(browser, "sort", "")
    browser.refresh()
    begun(browser)
    assert set(uids(browser)) == set(made.asked.uids)


def test_the_layer_slider_changes_maps_and_values(browser: Any, address: str, made: PageInput) -> None:
    opened(browser, address)
    first = made.asked.uids.index(uids(browser)[0])
    looks = [study_pages.look(first, side) for side in range(2)]
    assert one(browser, ".card .values").text.replace("\n", " ").startswith("layer 2")
    inside, outside = pixel(browser, 60, 40), pixel(browser, 120, 40)
    assert inside[0] - inside[2] > 40, "coloured where attention is four times the even one"
    assert max(outside[:3]) - min(outside[:3]) < 8, "grey elsewhere"
    one(browser, "#tools [name=layer]").send_keys("\ue014")  # right
    wait(browser, "document.querySelector('#layer-name').textContent === '3 | 3'")
    assert "layer=3" in browser.current_url
    assert not one(browser, "#tools [name=own]").is_selected()
    even = pixel(browser, 60, 40)
    assert max(even[:3]) - min(even[:3]) < 8, "layer 3 is even"
    for values, look in zip(every(browser, ".card:first-child .values"), looks, strict=True):
        assert f"{np.exp(look.excess[3]):.2f}× other images" in values.text
        assert f"KL {look.kl[3]:.2f}" in values.text
    means = one(browser, "#means").text
    assert "tiny plain, localization, layer 3: 1.35× other images, AR 0.30" in means, "exp(0.3)"
    one(browser, "#tools [name=own]").click()
    wait(browser, "document.querySelector('#layer-name').textContent === '2 | 2'")


def test_box_map_and_hidden_patches_can_be_switched_off(browser: Any, address: str) -> None:
    opened(browser, address)
    assert pixel(browser, 40, 40)[1] > 150, "the box's line"
    assert pixel(browser, 40, 40)[2] > 150
    one(browser, "#tools [name=box]").click()
    assert pixel(browser, 40, 40)[2] < 150
    one(browser, "#tools [name=map]").click()
    bare = pixel(browser, 60, 40)
    assert max(bare[:3]) - min(bare[:3]) < 8
    one(browser, "#tools [name=map]").click()
    one(browser, "body").send_keys("b")
    opened(browser, address, "#layer=1&own=")
    hatched = pixels(browser, 110, 90, figure=1)
    assert hatched.max() - hatched.min() > 80, "a white line with dark edges through the patch in row 5, column 5"
    assert np.ptp(pixels(browser, 110, 90, figure=0)) < 12, "the other side hides nothing"
    one(browser, "#tools [name=hidden]").click()
    assert np.ptp(pixels(browser, 110, 90, figure=1)) < 12


def test_two_sides_can_be_chosen_and_swapped(browser: Any, address: str) -> None:
    opened(browser, address)
    names = lambda: [one.text for one in every(browser, ".card:first-child figcaption")]  # noqa: E731
    assert names() == ["tiny plain", "tiny vgrefine"]
    one(browser, "#swap").click()
    assert names() == ["tiny vgrefine", "tiny plain"]
    assert "a=1&b=0" in browser.current_url
    choose(browser, "b", "")
    assert names() == ["tiny vgrefine"]
    browser.refresh()
    begun(browser)
    assert names() == ["tiny vgrefine"], "the address remembers"
    choose(browser, "b", "1")
    assert names() == ["tiny vgrefine"], "the same twice is one"


def focused(browser: Any) -> str:
    return str(browser.execute_script("return document.activeElement.querySelector('.id')?.textContent ?? ''"))


def test_the_keyboard(browser: Any, address: str) -> None:
    opened(browser, address)
    order = uids(browser)
    browser.execute_script("document.querySelector('.card').focus()")
    keys = {
        "right": "\ue014",
        "left": "\ue012",
        "up": "\ue013",
        "down": "\ue015",
        "enter": "\ue007",
        "escape": "\ue00c",
    }

    def press(key: str) -> None:
        browser.switch_to.active_element.send_keys(keys.get(key, key))

    press("right")
    press("right")
    assert focused(browser).startswith(f"{order[2]} ")
    press("left")
    assert focused(browser).startswith(f"{order[1]} ")
    press("up")
    assert one(browser, "#layer-name").text == "3 | 3"
    press("down")
    press("down")
    assert one(browser, "#layer-name").text == "1 | 1"
    press("enter")
    assert one(browser, ".card.open .id").text.startswith(order[1])
    assert "open=" in browser.current_url
    wait(browser, "document.querySelectorAll('.card.open .strip button').length === 8")
    press("right")
    assert one(browser, ".card.open .id").text.startswith(order[2]), "the next one is enlarged"
    press("escape")
    assert every(browser, ".card.open") == []
    for key, name in (("b", "box"), ("m", "map"), ("h", "hidden")):
        press(key)
        assert not one(browser, f"#tools [name={name}]").is_selected()
    press("x")
    assert one(browser, ".card:first-child figcaption").text == "tiny vgrefine"
    press("?")
    assert one(browser, "#keys").get_attribute("open") is not None
    assert {term.text for term in every(browser, "#keys dt")} >= {"← →", "↑ ↓", "Enter", "b m h", "x", "/", "?"}
    press("/")
    assert browser.switch_to.active_element.get_attribute("name") == "text"
    press("b")
    assert not one(browser, "#tools [name=box]").is_selected(), "in the search it is a letter"
    assert browser.switch_to.active_element.get_attribute("value") == "b"


def test_only_one_card_is_a_stop_of_the_tab_key_and_focus_is_seen(browser: Any, address: str) -> None:
    opened(browser, address)
    assert browser.execute_script("return document.querySelectorAll('.card[tabindex=\"0\"]').length") == 1
    browser.execute_script("document.querySelector('.card').focus()")
    browser.switch_to.active_element.send_keys("\ue014")
    now = browser.switch_to.active_element
    assert (now.value_of_css_property("outline-style"), now.value_of_css_property("outline-width")) == ("solid", "3px")
    assert browser.execute_script("return document.querySelectorAll('.card[tabindex=\"0\"]').length") == 1


def test_the_address_restores_everything_and_nonsense_is_ignored(browser: Any, address: str) -> None:
    opened(browser, address, "#task=attribute&sort=best&layer=1&own=&box=&open=3&table1=1.ascending")
    assert one(browser, "#tools [name=task]").get_attribute("value") == "attribute"
    assert one(browser, "#layer-name").text == "1 | 1"
    assert not one(browser, "#tools [name=box]").is_selected()
    assert [row.text[0] for row in every(browser, "#tables tbody tr")] == ["a", "b", "c"]
    opened(browser, address, "#task=no&modality=%3Cb%3E&layer=x&a=9&b=-1&sort=?&open=zz&size=77&evil=1")
    assert len(uids(browser)) == N
    assert one(browser, "#layer-name").text == "2 | 2"


def test_tables_are_sorted_with_missing_numbers_last(browser: Any, address: str) -> None:
    opened(browser, address)
    order = lambda: [row.text[0] for row in every(browser, "#tables tbody tr")]  # noqa: E731
    excess = every(browser, "#tables thead button")[2]
    excess.send_keys("\ue007")
    assert order() == ["b", "c", "a"]
    excess.send_keys("\ue007")
    assert order() == ["c", "b", "a"]
    every(browser, "#tables thead button")[0].send_keys("\ue007")
    assert order() == ["c", "b", "a"]
    assert len(every(browser, "#tables [aria-sort]")) == 1
    assert "table1=0.descending" in browser.current_url


def test_tables_say_that_they_are_wide_and_short_ones_scroll_with_the_page(browser: Any, address: str) -> None:
    browser.get(address)
    browser.execute_script("const b = document.querySelector('#tables .scroll'); b.style.width = '80px'")
    browser.execute_script("dispatchEvent(new Event('resize'))")
    assert "scroll the table sideways" in one(browser, "#tables .sideways").text
    assert one(browser, "#tables .scroll").value_of_css_property("max-height") == "none"
    assert one(browser, "#all").value_of_css_property("max-height") != "none"
    browser.execute_script("document.querySelector('#tables .scroll').style.width = '4000px'")
    browser.execute_script("dispatchEvent(new Event('resize'))")
    assert not one(browser, "#tables .sideways").is_displayed()


def test_abbreviations_are_explained_where_they_stand(browser: Any, address: str) -> None:
    """By touch and by keyboard."""
    browser.get(address)
    titles = (
        "return [...document.querySelectorAll('#curves figure')].map(one => "
        "[one.querySelector('b').innerText, one.querySelector('.what summary').innerText])"
    )
    for title, asked in browser.execute_script(titles):
        assert asked.removeprefix("What is ").removesuffix("?") in title
    summary, meaning = (browser.find_element("css selector", f"#curves figure .what {tag}") for tag in ("summary", "p"))
    assert not meaning.is_displayed()
    summary.click()
    assert meaning.is_displayed()
    summary.send_keys("\ue007")  # Enter
    assert not meaning.is_displayed()


def test_pictures_are_unpacked_when_they_come_into_sight_and_let_go_again(browser: Any, address: str) -> None:
    opened(browser, address)
    wait(browser, "document.querySelector('.card').classList.contains('drawn')")
    drawn = browser.execute_script("return document.querySelectorAll('.drawn').length")
    assert 0 < drawn < N
    browser.execute_script("document.querySelector('.card:last-child').scrollIntoView()")
    wait(browser, "document.querySelector('.card:last-child').classList.contains('drawn')")
    wait(browser, "!document.querySelector('.card').classList.contains('drawn')")


def evil_sample(number: int) -> Any:
    looks: list[SideLook | None] = [study_pages.look(number, side, answer=EVIL) for side in range(2)]
    texts = dict.fromkeys(("question", "reference", "label", "source", "licence"), EVIL)
    return study_pages.sample(number, 2, looks=looks, **texts)


def test_nothing_that_a_text_says_is_run(browser: Any, tmp_path: Path) -> None:
    made = study_pages.page(6, sample_of=evil_sample)
    asked = replace(made.asked, uids=[f"{EVIL}{i}" for i in range(6)], tasks=[EVIL] * 6, modalities=[EVIL] * 6)
    lines = [line._replace(name=EVIL) for line in made.panels[0].lines]
    made = replace(
        made,
        title=EVIL,
        asked=asked,
        sides=[side._replace(name=f"{EVIL}{i}") for i, side in enumerate(made.sides)],
        means=[one._replace(task=EVIL) for one in made.means],
        headlines=[Headline(EVIL, "shown")],
        panels=[replace(made.panels[0], title=EVIL, better=EVIL, lines=lines, chance_words=EVIL)],
        pictures=[PagePicture(EVIL, b"no picture")],
        tables=[PageTable(EVIL, EVIL, [EVIL, "n"], [[EVIL, 1]])],
        missing=[EVIL],
        signatures=[EVIL],
    )
    page.write(made, tmp_path / "report.html", images=True)
    opened(browser, (tmp_path / "report.html").as_uri())
    wait(browser, "document.querySelector('.card').classList.contains('drawn')")
    every(browser, ".card .enlarge")[0].click()
    assert browser.execute_script("return window.pwned") is None
    assert every(browser, "img:not(#pictures img), main script") == []
    places = (
        "h1",
        ".headlines",
        "#findings > ul:last-child",
        "#curves figcaption",
        ".legend",
        "#pictures figcaption",
        "#tables td",
    )
    inside = (".question", ".about", ".id", "figcaption", ".answer", ".reference")
    for selector in (*places, ".signatures", "#reading", "#means", "#all", *(f".card {name}" for name in inside)):
        assert EVIL in one(browser, selector).get_attribute("textContent"), selector
    assert EVIL in one(browser, "#tools [name=task] option:nth-child(2)").get_attribute("textContent")
    for width in (1280, 390):
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500},
        )
        assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"


@pytest.mark.parametrize(("n", "sides"), [(0, 1), (1, 1), (3, 1), (1, 2), (0, 0), (4, 3)])
def test_few_questions_and_few_or_many_models(browser: Any, tmp_path: Path, n: int, sides: int) -> None:
    page.write(study_pages.page(n, sides), tmp_path / "report.html")
    browser.get((tmp_path / "report.html").as_uri())
    if not n:
        assert one(browser, "#problem").text == "No question was drawn, so there is nothing to show here."
        return
    opened(browser, (tmp_path / "report.html").as_uri())
    assert len(uids(browser)) == n
    assert len(every(browser, ".card:first-child figure")) == min(sides, 2)
    assert one(browser, "#swap").is_displayed() == (sides > 1)
    assert one(browser, "#tools [name=b]").is_displayed() == (sides > 1)


def test_missing_images_and_maps_are_said(browser: Any, tmp_path: Path) -> None:
    def missing() -> Any:
        raise OSError("no such file on that day")

    looks = [study_pages.look(0, 0, place=None), None]
    made = study_pages.page(1, sample_of=lambda i: study_pages.sample(i, 2, open_image=missing, looks=looks))
    page.write(made, tmp_path / "report.html")
    opened(browser, (tmp_path / "report.html").as_uri())
    wait(browser, "document.querySelector('.card').classList.contains('drawn')")
    assert "could not be opened when this page was built: no such file on that day" in one(browser, ".card > .why").text
    texts = [figure.text for figure in every(browser, ".card figure")]
    assert "where this map lies on the image is not known" in texts[0]
    assert "No map of this question." in texts[1]


def test_a_browser_that_cannot_unpack_is_told(browser: Any, address: str) -> None:
    script = browser.execute_cdp_cmd(
        "Page.addScriptToEvaluateOnNewDocument", {"source": "delete window.DecompressionStream"}
    )
    try:
        browser.get(address)
        assert "it has no DecompressionStream" in one(browser, "#problem").text
        assert one(browser, ".headlines").is_displayed()
    finally:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


def test_without_scripts_findings_curves_and_tables_are_there(browser: Any, address: str) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.get(address)
    assert "1.31 times [1.20, 1.43]" in one(browser, ".headlines").text
    assert every(browser, "svg.curves polyline")
    assert len(every(browser, "#tables tbody tr")) == 3
    assert "needs JavaScript" in one(browser, "#gallery noscript").text


def test_a_phone_in_the_dark_and_paper(browser: Any, address: str) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    )
    opened(browser, address)
    assert browser.execute_script("return document.documentElement.scrollWidth") == 390
    paper = one(browser, "section").value_of_css_property("background-color")
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    )
    assert one(browser, "section").value_of_css_property("background-color") != paper
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"media": "print", "features": [{"name": "prefers-color-scheme", "value": "dark"}]},
    )
    assert one(browser, "section").value_of_css_property("background-color") == paper, "paper is white"
    assert not one(browser, "#filters").is_displayed()
    shown = [card for card in every(browser, ".card") if card.is_displayed()]
    assert shown, "what has been unpacked is printed"
    assert len(shown) == len(every(browser, ".card.drawn"))


def test_printing_unpacks_what_fits(browser: Any, address: str) -> None:
    opened(browser, address, "#task=attribute")
    browser.execute_script("window.print = () => { window.printed = document.querySelectorAll('.card.drawn').length; }")
    one(browser, "#print").send_keys("\ue007")
    assert wait(browser, "window.printed") == 30


def test_the_policy_holds(browser: Any, address: str) -> None:
    opened(browser, address)
    browser.execute_script(
        "const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.head.append(s)"
    )
    assert browser.execute_script("return window.ran") is None
    browser.execute_script("new Image().src = 'https://example.invalid/x.png'")
    violations = [entry["message"] for entry in browser.get_log("browser")]
    assert len(violations) == 2
    assert all("Content Security Policy" in message for message in violations)
    requested(browser)
