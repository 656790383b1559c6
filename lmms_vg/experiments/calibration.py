"""Ranking heads by how well they ground: the list VGRefine's triage uses (paper, Sec. 4.1 and supplement D).

Calibration is a plain run with per-head alignment values in the journal, so it resumes like any run. Heads are ranked by
mean KL (or AR, JS), each divided by its own reference map; the knockout layer proposed is the one of lowest mean layer KL.
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

from lmms_vg.experiments.boxed_questions import Annotated
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.build import build, split_arguments
from lmms_vg.journal import check_home, read_records
from lmms_vg.methods.head_lists import Bootstrap, HeadList, Scores, Stability
from lmms_vg.metrics.head_ranking import METRICS, By, HeadSums
from lmms_vg.models import FAMILIES
from lmms_vg.models.checkpoint import locate

#: Resamples of the images, for the stability of a list.
RESAMPLES = 1000

#: Images below which resampling says nothing: of a single one every resample is the same.
FEWEST = 10


def calibrate(
    family: str, arguments: Mapping[str, Any], sample: Annotated, seed: int = 0, keep: int = 20, by: By = "kl"
) -> HeadList:
    """Ask every question with the plain model and rank all heads; `keep` of them go into the list, best first.

    Args:
        arguments: of `--model_args`.
        seed: of the resamples and halves; the sample has been drawn with the same.

    Raises:
        ValueError: a wrong argument, more heads to keep than there are, or no question could be measured.
    """
    settings, _ = split_arguments("plain", dict(arguments))
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
    images = measure(answerer, sample, sums)
    found, means, layer_kl = sums.ranking(keep), sums.means(), sums.layer_kl()
    overlap = sums.overlap(keep)
    answerer.close()
    ran = answerer.journal.provenance
    return HeadList(
        models=[pretrained if not Path(pretrained).is_dir() else Path(pretrained).resolve().name],
        num_layers=shape.layers,
        num_heads=shape.heads,
        heads=found,
        layers=[int(layer_kl.argmin())],
        source=f"calibrated with lmms_vg on {sample.data}: {_RULES[by]} per head, lowest mean layer KL",
        leaks=sample.leaks,
        scores=Scores(
            **{name: [_round(means[name][place]) for place in found] for name in METRICS},
            layer_kl=_round(layer_kl),
            all_kl=_round(means["kl"]),
        ),
        stability=None
        if images < FEWEST
        else Stability(
            bootstrap=Bootstrap(resamples=RESAMPLES, mean=_round(overlap.mean), p5=_round(overlap.p5)),
            halves=None if overlap.halves is None else _round(overlap.halves),
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
            **{name: ran[name] for name in ("weights", "dtype", "device", "geometry", "rows", "versions")},
            "date": date.today().isoformat(),
        },
    )


_RULES: dict[By, str] = {"kl": "lowest mean KL", "ar": "highest mean AR", "js": "lowest mean JS"}


def measure(answerer: Answerer, sample: Annotated, sums: HeadSums) -> int:
    """Ask all questions and add up what the journal then holds of them, one by one; returns the number of images."""
    answers = tqdm(answerer.answer(sample.questions), total=len(sample.questions), desc="calibrating heads")
    wanted = Counter(record.key for _, record in answers)
    images = set()
    for record in read_records(sorted(answerer.journal.folder.glob("rank*.jsonl"))):
        if record.key in wanted and record.alignment and "heads" in record.alignment:
            sums.add(record.image, record.alignment["heads"], record.alignment["kl"], wanted.pop(record.key))
            images.add(record.image)
    failed = len(sample.questions) - sums.n
    if not sums.n:
        raise ValueError(f"none of the {failed} questions could be measured; reasons: {answerer.journal.folder}")
    if failed:
        logger.warning(
            f"{failed} of {len(sample.questions)} questions were not measured; reasons: {answerer.journal.folder}"
        )
    return len(images)


def _revision(pretrained: str, revision: str | None) -> str | None:
    """The commit of a hub checkpoint where its cache knows it; a folder has none."""
    if Path(locate(pretrained)).is_dir():
        return revision
    cached = try_to_load_from_cache(pretrained, "config.json", revision=revision)
    return Path(cached).parent.name if isinstance(cached, str) else revision


def _round(values: Any) -> Any:
    """To four digits, as JSON values."""
    return [_round(value) for value in values] if np.ndim(values) else round(float(values), 4)
