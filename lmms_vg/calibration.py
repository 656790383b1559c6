"""Ranking heads by how well they ground: the list VGRefine's triage uses (paper, Sec. 4.1 and supplement D).

Calibration is a plain run with per-head alignment values in the journal, so it resumes like any run. Heads are ranked by
mean KL, each divided by its own reference map; the knockout layer proposed is the one of lowest mean layer KL.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
from tqdm import tqdm

from lmms_vg.answering import Question
from lmms_vg.engine import build, versions
from lmms_vg.journal import read_records
from lmms_vg.methods.head_lists import HeadList
from lmms_vg.models.checkpoint import shape_of


def calibrate(family: str, pretrained: str, data: str, asked: list[Question], seed: int, keep: int = 20) -> HeadList:
    """Ask every question with the plain model and rank all heads; `keep` of them go into the list, best first.

    Raises:
        ValueError: no question could be measured.
    """
    answerer = build(family, "plain", pretrained=pretrained, heads=True)
    answers = tqdm(answerer.answer(asked), total=len(asked), desc="calibrating heads")
    keys = [record.key for _, record in answers if record.error is None]
    wanted = set(keys)
    by_key = {
        record.key: record.alignment
        for record in read_records(sorted(answerer.journal.folder.glob("rank*.jsonl")))
        if record.key in wanted and record.alignment and "heads" in record.alignment
    }
    measured = [by_key[key] for key in keys]
    if not measured:
        raise ValueError(f"none of the {len(asked)} questions could be measured; reasons: {answerer.journal.folder}")
    heads = np.mean([values["heads"]["kl"] for values in measured], axis=0)
    ratio = np.mean([values["heads"]["ar"] for values in measured], axis=0)
    layers = np.mean([values["kl"] for values in measured], axis=0)
    order = sorted(np.ndindex(*heads.shape), key=lambda place: (heads[place], place))[:keep]
    shape = shape_of(pretrained)
    return HeadList(
        models=[pretrained if not Path(pretrained).is_dir() else Path(pretrained).name],
        num_layers=shape.layers,
        num_heads=shape.heads,
        heads=[(int(layer), int(head)) for layer, head in order],
        layers=[int(layers.argmin())],
        source=f"calibrated with lmms_vg on {data}: lowest mean KL per head, lowest mean layer KL",
        provenance={
            "data": data,
            "n": len(measured),
            "seed": seed,
            "family": family,
            "date": date.today().isoformat(),
            "versions": versions(),
            "kl": [round(float(heads[place]), 4) for place in order],
            "ar": [round(float(ratio[place]), 4) for place in order],
            "layer_kl": [round(float(value), 4) for value in layers],
        },
    )
