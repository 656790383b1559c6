"""What tests do on the pages of a data set: begin, press keys, export."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

Found = TypeVar("Found")


def begin(browser: Any, name: str) -> None:
    """Enter a rater's name and go on."""
    field = browser.find_element("id", "rater")
    field.clear()
    field.send_keys(name)
    browser.find_element("css selector", "#begin button").click()


def keys(browser: Any, pressed: str) -> None:
    """Press keys on the page."""
    browser.find_element("css selector", "body").send_keys(pressed)


def exports_to(browser: Any, folder: Path) -> None:
    """Let exported files arrive in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})


def arrived(file: Path) -> bool:
    """Whether an exported file is whole: Chromium holds its name with an empty one until then."""
    return file.is_file() and file.stat().st_size > 0


def shown(browser: Any, find: Callable[[], Found], ready: Callable[[Found], bool]) -> Found:
    """Wait until what is found is ready."""
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 20, poll_frequency=0.02).until(lambda _: ready(find()))
    return find()
