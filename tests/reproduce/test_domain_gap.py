"""Figure 3 as numbers: the gap and its interval against a naive bootstrap, verdicts, and runs of older versions."""

from __future__ import annotations

import csv
import io
import math
import random
from dataclasses import replace
from pathlib import Path
from statistics import fmean, quantiles
from typing import Any

import numpy as np
import pytest
from journals import record
from looks import asked, blind, seeing
from PIL import Image
from saved_run import IDENTITY, failed, save

from lmms_vg import journal
from lmms_vg.journal import Journal
from lmms_vg.reproduce import figure_report
from lmms_vg.reproduce.domain_gap import gaps, measured
from lmms_vg.reproduce.domain_gap_plot import draw
from lmms_vg.reproduce.gap_band import Band
from lmms_vg.reproduce.gap_on_excess import GapOnExcess
from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.results import Run
from lmms_vg.tasks.registry import TASKS

N = 60
BOXED = ("vgmed_demo", "demo_calibration")  # two tasks with boxes that need no data
MEANS = {"means": dict.fromkeys(BOXED, dict.fromkeys(("ar", "kl", "js", "best_layer"), 1))}


def lines(task: str, shift: float) -> list[dict[str, Any]]:
    """Two layers: in the first the metrics of the two tasks differ by the shift, in the second they are equal."""
    samples = []
    for number, sample in enumerate(TASKS[task].load()[:N]):
        draw = random.Random(f"{task}{number // 4}")  # questions about one image go together
        noise = [draw.gauss(0, 0.3) for _ in range(6)]
        ar = [2 - shift + noise[0], 2 + noise[1]]
        kl = [1 + shift + noise[2], 1 + noise[3]]
        js = [0.5 - shift + noise[4], 0.5 + noise[5]]  # the other way round
        samples.append(
            {
                "ar": {"ar": ar, "printed_ar": ar, "kl": kl, "uid": sample.uid, "image": sample.images[0]},
                "kl": {"kl": kl},
                "js": {"js": js, "kl": kl},
                "best_layer": {"kl": kl},
                "answered": 1,
                "n": {"answered": 1},
                "input": f"{sample.question} Answer the question using a single word or phrase.",
            }
        )
    return samples


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return read_run(save(tmp_path, {BOXED[0]: lines(BOXED[0], 0.6), BOXED[1]: lines(BOXED[1], 0)}, **MEANS))


def naive(run: Run, metric: str, layer: int) -> tuple[float, float]:
    """Draw images of either task and subtract the means."""
    draw, drawn, clusters = random.Random(3), [], []
    for task, shift in zip(BOXED, (0.6, 0), strict=True):
        images: dict[str, list[float]] = {}
        for sample, line in zip(TASKS[task].load(), lines(task, shift), strict=False):
            images.setdefault(sample.images[0], []).append(line[metric][metric][layer])
        clusters.append(list(images.values()))
    for _ in range(3000):
        first, second = (fmean(value for one in draw.choices(of, k=len(of)) for value in one) for of in clusters)
        drawn.append(first - second)
    ends = quantiles(drawn, n=40, method="inclusive")
    return ends[0], ends[-1]


@pytest.mark.parametrize(("number", "metric"), enumerate(["ar", "kl", "js"]))
@pytest.mark.parametrize("layer", [0, 1])
def test_gap_and_interval_are_those_of_a_naive_bootstrap(run: Run, number: int, metric: str, layer: int) -> None:
    gap = gaps(run, "localization", *BOXED)
    samples = lines(BOXED[0], 0.6), lines(BOXED[1], 0)
    first, second = (fmean(line[metric][metric][layer] for line in one) for one in samples)
    assert gap.medical.mean[number, layer] == pytest.approx(first)
    assert gap.coco.mean[number, layer] == pytest.approx(second)
    assert gap.gap.mean[number, layer] == pytest.approx(first - second)
    low, high = gap.gap.low[number, layer], gap.gap.high[number, layer]
    assert (low, high) == pytest.approx(naive(run, metric, layer), abs=0.03)
    assert high - low > 0.2
    assert gap.n == (N, N)
    assert gap.images == (N // 4, N // 4)


def test_verdicts(run: Run) -> None:
    """Lower AR and higher KL are claimed, as constructed above; JS was made lower."""
    gap = gaps(run, "localization", *BOXED)
    assert [gap.gap.verdict(metric, 0) for metric in ("ar", "kl", "js")] == ["as claimed", "as claimed", "opposite"]
    turned = gaps(run, "localization", *reversed(BOXED))
    assert [turned.gap.verdict(metric, 0) for metric in ("ar", "kl", "js")] == ["opposite", "opposite", "as claimed"]


def test_verdict_where_the_interval_holds_0_or_there_is_none() -> None:
    ends = (np.array([[-0.1, math.nan]] * 3), np.array([[0.2, math.nan]] * 3))
    band = Band(np.zeros((3, 2)), *ends)
    assert [band.verdict("ar", layer) for layer in (0, 1)] == ["not shown", "-"]


def test_the_same_task_on_both_sides_has_no_gap_but_an_interval(run: Run) -> None:
    gap = gaps(run, "localization", BOXED[0], BOXED[0])
    assert (gap.gap.mean == 0).all()
    assert (gap.gap.low < 0).all()
    assert (gap.gap.high > 0).all()


def test_repeats_and_depends_on_the_seed(run: Run) -> None:
    first, again, other = (gaps(run, "localization", *BOXED, seed=seed).gap.low for seed in (0, 0, 9))
    assert (first == again).all()
    assert (first != other).any()


def test_what_failed_is_left_out(tmp_path: Path) -> None:
    samples = lines(BOXED[0], 0)
    samples[3] = failed("q", "ar", "kl", "js", "best_layer")
    values, images = measured(read_run(save(tmp_path, {BOXED[0]: samples}, **MEANS)), BOXED[0])
    assert values.shape == (N - 1, 6)
    assert len(images) == N - 1


def test_a_run_of_an_older_version_is_refused(tmp_path: Path) -> None:
    samples = lines(BOXED[0], 0)
    del samples[5]["ar"]["image"]
    run = read_run(save(tmp_path, {BOXED[0]: samples}, **MEANS))
    with pytest.raises(ValueError, match="do not name their images; run it again"):
        measured(run, BOXED[0])


@pytest.mark.slow
def test_the_picture_has_a_panel_a_kind_and_metric(run: Run) -> None:
    gap = gaps(run, "localization", *BOXED)
    one = Image.open(io.BytesIO(draw([gap], "title")))
    two = Image.open(io.BytesIO(draw([gap, gap._replace(kind="attribute")], "title")))
    assert one.width > 2 * one.height
    assert two.height > 1.6 * one.height
    pixels = np.asarray(one.convert("RGB")).reshape(-1, 3).astype(int)
    for colour in ((198, 40, 40), (21, 101, 192)):
        assert (np.abs(pixels - colour).sum(1) < 12).any(), "both sets are drawn"


@pytest.mark.slow
def test_excess_comes_from_the_journals_maps(tmp_path: Path) -> None:
    """Two sets in one journal: one blind to its boxes, one that looks, so that the claim holds beyond box size."""
    folder = journal.home() / "journal" / "huatuo_plain-1"
    with Journal(folder, provenance=IDENTITY) as made:
        for task, look, seed in zip(BOXED, (blind, seeing), (0, 1), strict=True):
            maps = [replace(one, key=f"{task}{one.key}", image=f"{task} {one.image}") for one in asked(look, seed=seed)]
            records = [
                record(one.key, task=task, image=one.image, alignment={"ar": [1.0], "kl": [1.0], "js": [0.5]})
                for one in maps
            ]
            made.write(records, maps)
    run = read_run(save(tmp_path, {task: lines(task, 0) for task in BOXED}, run=IDENTITY, **MEANS))
    found = gaps(run, "localization", *BOXED)
    assert isinstance(found.on_excess, GapOnExcess)
    assert found.on_excess.n == (120, 120)
    assert {found.on_excess.verdict(metric, layer) for metric in ("ar", "kl", "js") for layer in (0, 1)} == {
        "as claimed"
    }
    assert found.on_excess.grids == (((8, 8),), ((8, 8),))
    gap = found._replace(on_excess=found.on_excess._replace(grids=(((8, 8),), ((8, 8), (9, 9)))))
    text = "".join(figure_report._scales({"LLaVA": [found], "Qwen": [gap]}))
    assert (
        "medical images have grids of 8 x 8, COCO's of 8 x 8 and 1 more: their raw KL and JS are not on one scale"
        in text
    )
    assert "The rows have different grids of patches (LLaVA 8 x 8; Qwen 8 x 8 and 1 more)" in text
    assert "different grids" not in "".join(figure_report._scales({"LLaVA": [found], "LLaVA 2": [found]}))
    written = list(csv.DictReader(io.StringIO(figure_report.strata_csv({"LLaVA": [found]}))))
    assert len(written) == 3 * 2 * 5
    assert {line["verdict"] for line in written if not line["excess_gap"]} == {"-"}
    assert {line["box_share"] for line in written if line["excess_gap"]} == {"5 to 10%", "10 to 30%", "above 30%"}
    (first, *_) = csv.DictReader(io.StringIO(figure_report.figure_csv({"LLaVA": [found]})))
    assert float(first["excess_gap"]) == found.on_excess.gap.mean[0, 0]
    assert (first["excess_verdict"], first["excess_n_medical"]) == ("as claimed", "120")
    with_excess, raw_only = (
        Image.open(io.BytesIO(draw([one], "title"))) for one in (found, found._replace(on_excess="no maps"))
    )
    assert with_excess.height > 1.6 * raw_only.height
