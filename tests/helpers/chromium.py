"""A headless Chromium that reports its log and its requests, and a local web server."""

from __future__ import annotations

import json
import shutil
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


@contextmanager
def chromium(profile: Path) -> Iterator[Any]:
    """Return a browser; skip the test if there is none."""
    browser, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("needs chromium and chromedriver (Debian: chromium chromium-driver)")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.support.ui import WebDriverWait

    class Browser(webdriver.Chrome):
        """A browser whose `get` returns when the page asked for stands.

        Where a page of another origin starts a process of its own, the driver may answer for the page before it.
        """

        def get(self, url: str) -> None:
            def stands(_: Any) -> bool:
                there, state = self.execute_script("return [document.URL, document.readyState]")
                return state == "complete" and there.partition("#")[0] == url.partition("#")[0]

            super().get(url)
            WebDriverWait(self, 30, poll_frequency=0.05).until(stands, f"{url} is not there")

    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for option in (*_OPTIONS.split(), f"--user-data-dir={profile}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = Browser(options=options, service=Service(driver))
    try:
        yield started
    finally:
        started.quit()


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
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/{folder.name}"
    finally:
        server.shutdown()
        server.server_close()
