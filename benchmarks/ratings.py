"""Time of what raters and their ratings need: `python benchmarks/ratings.py merge`, or `page`, which needs Chromium."""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from lmms_vg._util.atomic_files import replace_file
from lmms_vg.vgmed import dataset, rle
from lmms_vg.vgmed.rating_page import FORMAT, RatingCase, rating_page
from lmms_vg.vgmed.ratings import RatingFile
from lmms_vg.vgmed.schema import BoxQuestion, Item, SourceCard

LEVELS, WEIGHTS = [1, 2, 3, 4, 5], [0.2, 0.3, 4, 9, 86.5]  # about as Table R.6


def data_set(folder: Path, questions: int) -> dataset.BuiltDataset:
    """A data set of so many questions, two per item, without images."""
    mask = np.zeros((512, 512), bool)
    mask[100:200, 150:260] = True
    runs = rle.encode(mask)
    items = [
        Item(
            id=f"made-{number:016x}",
            image=f"images/made-{number:020x}.png",
            image_hash=f"{number:064x}",
            width=512,
            height=512,
            source="made",
            origin=f"images/{number}.png",
            modality="CT",
            body_part="Abdomen",
            label="liver",
            boxes=[(150, 100, 260, 200)],
            mask=runs,
            patient=f"patient {number // 10}",
        )
        for number in range(questions // 2)
    ]
    asked = [
        BoxQuestion(
            id=f"{item.id}-{kind}", item=item.id, kind=kind, text="Is there a liver?", label="liver", author="made"
        )
        for item in items
        for kind in ("localization", "attribute")
    ]
    dataset.write(folder, "made", items, asked, [SourceCard(name="made", licence="none", items=len(items))], {})
    return dataset.read(folder)


def rated(built: dataset.BuiltDataset, rater: str, draw: random.Random) -> RatingFile:
    """All questions rated by one rater, and one in twenty a second time."""
    again = draw.sample(built.questions, len(built.questions) // 20)
    rows = [(question, 1) for question in built.questions] + [(question, 2) for question in again]
    ratings = [
        {"question": question.id, "showing": showing, "scores": draw.choices(LEVELS, WEIGHTS, k=3)}
        for question, showing in rows
    ]
    content = {"format": FORMAT, "data": built.card.hash, "rater": rater, "seed": 0, "ratings": ratings}
    return RatingFile.model_validate(content | {"questions": len(built.questions), "repeats": len(again)})


def merge(questions: int, raters: int) -> None:
    """The whole command `lmms-vg vgmed rate merge`, in a process of its own."""
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        built = data_set(folder / "built", questions)
        files = [folder / f"ratings-{rater}.json" for rater in range(raters)]
        for path in files:
            replace_file(path, rated(built, path.stem, draw).model_dump_json())
        command = ["vgmed", "rate", "merge", str(built.folder), *map(str, files), "-o", str(folder / "merged")]
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "lmms_vg", *command], check=True, stdout=subprocess.DEVNULL)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(
            f"merge of {raters} x {questions} ratings: {time.perf_counter() - began:.1f} s, "
            f"{used.ru_utime + used.ru_stime:.1f} s of a core, {used.ru_maxrss / 1024:.0f} MB"
        )


def page(questions: int) -> None:
    """The page in headless Chromium: until it is loaded, and from a rater's name to the first image."""
    from selenium import webdriver

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "images").mkdir()
        for number in range(50):
            Image.fromarray(rng.integers(0, 255, (512, 512), np.uint8)).save(folder / "images" / f"{number}.png")
        cases = [
            RatingCase(
                f"q{number}", f"images/{number % 50}.png", 512, 512, [(9, 9, 99, 99)], f"Is there {number}?", "CT"
            )
            for number in range(questions)
        ]
        (folder / "index.html").write_text(rating_page(cases, "0" * 64, 0), encoding="utf-8")
        options = webdriver.ChromeOptions()
        for option in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"):
            options.add_argument(option)
        with webdriver.Chrome(options=options) as browser:
            for _ in range(5):
                browser.get((folder / "index.html").as_uri())
                loaded = browser.execute_script("return performance.getEntriesByType('navigation')[0].loadEventEnd")
                shown = browser.execute_async_script(_BEGIN)
                print(json.dumps({"questions": questions, "loaded, ms": round(loaded), "begun, ms": round(shown)}))


#: Enters a name, and calls back with the milliseconds until the first image is decoded.
_BEGIN = """
const done = arguments[arguments.length - 1], began = performance.now();
document.getElementById('rater').value = 'A';
document.querySelector('#begin button').click();
const shown = document.createElement('img');
shown.src = document.getElementById('image').getAttribute('href');
shown.decode().then(() => requestAnimationFrame(() => done(performance.now() - began)));
"""


def main() -> int:
    """Run one of the measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("merge", "page"))
    args = parser.parse_args()
    if args.what == "merge":
        merge(28_000, 5)
    else:
        page(5_000)
    return 0


if __name__ == "__main__":
    sys.exit(main())
