"""Size, load time and memory of a study's page with 500 images, maps of 28 layers of two models, and 28,000 questions.

    python -m benchmarks.study_page              # a minute on one idle core; Linux, with chromium and chromedriver
    python -m benchmarks.study_page --rounds 9   # on a busy machine: the least of more loads

Images are smooth noise of 336 pixels, maps are noise, which packs worst. Load time is that of the load event, the heap that of
the script after a garbage collection.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.report import Ratio, Report
from lmms_vg.study.page.input import AskedQuestions, GallerySample, PageInput, PageSide, SideAnswers, SideLook
from lmms_vg.study.page.report import write

QUESTIONS, LAYERS, GRID, SIDES = 28_000, 28, (24, 24), 2
SIZE = 336
_OPTIONS = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --window-size=1280,900"


def page(questions: int) -> PageInput:
    """The page's input."""
    rng = np.random.default_rng(0)
    return PageInput(
        title="Benchmark",
        sides=[PageSide(f"model {side}", LAYERS, 14, "made up") for side in range(SIDES)],
        asked=AskedQuestions(
            uids=[f"q/{number}" for number in range(questions)],
            tasks=[("localization", "attribute")[number % 2] for number in range(questions)],
            modalities=[("CT", "MR", "X-ray", "PET")[number % 4] for number in range(questions)],
            shares=rng.random(questions),
            sides=[_answers(questions, rng) for _ in range(SIDES)],
        ),
        sample_of=_sample,
    )


def _answers(questions: int, rng: np.random.Generator) -> SideAnswers:
    right, changes = (rng.integers(-1, 2, questions).astype(np.int8) for _ in range(2))
    return SideAnswers(rng.normal(size=questions), rng.random(questions), right, changes)


def _sample(number: int) -> GallerySample:
    rng = np.random.default_rng(number)
    coarse = Image.fromarray(rng.integers(0, 256, (42, 42, 3), dtype=np.uint8))
    picture = coarse.resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    ar, kl, excess, placement = (rng.normal(size=LAYERS) for _ in range(4))
    looks = [
        SideLook(
            maps=np.exp(rng.standard_normal((LAYERS, GRID[0] * GRID[1]))),
            grid=GRID,
            visible=np.ones(GRID[0] * GRID[1], bool),
            place=(0.0, 0.0, SIZE, SIZE),
            ar=ar,
            kl=kl,
            excess=excess,
            placement=placement,
            answer="upper-left",
        )
        for _ in range(SIDES)
    ]
    where = f"Where is finding {number} in this image?"
    box = (40.0, 40.0, 120.0, 160.0)
    return GallerySample(where, "", "organ", "demo", "CC-BY-4.0", (SIZE, SIZE), [box], lambda: picture, looks)


@contextmanager
def _browser(profile: str) -> Iterator[Any]:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    for option in (*_OPTIONS.split(), f"--user-data-dir={profile}"):
        options.add_argument(option)
    started = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        yield started
    finally:
        started.quit()


def loaded(path: Path, rounds: int) -> tuple[list[float], float]:
    """Seconds to the load event of each round, and MB of the script's heap."""
    seconds = []
    with tempfile.TemporaryDirectory() as profile, _browser(profile) as browser:
        for _ in range(rounds):
            browser.get(path.as_uri())
            ended = browser.execute_script("return performance.getEntriesByType('navigation')[0].loadEventEnd")
            seconds.append(ended / 1e3)
        browser.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
        browser.execute_cdp_cmd("Performance.enable", {})
        metrics = browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    heap = next(metric["value"] for metric in metrics if metric["name"] == "JSHeapUsedSize") / 1e6
    return seconds, heap


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.study_page", description="A study's page in a browser.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="few questions: a smoke test")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="lmms_vg_benchmark_") as folder:
        path = Path(folder) / "report.html"
        written = write(page(200 if args.quick else QUESTIONS), path, images=None)
        size = path.stat().st_size / 1e6
        seconds, heap = loaded(path, args.rounds)
    print(
        Report(
            setup={
                "page": f"{QUESTIONS:,} questions, {written.shown} samples of {SIDES} models x {LAYERS} layers",
                "reduced": "; ".join(written.reduced) or "nothing",
                "seconds to the load event": ", ".join(f"{value:.2f}" for value in seconds),
                "machine": f"{platform.machine()}, Python {platform.python_version()}",
            },
            seconds={},
            ratios=[
                Ratio("MB of the page", size, 25),
                Ratio("seconds to the load event, least", min(seconds), 1),
                Ratio("MB of the script's heap", heap, 60),
            ],
            agreements=[],
            judged=not args.quick,
        ).markdown()
    )


if __name__ == "__main__":
    main()
