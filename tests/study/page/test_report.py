"""The page as a file: what it holds, within its budget, the same every time, and nothing that a text could break."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import study_pages

from lmms_vg.study.page import report as page
from lmms_vg.study.page.data import MapDetail
from lmms_vg.study.page.input import PageTable
from lmms_vg.study.page.maps import unpacked


def written(folder: Path, made: Any, **options: Any) -> tuple[str, page.Written]:
    done = page.write(made, folder / "report.html", **options)
    return (folder / "report.html").read_text(encoding="utf-8"), done


def data_of(text: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def blob(text: str, name: str) -> str:
    found = re.search(rf'<script type="text/plain" id="{name}">(.*?)</script>', text)
    assert found is not None, name
    return found[1]


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    texts = [written(tmp_path, study_pages.page(), seed=3)[0] for _ in range(2)]
    assert texts[0] == texts[1]
    assert texts[0] != written(tmp_path, study_pages.page(), seed=4)[0]


def test_words_of_a_table_are_explained_below_it(tmp_path: Path) -> None:
    made = study_pages.page()
    plain, _ = written(tmp_path, replace(made, tables=[PageTable("By organ", "", ("model", "questions"), [("a", 3)])]))
    assert "What is placement?" not in plain
    text, _ = written(tmp_path, replace(made, tables=[PageTable("By organ", "", ("model", "placement"), [("a", 0.5)])]))
    assert text.index("By organ") < text.index("What is placement?") < text.index('<section id="gallery">')


def test_only_our_scripts_and_styles_may_run(tmp_path: Path) -> None:
    text, _ = written(tmp_path, study_pages.page())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert policy[1].startswith("default-src &#39;none&#39;; img-src data: blob:; style-src &#39;sha256-")
    assert "unsafe" not in policy[1]
    parts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL) + re.findall(
        r"<style>(.*?)</style>", text, re.DOTALL
    )
    assert len(parts) == 6
    for part in parts:
        digest = base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        assert f"sha256-{digest}" in policy[1].replace("&#43;", "+")
    addresses = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert all(address.startswith(("#", "data:")) for address in addresses)


def test_maps_and_columns_are_those_of_the_input(tmp_path: Path) -> None:
    made = study_pages.page(30)
    text, done = written(tmp_path, made, n=10)
    data = data_of(text)
    assert (done.shown, len(data["samples"])) == (10, 10)
    for place, sample in enumerate(data["samples"]):
        assert sample["uid"] == made.asked.uids[sample["row"]]
        levels = np.frombuffer(unpacked(blob(text, f"m{place}-1")), np.uint8).reshape(4, 8, 8)
        assert (levels[2, 2:4, 2:4] > levels[2, 0, 0]).all()
        assert (levels[0] == 16).all()
        assert np.argwhere(levels == 0).tolist() == [[1, 5, 5], [1, 5, 6]], "the hidden patches"
        look = study_pages.look(sample["row"], 1)
        assert sample["looks"][1]["kl"] == pytest.approx(look.kl, abs=5e-4)
        assert sample["looks"][1]["place"] == list(study_pages.PLACE)
    excess = np.frombuffer(unpacked(data["rows"]["sides"][1]["excess"]), "<i2") / 1000
    np.testing.assert_allclose(excess, made.asked.sides[1].excess, atol=5e-4)
    tasks = np.frombuffer(unpacked(data["rows"]["task"]), "<u2")
    assert [data["rows"]["tasks"][code] for code in tasks] == list(made.asked.tasks)


def test_unknown_values_stay_unknown(tmp_path: Path) -> None:
    made = study_pages.page(3, 1, sample_of=lambda i: study_pages.sample(i, 1, looks=[None]))
    made.asked.sides[0].excess[1] = np.nan
    data = data_of(written(tmp_path, made)[0])
    assert np.frombuffer(unpacked(data["rows"]["sides"][0]["excess"]), "<i2")[1] == -32768
    assert [sample["looks"] for sample in data["samples"]] == [[None]] * 3


def noisy(number: int) -> Any:
    rng = np.random.default_rng(number)
    looks = [study_pages.look(number, side, maps=np.exp(rng.normal(size=(4, 64)))) for side in range(2)]
    return study_pages.sample(number, 2, looks=looks)


def test_the_budget_makes_maps_coarser_and_then_samples_fewer_and_says_so(tmp_path: Path) -> None:
    made = study_pages.page(60, sample_of=noisy)
    sizes = [
        len(page.render(made, page.drawn(made, range(60), None), 0, detail, []).encode()) for detail in page.DETAILS
    ]
    assert sizes == sorted(sizes, reverse=True)
    said = [
        [],
        ["maps have 16 levels of brightness instead of 32"],
        ["maps have 16 levels", "maps of every 2nd layer are kept, and that of each model's headline layer"],
    ]
    for size, words in zip(sizes, said, strict=True):
        text, done = written(tmp_path, made, budget=size + 600)
        assert done.size == len(text.encode()) <= size + 600
        assert len(done.reduced) == len(words)
        assert all(part in found for part, found in zip(words, done.reduced, strict=True))
        shown = re.sub(r"&#39;", "'", text)
        assert all(found in shown for found in done.reduced), "the page says the same"
    text, done = written(tmp_path, made, budget=sizes[-1] - 30_000)
    assert done.size <= sizes[-1] - 30_000
    assert 0 < done.shown < 60
    assert done.reduced[-1].endswith(f"{done.shown} of 60 drawn samples are shown, the first ones of the draw.")
    assert len(data_of(text)["samples"]) == done.shown
    with pytest.raises(ValueError, match="budget 1000: the page takes"):
        written(tmp_path, made, budget=1000)


def test_every_second_layer_keeps_the_headline_layer() -> None:
    side = study_pages.page(1, 1).sides[0]._replace(layers=7, layer=3)
    assert page.layers_of(side, MapDetail(16, 2)) == [0, 2, 3, 4, 6]


def test_images_follow_the_licence_unless_told(tmp_path: Path) -> None:
    made = study_pages.page(4, sample_of=lambda i: study_pages.sample(i, 2, licence="not stated" if i else "CC0"))
    for images, count in ((None, 3), (True, 0), (False, 4)):
        text, done = written(tmp_path, made, images=images)
        assert done.without_image == count
        assert len(re.findall(r'id="i\d+"', text)) == 4 - count


@pytest.mark.parametrize("n", [0, 1])
def test_nothing_asked_and_one_question(tmp_path: Path, n: int) -> None:
    text, done = written(tmp_path, study_pages.page(n, 1))
    assert done.shown == n
    assert f"{n} of {n} questions are shown" in text


def test_a_page_without_sides_tables_and_findings(tmp_path: Path) -> None:
    bare = replace(study_pages.page(0, 0), headlines=[], panels=[], tables=[], means=[], missing=["Nothing was asked."])
    text, _ = written(tmp_path, bare)
    assert "This study has no finding in numbers" in text
    assert "Nothing was asked." in text
    assert '<section id="tables">' not in text
