"""The folder of a blind study: one page and its pictures, from which nobody can read whose map a picture shows.

Names are keyed hashes, files are written in the order of their names and bear one date, and pictures of maps are equally long.
The page puts the pictures of a case in another order for each rater.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lmms_vg._util.atomic_files import check_new, replace_file
from lmms_vg.vgmed.blind_key import BlindKey
from lmms_vg.vgmed.html_page import html_page

VOTES = "lmms-vg votes 1"
PAGE = "index.html"
_DATE = 315532800  # 1980-01-01, the first day that a zip can name


class BlindCase(NamedTuple):
    """One question of a blind study.

    Attributes:
        uid: the question.
        question: its text.
        image: the image alone, as PNG.
        pictures: arm -> PNG.
    """

    uid: str
    question: str
    image: bytes
    pictures: Mapping[str, bytes]


def write_blind(cases: Sequence[BlindCase], key: BlindKey, out: Path) -> None:
    """Write the page and its pictures to a new folder.

    Raises:
        ValueError: the folder exists, or two pictures of maps differ in length, which would tell them apart.
    """
    check_new(out)
    lengths = {len(picture) for case in cases for picture in case.pictures.values()}
    if len(lengths) != 1:
        raise ValueError(
            f"pictures of {sorted(lengths)} bytes: they must be equally long, or their length tells them apart"
        )
    files = {f"images/{key.case(case.uid)}.png": case.image for case in cases}
    for case in cases:
        files |= {f"images/{key.picture(case.uid, arm)}.png": data for arm, data in case.pictures.items()}
    files[PAGE] = _page(cases, key).encode()
    for name in sorted(files):
        replace_file(out / name, files[name])
    for name in (*sorted(files), "images", "."):
        os.utime(out / name, (_DATE, _DATE))


def _page(cases: Sequence[BlindCase], key: BlindKey) -> str:
    shown = sorted(
        [key.case(case.uid), case.question, sorted(key.picture(case.uid, arm) for arm in key.arms)] for case in cases
    )
    return html_page(
        "blind.html",
        ["page.css", "blind.css"],
        ["common.js", "blind.js"],
        {"format": VOTES, "study": key.study, "cases": shown},
        cases=len(cases),
        maps=len(key.arms),
        study=key.study,
    )
