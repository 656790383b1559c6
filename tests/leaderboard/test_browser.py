"""The site in Chromium, from disk and from a web server: by keyboard, on a phone, without scripts, under attack."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import bundles
import pytest
import runs
from chromium import requested, served
from saved_run import spec

from lmms_vg.leaderboard.site import build
from lmms_vg.submission.schema import Card
from lmms_vg.submission.schema_lines import BundleQuestion
from lmms_vg.submission.validate import check
from lmms_vg.submission.validated import Entry

EVIL = "</script><script>window.pwned=1</script><img src=x onerror=window.pwned=1>\"'&"
HARD, HEALTH, CHEN = "vqa_demo_hard", "mmmu_med_public_health", "mmmu_med_chen_greedy"


def health(right: int) -> list[tuple[BundleQuestion, str]]:
    return [(question, "A" if number < right else "B") for number, question in enumerate(bundles.choices(30))]


def evil() -> tuple[dict[str, list[tuple[BundleQuestion, str]]], ...]:
    """Markup in every field of a question and an answer, for two bundles of two protocols."""
    texts = dict.fromkeys(("question", "modality", "content_type", "question_type", "subset", "split"), EVIL)
    asked = [
        question.model_copy(
            update={
                "uid": f"{EVIL}{number}",
                "images": [f"{EVIL}{number}"],
                "options": [EVIL, f"{EVIL} 2"],
                "organ": f"{EVIL}{number % 4}",
            }
        )
        for number, question in enumerate(bundles.choices(145, **texts))
    ]
    opened = [one.model_copy(update={"options": [], "answer": EVIL, "answer_type": "OPEN"}) for one in asked[:30]]
    return {CHEN: [(one, f"A {EVIL}") for one in asked]}, {HEALTH: [(one, EVIL) for one in opened]}


def spoil(manifest: dict[str, Any]) -> None:
    """Put markup into every field of a manifest that validation does not compare."""
    run, free = (
        manifest["run"],
        ("family", "weights", "config", "tokenizer", "image_processor", "prompt", "dtype", "device"),
    )
    run |= dict.fromkeys((*free, "code", "commit"), EVIL) | {"method": spec("evil", k=EVIL)}
    run |= {"versions": {EVIL: EVIL}, "settings": {EVIL: EVIL}, "shared": [EVIL]}
    manifest["seeds"] = {EVIL: 1}
    for task in manifest["tasks"].values():
        task["rules"] = {EVIL: EVIL} | dict.fromkeys(task["rules"], EVIL)
        task["data"] |= {"revision": EVIL}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's plain run, a method on it, a model that has seen the benchmark, and a hostile submission."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(
            "LMMS_VG_DATA", str(folder / "no-data")
        )  # so that nobody's own MMMU contradicts what is made up here
        plain = bundles.demo(runs.mostly_right(1)) | {HEALTH: health(20)}
        bundles.write_bundle(folder / "in" / "tiny-plain" / "bundle.zip", plain)
        method = bundles.demo(runs.mostly_right(2)) | {HEALTH: health(10)}
        run = {"method": spec("vgrefine", k=5)}
        bundles.write_bundle(folder / "in" / "tiny-vgrefine" / "bundle.zip", method, run=run)
        seen = Card(name="Seen", parameters=7, trained_on=["demo"])
        say = runs.mostly_right(3, right=0.99)
        bundles.write_bundle(
            folder / "in" / "seen" / "bundle.zip", bundles.demo(say, HARD), card=seen, run={"weights": "0"}
        )
        texts = dict.fromkeys(("name", "organisation", "licence", "notes"), EVIL)
        card = Card(parameters=7, trained_on=[], url="https://example.org/javascript:window.pwned=1", **texts)
        for id, given in zip(("evil", "evil-open"), evil(), strict=True):
            bundles.write_bundle(folder / "in" / id / "bundle.zip", given, card=card, change=spoil)
        built = build(folder / "in", folder / "site")
    assert built.refused == []
    return folder / "site"


#: For what may depend on where a page comes from: addresses, what its policy allows, and what it may read.
EITHER_ORIGIN = pytest.mark.parametrize("address", ["file", "http"], indirect=True)


@pytest.fixture(scope="module")
def address(request: pytest.FixtureRequest, site: Path) -> Iterator[str]:
    if getattr(request, "param", "file") == "file":
        yield site.as_uri()
    else:
        with served(site) as url:
            yield url


@pytest.fixture
def browser(chrome: Any, address: str) -> Iterator[Any]:
    """A browser; when a test ends, nothing must have been logged or requested elsewhere."""
    chrome.get("about:blank")
    chrome.get_log("browser")
    requested(chrome)
    yield chrome
    assert chrome.get_log("browser") == []
    assert [url for url in requested(chrome) if not url.startswith((f"{address}/", "about:"))] == []
    chrome.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def all_of(browser: Any, selector: str) -> list[Any]:
    return browser.find_elements("css selector", selector)


def one_of(browser: Any, selector: str) -> Any:
    return browser.find_element("css selector", selector)


def texts(browser: Any, selector: str) -> list[str]:
    """Return what is seen of all elements, by one script."""
    read = """
        return [...document.querySelectorAll(arguments[0])].map(
            one => one.checkVisibility() ? one.innerText.trim() : "")"""
    return [str(text) for text in browser.execute_script(read, selector)]


def names(browser: Any, table: str, part: str = "tbody:first-of-type") -> list[str]:
    """Return the submissions, or models, of the visible rows from top to bottom."""
    read = """
        return [...document.querySelectorAll(arguments[0])].filter(row => row.checkVisibility())
            .map(row => row.querySelector("th").innerText.trim().replace(/\\s+/g, " "))"""
    return [str(name) for name in browser.execute_script(read, f"#{table} {part} tr:not(.kind)")]


def press(element: Any, key: str) -> None:
    element.send_keys({"Enter": "\ue007", "Space": " "}[key])


def wait_for(browser: Any, selector: str, text: str) -> str:
    from selenium.webdriver.support.ui import WebDriverWait

    def found(_: Any) -> str:
        said = one_of(browser, selector).text
        return said if text in said else ""

    return WebDriverWait(browser, 10, poll_frequency=0.02).until(found)


def column(browser: Any, table: str, title: str) -> Any:
    find = """
        return [...document.querySelectorAll(arguments[0])].find(
            head => head.innerText.trim().split("\\n")[0].trim() === arguments[1])"""
    return browser.execute_script(find, f"#{table} thead th", title)


def test_sorting_by_keyboard(browser: Any, address: str) -> None:
    browser.get(f"{address}/index.html")
    first = names(browser, "demo")
    assert len(first) == 3
    assert "Seen" in first[2], "it has no average"
    hard = column(browser, "demo", "hard")
    assert hard.get_attribute("aria-sort") is None
    press(hard.find_element("css selector", "button"), "Enter")
    assert hard.get_attribute("aria-sort") == "descending"
    assert "Seen" in names(browser, "demo")[0]
    assert one_of(browser, "#demo thead th small").text == "by hard"
    ranks = texts(browser, "#demo tbody:first-of-type tr:not(.kind) td:first-child")
    assert ranks[0].startswith("1")
    assert all(re.fullmatch(r"\d(–\d)? of \d", rank) for rank in ranks)
    press(hard.find_element("css selector", "button"), "Space")
    assert hard.get_attribute("aria-sort") == "ascending"
    assert "Seen" in names(browser, "demo")[-1]
    assert len(all_of(browser, "#demo th[aria-sort]")) == 1
    press(column(browser, "demo", "KL").find_element("css selector", "button"), "Enter")
    assert column(browser, "demo", "KL").get_attribute("aria-sort") == "ascending", "lower is better"
    assert "Seen" in names(browser, "demo")[-1], "no value: last"
    browser.refresh()
    assert column(browser, "demo", "KL").get_attribute("aria-sort") == "ascending", "the address remembers"


def test_the_keyboard_reaches_everything_and_shows_where_it_is(browser: Any, address: str) -> None:
    browser.get(f"{address}/index.html")
    browser.execute_script("""
        window.stops = [];
        document.addEventListener("focusin", ({ target: now }) => {
            const drawn = getComputedStyle(now);
            window.stops.push([now.localName + (now.className || now.id),
                `${drawn.outlineStyle} ${drawn.outlineWidth}`, now.outerHTML.slice(0, 200)]);
        });""")
    browser.switch_to.active_element.send_keys("\ue004" * 60)
    stops = browser.execute_script("return window.stops")
    assert len(stops) == 60
    assert [what for _, outline, what in stops if outline != "solid 3px"] == []
    seen = [name for name, *_ in stops]
    assert seen[0] == "askip"
    assert {"inputtext", "inputzero-shot", "divscroll", "button", "buttonwhat", "summary"} <= set(seen)


def test_published_rows_stay_apart(browser: Any, address: str) -> None:
    browser.get(f"{address}/index.html")
    measured, published = names(browser, "table2"), names(browser, "table2", "tbody.published")
    assert len(measured) == 3
    assert "VGRefine (Ours) VGRefine" in published
    assert "Published, not measured here: Liu et al., ICLR 2026" in one_of(browser, "#table2 .published .kind").text
    for title in ("PH", "BMS", "Model", "Zero-shot", "Size"):
        for _ in range(2):
            press(column(browser, "table2", title).find_element("css selector", "button"), "Enter")
            assert sorted(names(browser, "table2")) == sorted(measured)
            assert sorted(names(browser, "table2", "tbody.published")) == sorted(published)
            order = "return [...document.querySelectorAll('#table2 tbody tr')].map(row => row.className)"
            assert browser.execute_script(order) == ["kind", *[""] * len(measured), "kind", *[""] * len(published)]
    places = texts(browser, "#table2 .published td:first-child")
    assert places
    assert not any(places), "no ranks"


@EITHER_ORIGIN
def test_filters_and_the_switch_of_protocols(browser: Any, address: str) -> None:
    browser.get(f"{address}/index.html")
    every = len(names(browser, "demo"))
    one_of(browser, "#text").send_keys("VGREFINE tiny")
    assert names(browser, "demo") == ["Tiny vgrefine tiny-vgrefine grounding not recomputed"]
    assert names(browser, "table2", "tbody.published") == []
    assert one_of(browser, "#count").text.startswith("2 of "), "in two tables"
    one_of(browser, "#text").clear()
    one_of(browser, "#text").send_keys(" ")
    assert len(names(browser, "demo")) == every
    browser.execute_script("document.querySelectorAll('.empty').forEach(one => { one.open = true; })")
    published = len(names(browser, "tableE3", "tbody.published"))
    assert published
    press(one_of(browser, "#zero-shot"), "Space")
    assert not any("Seen" in name for name in names(browser, "demo"))
    assert len(names(browser, "demo")) == every - 1
    assert len(names(browser, "tableE3", "tbody.published")) == published, "not stated is not no"
    assert "LLaVA-Tri" not in names(browser, "table1", "tbody.published")
    press(next(link for link in all_of(browser, ".protocols a") if link.text == "chen-greedy"), "Enter")
    assert browser.current_url == f"{address}/chen-greedy.html#zeroshot=1"
    assert one_of(browser, ".protocols [aria-current]").text == "chen-greedy"
    assert one_of(browser, "#zero-shot").is_selected(), "stays chosen"
    assert len(all_of(browser, "#table2 tbody:first-of-type tr:not(.kind)")) == 1
    assert not all_of(browser, ".published"), "the paper has no such numbers"
    press(one_of(browser, ".protocols a"), "Enter")
    assert browser.current_url.startswith(f"{address}/index.html")


@EITHER_ORIGIN
def test_tables_and_links_without_scripts(browser: Any, address: str) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.get(f"{address}/index.html")
    assert len(names(browser, "demo")) == 3
    assert not all_of(browser, "thead button:not(.what)")
    assert not one_of(browser, "#filter").is_displayed()
    one_of(browser, ".protocols a:last-child").click()
    assert browser.current_url == f"{address}/chen-greedy.html"
    browser.get(f"{address}/submissions/tiny-vgrefine.html")
    assert "needs JavaScript" in one_of(browser, "#answers").text
    assert not one_of(browser, "#explorer").is_displayed()


def entry_of(site: Path, id: str) -> Entry:
    checked = check(site.parent / "in" / id / "bundle.zip", id)
    assert checked.entry is not None
    return checked.entry


def choose(browser: Any, selector: str, value: str) -> None:
    from selenium.webdriver.support.ui import Select

    Select(one_of(browser, selector)).select_by_value(value)


@EITHER_ORIGIN
def test_the_explorer_pages_filters_and_finds(browser: Any, address: str, site: Path) -> None:
    browser.get(f"{address}/submissions/tiny-vgrefine.html#task={HARD}")
    assert wait_for(browser, "#found", " of ") == "1 to 50 of 300"
    assert len(all_of(browser, "#list > li")) == 50
    assert one_of(browser, "#back").get_property("disabled")
    press(one_of(browser, "#next"), "Enter")
    assert one_of(browser, "#found").text == "51 to 100 of 300"
    browser.refresh()
    assert wait_for(browser, "#found", " of ") == "51 to 100 of 300", "the address remembers"
    mine, before = (entry_of(site, id).scores[HARD].values for id in ("tiny-vgrefine", "tiny-plain"))
    counts = {"right": (mine == 1).sum(), "won": (mine > before).sum(), "lost": (mine < before).sum()}
    shown = {option.get_attribute("value"): option.text for option in all_of(browser, "#show option")}
    for kind, count in counts.items():
        assert f"({count})" in shown[kind]
        choose(browser, "#show", kind)
        assert one_of(browser, "#found").text.endswith(f" of {count}")
    assert set(texts(browser, "#list > li > .id b")) == {"lost"}
    first = one_of(browser, "#list > li")
    assert [said.text.partition("\n")[0] for said in first.find_elements("css selector", ".said")] == [
        "vgrefine: Wrong",
        "plain: Right",
    ]
    choose(browser, "#show", "all")
    one_of(browser, "#find").send_keys("stent")
    wait_for(browser, "#found", " of ")
    assert all("stent" in item.lower() for item in texts(browser, "#list > li"))
    one_of(browser, "#find").send_keys(" nowhere")
    assert one_of(browser, "#found").text == "No answer fits"


def test_the_explorer_shows_measurements_and_choices(browser: Any, address: str) -> None:
    browser.get(f"{address}/submissions/tiny-vgrefine.html#task=vgmed_demo")
    wait_for(browser, "#found", " of ")
    assert "vgrefine: AR " in one_of(browser, "#list .said").text
    choose(browser, "#task", HEALTH)
    wait_for(browser, "#found", "30 of 30")
    assert one_of(browser, "#list .options li").text == "A. a liver (reference)"
    choose(browser, "#show", "lost")
    assert one_of(browser, "#found").text == "1 to 10 of 10"
    browser.get(f"{address}/submissions/tiny-plain.html")
    wait_for(browser, "#found", " of ")
    assert not [one for one in all_of(browser, "#show option") if one.get_attribute("value") in ("won", "lost")]


@EITHER_ORIGIN
def test_nothing_that_a_submission_says_is_run(browser: Any, address: str) -> None:
    said = {"submissions/evil.html": "1 to 50 of 145", "submissions/evil-open.html": "30 of 30"}
    for page in ("index.html", "chen-greedy.html", *said):
        browser.get(f"{address}/{page}")
        if page in said:
            wait_for(browser, "#found", said[page])
            shown = one_of(browser, "#list > li").text
            assert shown.count("<script>window.pwned=1</script>") >= 4, "shown as it is"
        assert browser.execute_script("return window.pwned") is None
        assert not all_of(browser, "main img, main script, header img, header script")
    browser.get(f"{address}/submissions/evil.html")
    for part in ("h1", "#main pre", ".notes", "#provenance", "#tasks", "#categories", ".card .facts"):
        assert EVIL[:20] in one_of(browser, part).get_attribute("textContent"), part
    assert len(all_of(browser, "svg.radar")) == 1
    browser.get(f"{address}/chen-greedy.html")
    assert EVIL in one_of(browser, "#table2 th[scope=row] a").text


@EITHER_ORIGIN
def test_the_policy_holds(browser: Any, address: str) -> None:
    browser.get(f"{address}/index.html")
    for kind, code in {
        "inline": "s.textContent = 'window.ran = 1'",
        "elsewhere": "s.src = 'data:text/javascript,window.ran=1'",
    }.items():
        browser.execute_script(f"const s = document.createElement('script'); {code}; document.head.append(s)")
        assert browser.execute_script("return window.ran") is None, kind
    browser.execute_script("document.body.setAttribute('style', 'color: rgb(1, 2, 3)')")
    assert one_of(browser, "body").value_of_css_property("color") != "rgba(1, 2, 3, 1)"
    violations = [one["message"] for one in browser.get_log("browser")]
    assert len(violations) == 3
    assert all("Content Security Policy" in one for one in violations)
    requested(browser)  # what was refused is on record as asked for


def settled_width(browser: Any) -> dict[str, Any]:
    """Return the widths of page and window, and what sticks out, once they are equal or after 10 s.

    Chromium lays an emulated phone's page out again after it has said that the page is loaded.
    """
    from selenium.common.exceptions import TimeoutException
    from selenium.webdriver.support.ui import WebDriverWait

    measure = """
        const root = document.documentElement, width = root.clientWidth;
        const out = [...document.body.querySelectorAll("*")].filter(one =>
            one.getBoundingClientRect().right > width && !one.closest(".scroll"));
        return {page: root.scrollWidth, window: width, styles: document.styleSheets.length,
            wider: root.scrollWidth > width ? out.map(one => one.outerHTML.slice(0, 80)) : []};"""
    with suppress(TimeoutException):
        WebDriverWait(browser, 10, poll_frequency=0.02).until(
            lambda _: (now := browser.execute_script(measure))["page"] == now["window"]
        )
    return browser.execute_script(measure)


def test_a_phone_shows_every_page_at_its_width(browser: Any, address: str, site: Path) -> None:
    size = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    for path in sorted(site.rglob("*.html")):
        browser.get(f"{address}/{path.relative_to(site).as_posix()}")
        if path.parent.name == "submissions":
            wait_for(browser, "#found", " of ")
        assert settled_width(browser) == {"page": 390, "window": 390, "styles": 1, "wider": []}, path.name
    browser.get(f"{address}/index.html")
    assert one_of(browser, ".how").get_attribute("open") is None
    browser.execute_script("document.querySelector('#table2 .scroll').scrollLeft = 200")
    name = one_of(browser, "#table2 tbody th[scope=row]")
    assert 0 <= name.rect["x"] < 100, "the name stays when numbers are scrolled"


def test_the_first_screen_has_numbers(browser: Any, address: str) -> None:
    browser.get(f"{address}/index.html")
    gains = all_of(browser, ".gains li")
    assert [gain.find_element("css selector", "span a").text for gain in gains] == [
        "MMMU Health & Medicine",
        "The demo's phantoms",
    ]
    for gain in gains:
        assert gain.rect["y"] < 900
        assert re.match(r"[+-]\d+\.\d\d points \(", gain.find_element("css selector", "strong").text)
        assert "Tiny, vgrefine against tiny-plain" in gain.text
    assert "n 30" in gains[0].text
    press(gains[1].find_element("css selector", "a"), "Enter")
    assert browser.current_url == f"{address}/index.html#demo"


def test_tables_without_a_submission_are_folded_and_a_link_unfolds_them(browser: Any, address: str) -> None:
    browser.get(f"{address}/index.html")
    assert not one_of(browser, "#table1").is_displayed()
    assert one_of(browser, "#demo").is_displayed()
    press(next(link for link in all_of(browser, ".contents a") if "Closed questions" in link.text), "Enter")
    assert one_of(browser, "#table1").is_displayed()
    browser.get("about:blank")
    browser.get(f"{address}/index.html#tableE3")
    assert one_of(browser, "#tableE3").is_displayed(), "a link from elsewhere, too"


def test_a_title_is_explained_by_keyboard_and_by_touch(browser: Any, address: str) -> None:
    browser.get(f"{address}/index.html")
    what = column(browser, "demo", "excess JS").find_element("css selector", ".what")
    assert what.get_attribute("aria-label") == "What excess JS is"
    said = one_of(browser, f"#{what.get_attribute('popovertarget')}")
    assert not said.is_displayed()
    press(what, "Enter")
    assert said.is_displayed()
    assert "Chance is 0" in said.text
    browser.switch_to.active_element.send_keys("\ue00c")  # Escape
    assert not said.is_displayed()
    browser.execute_script(
        "arguments[0].scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'})", what
    )
    what.click()
    assert said.is_displayed()
    said.find_element("css selector", "button").click()
    assert not said.is_displayed()


def test_wide_tables_say_so_and_short_ones_scroll_with_the_page(browser: Any, address: str) -> None:
    size = {"width": 700, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(f"{address}/index.html")
    assert "scroll the table sideways" in one_of(browser, "#demo .wide").text
    boxes = """
        return [...document.querySelectorAll("section .scroll")].map(
            box => [box.classList.contains("long"), box.querySelectorAll("tbody tr:not(.kind)").length])"""
    lengths = browser.execute_script(boxes)
    assert lengths
    for long, rows in lengths:
        assert long is (rows >= 25)
    sizes = "const b = document.querySelector('#demo .scroll'); return [b.scrollHeight, b.clientHeight]"
    inner, outer = browser.execute_script(sizes)
    assert inner == outer
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size | {"width": 4000})
    browser.refresh()
    assert not one_of(browser, "#table2 .wide").is_displayed(), "it fits"


def test_on_paper_nothing_is_cut_off(browser: Any, address: str) -> None:
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    browser.get(f"{address}/index.html")
    assert not one_of(browser, "#filter").is_displayed()
    assert not any(button.is_displayed() for button in all_of(browser, ".what"))
    assert one_of(browser, "#table2 .scroll").value_of_css_property("max-height") == "none"
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_curves_of_a_submission(browser: Any, address: str) -> None:
    browser.get(f"{address}/submissions/tiny-vgrefine.html")
    curves = all_of(browser, "#looked svg.curve")
    assert len(curves) == 3, "AR, KL and JS, as its bundle says nothing of excess"
    assert all(curve.rect["width"] > 200 for curve in curves)
    assert "grounding not recomputed: the submitter's word" in one_of(browser, "#looked h3").text
    assert len(all_of(browser, "#looked .before")) == 4, "the plain run in each, and the key"
    assert not all_of(browser, "#looked img")
