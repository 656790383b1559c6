"""Figure 3 as numbers: alignment of attention and boxes on medical and on COCO images, layer by layer, and the gap.

The two sets share no image, so each is resampled separately, by image. The paper claims that medical images have the lower
AR and the higher KL and JS in most layers. Its values are compared as they are, which box size alone can decide, and on
excess over maps of other images (`gap_on_excess`), which it cannot.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lmms_vg.metrics.statistics import resample
from lmms_vg.reproduce.gap_band import CLAIM, Band, Floats, each_alone
from lmms_vg.reproduce.gap_on_excess import MEASURES, GapOnExcess, gap_on_excess
from lmms_vg.runs.layer_choice import named
from lmms_vg.runs.lmms_eval_output import samples
from lmms_vg.runs.map_looks import map_looks
from lmms_vg.runs.results import Run


class Gaps(NamedTuple):
    """One kind of question under one model.

    Attributes:
        kind: kind of question.
        n: numbers of questions: (medical, COCO).
        images: numbers of images.
        medical: the raw values.
        coco: the raw values.
        gap: medical minus COCO.
        on_excess: the gap in excess; why there is none, where there is none.
    """

    kind: str
    n: tuple[int, int]
    images: tuple[int, int]
    medical: Band
    coco: Band
    gap: Band
    on_excess: GapOnExcess | str


def gaps(run: Run, kind: str, medical: str, coco: str, seed: int = 0) -> Gaps:
    """Compare two tasks of a run.

    Args:
        run: a run that has both tasks; without its journal on this machine it has no excess.
        kind: kind of question, kept in the result.
        medical: task on medical images.
        coco: task on COCO images.
        seed: of the medical draws; COCO takes `seed` + 1.

    Raises:
        ValueError: the run was saved by an older version.
    """
    first, second = measured(run, medical), measured(run, coco)
    means, draws = [], []
    for number, (values, images) in enumerate((first, second)):
        drawn = resample(values.T.tolist(), images, seed=seed + number)
        means.append(values.mean(0))
        draws.append(drawn.sums / drawn.counts)
    return Gaps(
        kind,
        (len(first[0]), len(second[0])),
        (len(set(first[1])), len(set(second[1]))),
        each_alone(means[0], draws[0]),
        each_alone(means[1], draws[1]),
        each_alone(means[0] - means[1], draws[0] - draws[1]),
        _on_excess(run, medical, coco, seed),
    )


def measured(run: Run, task: str) -> tuple[Floats, list[str]]:
    """Return the measured questions of a task: values (questions, metrics x layers), and the image of each question.

    Raises:
        ValueError: the run was saved by an older version.
    """
    lines = [line for line in samples(run.path, task) if "error" not in line["kl"]]
    try:
        images = [line["ar"]["image"] for line in lines]
    except KeyError as problem:
        raise ValueError(
            f"the measurements of {run.path} do not name their images; run it again with this version"
        ) from problem
    return np.array([[value for metric in CLAIM for value in line[metric][metric]] for line in lines]), images


def _on_excess(run: Run, medical: str, coco: str, seed: int) -> GapOnExcess | str:
    looks = map_looks(run, dict.fromkeys((medical, coco), named(0)), tuple(MEASURES), whole=True)
    first, second = looks[medical], looks[coco]
    if isinstance(first, str):
        return first
    return second if isinstance(second, str) else gap_on_excess(first, second, seed)
