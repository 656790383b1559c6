"""One headless Chromium for all files of a process, which reports its log and its requests; and a local web server."""

from __future__ import annotations

import functools
import json
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

_OPTIONS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --window-size=1280,900"
)


#: What a reader sees of an element; an option is seen where its list is.
_TEXT = """
const one = arguments[0], seen = { opacityProperty: true, visibilityProperty: true };
return (one.closest("select") ?? one).checkVisibility(seen) ? one.innerText.trim() : "";"""


@contextmanager
def chromium(config: pytest.Config) -> Iterator[Any]:
    """Return a browser with a new tab; skip the test if there is none."""
    browser = _started(config)
    before = browser.current_window_handle
    browser.switch_to.new_window("tab")
    now = browser.current_window_handle
    browser.switch_to.window(before)
    browser.close()
    browser.switch_to.window(now)
    yield browser


@functools.cache
def _started(config: pytest.Config) -> Any:
    """The browser of this process, until its tests end: a start takes as long as ten tests."""
    browser, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("needs chromium and chromedriver (Debian: chromium chromium-driver)")
    from selenium import webdriver
    from selenium.common.exceptions import NoSuchElementException
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.remote.webelement import WebElement
    from selenium.webdriver.support.ui import WebDriverWait

    class Element(WebElement):
        """An element whose text is read by a short script: the driver's own is long, and compiled for every call."""

        @property
        def text(self) -> str:
            return str(self.parent.execute_script(_TEXT, self))

    class Browser(webdriver.Chrome):
        """A browser whose `get` returns when the page asked for stands, and whose `find_element` is a short script.

        Where a page of another origin starts a process of its own, the driver may answer for the page before it.
        """

        _web_element_cls = Element

        def get(self, url: str) -> None:
            def stands(_: Any) -> bool:
                there, state = self.execute_script("return [document.URL, document.readyState]")
                return state == "complete" and there.partition("#")[0] == url.partition("#")[0]

            super().get(url)
            WebDriverWait(self, 30, poll_frequency=0.05).until(stands, f"{url} is not there")

        def find_elements(self, by: Any = "css selector", value: Any = None) -> list[Any]:
            selector = f"#{value}" if by == "id" else value
            return list(self.execute_script("return [...document.querySelectorAll(arguments[0])]", selector))

        def find_element(self, by: Any = "css selector", value: Any = None) -> Any:
            for found in self.find_elements(by, value):
                return found
            raise NoSuchElementException(f"{value} ({by}) is not on the page")

    profile = tempfile.TemporaryDirectory(prefix="chromium", ignore_cleanup_errors=True)
    config.add_cleanup(profile.cleanup)
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for option in (*_OPTIONS.split(), f"--user-data-dir={profile.name}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = Browser(options=options, service=Service(driver))
    config.add_cleanup(started.quit)
    return started


def requested(browser: Any) -> list[str]:
    """Return the addresses that pages have requested since the last call."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    request_queue_size = 64  # of 5, a browser that opens six connections to a busy machine loses one


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the folder below a path, as GitHub Pages does, and return its address."""
    server = _Server(("127.0.0.1", 0), partial(_Quiet, directory=str(folder.parent)))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/{folder.name}"
    finally:
        server.shutdown()
        server.server_close()
