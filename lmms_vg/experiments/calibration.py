"""Rank heads by how well they ground, for the list that VGRefine's triage uses (paper, Sec. 4.1 and supplement D).

Calibration is a plain run that keeps values of every head beside its journal, so it resumes like any run. Heads are ranked
by mean KL (or AR, JS, placement) of attention divided by the reference map of the same head. The proposed knockout layer has
the lowest mean layer KL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from huggingface_hub import try_to_load_from_cache
from loguru import logger
from tqdm import tqdm

from lmms_vg.experiments.boxed_questions import BoxedSample
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.build import build
from lmms_vg.inference.settings import split_arguments
from lmms_vg.journal import check_home, read_heads, read_records
from lmms_vg.methods.head_list import Bootstrap, HeadList, HeadOrders, HeadScores, Stability
from lmms_vg.metrics.head_ranking import METRICS, By, HeadSums
from lmms_vg.models import FAMILIES
from lmms_vg.models.checkpoint import locate
from lmms_vg.runs.kept_maps import even_looks
from lmms_vg.runs.map_looks import CHANCE

#: Number of resamples of the images that measure the stability of a list.
RESAMPLES = 1000

#: Fewest images to resample: with a single one every resample would be the same.
FEWEST = 10


def calibrate(
    family: str, arguments: Mapping[str, Any], sample: BoxedSample, seed: int = 0, keep: int = 20, by: By = "kl"
) -> HeadList:
    """Ask every question with the plain model and rank all heads.

    Args:
        family: Name of the model family.
        arguments: The arguments of `--model_args`.
        sample: The questions with boxes.
        seed: Seed of the resamples and halves, and the one with which the sample was drawn.
        keep: Number of heads in the list, best first.
        by: Metric to rank by.

    Raises:
        ValueError: An argument is wrong, `keep` exceeds the number of heads, or no question could be measured.
    """
    settings, _, _ = split_arguments(family, "plain", dict(arguments))
    pretrained = settings.pretrained or FAMILIES[family].pretrained
    shape = FAMILIES[family].inspect(pretrained, settings.revision)
    if keep > shape.layers * shape.heads:
        raise ValueError(
            f"--keep {keep}: {pretrained!r} has {shape.layers} layers of {shape.heads} heads, "
            f"so allowed is 1 to {shape.layers * shape.heads}"
        )
    check_home()
    answerer = build(family, "plain", **{**arguments, "heads": True})
    sums = HeadSums((shape.layers, shape.heads), by, seed, RESAMPLES)
    images, measured = measure(answerer, sample, sums)
    if not sums.counts[by]:
        raise ValueError(
            f"--by {by}: none of the {sums.n} questions has it; boxes so large that they fit in fewer than five places have no "
            "placement. Take --by kl, or other questions"
        )
    heads, means, layer_kl = sums.ranking(keep), sums.means(), sums.layer_kl()
    overlap = sums.overlap(keep)
    answerer.close()
    provenance = answerer.journal.provenance
    return HeadList(
        models=[pretrained if not Path(pretrained).is_dir() else Path(pretrained).resolve().name],
        num_layers=shape.layers,
        num_heads=shape.heads,
        heads=heads,
        layers=[int(layer_kl.argmin())],
        source=f"calibrated with lmms_vg on {sample.data}: {_RULES[by]} per head, lowest mean layer KL",
        leaks=sample.leaks,
        scores=HeadScores(
            **{name: [_round(means[name][place]) for place in heads] for name in METRICS if sums.counts[name]},
            layer_kl=_round(layer_kl),
            all_kl=_round(means["kl"]),
        ),
        stability=None
        if images < FEWEST
        else Stability(
            bootstrap=Bootstrap(resamples=RESAMPLES, mean=_round(overlap.mean), p5=_round(overlap.p5)),
            halves=None if overlap.halves is None else _round(overlap.halves),
        ),
        orders=HeadOrders(
            by=by,
            shared={str(name): number for name, number in sums.shared(keep).items()},
            even={name: _round(value) for name, value in _even(answerer.journal.folder, measured).items()},
        ),
        provenance={
            "data": sample.data,
            "n": sums.n,
            "asked": len(sample.questions),
            "images": images,
            "seed": seed,
            "by": by,
            "family": family,
            "revision": _revision(pretrained, settings.revision),
            **{name: provenance[name] for name in ("weights", "dtype", "device", "geometry", "rows", "versions")},
            "date": date.today().isoformat(),
        },
    )


_RULES: dict[By, str] = {
    "kl": "lowest mean KL",
    "ar": "highest mean AR",
    "js": "lowest mean JS",
    "placement": "highest mean placement",
}


def measure(answerer: Answerer, sample: BoxedSample, sums: HeadSums) -> tuple[int, dict[str, int]]:
    """Ask all questions and add their values, as the journal has them, to `sums`.

    Returns:
        The number of patients with values, or of images where none is known; and key -> how often a question with values was
        asked.

    Raises:
        ValueError: No question could be measured.
    """
    answers = tqdm(answerer.answer(sample.questions), total=len(sample.questions), desc="calibrating heads")
    remaining: Counter[str] = Counter()
    patients: dict[str, str] = {}  # of images; a run that named none may have asked some of the questions before
    for question, record in answers:
        remaining[record.key] += 1
        if patient := question.patient or record.patient:
            patients[record.image] = patient
    units = set()
    measured: dict[str, int] = {}
    folder = answerer.journal.folder
    records = (record for record in read_records(sorted(folder.glob("rank*.jsonl"))) if record.key in remaining)
    for record, heads in read_heads(folder, records):
        if record.alignment and record.key in remaining:
            measured[record.key] = remaining.pop(record.key)
            unit = patients.get(record.image, record.image)
            sums.add(unit, heads._asdict(), record.alignment["kl"], measured[record.key])
            units.add(unit)
    failed = len(sample.questions) - sums.n
    if not sums.n:
        raise ValueError(
            f"none of the {failed} questions could be measured; the reasons are in {answerer.journal.folder}"
        )
    if failed:
        logger.warning(
            f"{failed} of {len(sample.questions)} questions were not measured; the reasons are in {answerer.journal.folder}"
        )
    return len(units), measured


def _even(folder: Path, measured: Mapping[str, int]) -> dict[str, float]:
    """Return the scores of even attention on the boxes of these questions; its placement is that of chance on any box."""
    known = even_looks(folder, measured)
    return known | {"placement": CHANCE} if known else {}


def _revision(pretrained: str, revision: str | None) -> str | None:
    """Return the commit of a hub checkpoint if the cache knows it, else `revision`; a folder has no commit."""
    if Path(locate(pretrained)).is_dir():
        return revision
    cached = try_to_load_from_cache(pretrained, "config.json", revision=revision)
    return Path(cached).parent.name if isinstance(cached, str) else revision


def _round(values: Any) -> Any:
    """Round to four digits, as JSON values."""
    return [_round(value) for value in values] if np.ndim(values) else round(float(values), 4)
