"""Pictures of where models look: one layer per family, and each model's own map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmms_vg.experiments import overlay
from lmms_vg.experiments.boxed_questions import questions
from lmms_vg.inference.build import build
from lmms_vg.runs.plots.overlay import Panel


def test_families_have_a_layer_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one of lowest mean KL of the first method, as a measurement of the same questions gives it."""
    drawn: list[list[Panel]] = []
    monkeypatch.setattr(overlay, "draw_overlay", lambda image, boxes, panels, title: drawn.append(panels) or b"png")
    models = ["llava_vgrefine", "huatuo_plain", "llava_plain"]
    paths = overlay.draw(models, "pretrained=demo", "vgmed_demo", 3, 0, tmp_path / "new")
    assert [path.read_bytes() for path in paths] == [b"png"] * 3
    sample = questions("vgmed_demo", 3, 0)
    for place, (family, method) in enumerate([("llava", "vgrefine"), ("huatuo", "plain"), ("llava", "plain")]):
        first = "vgrefine" if family == "llava" else "plain"
        records = {name: measured(family, name, sample) for name in {first, method}}
        layer = int(np.mean([record["kl"] for record in records[first]], axis=0).argmin())
        for panels, record in zip(drawn, records[method], strict=True):
            assert (
                panels[place].title.splitlines()[0] == f"{family}_{method}, layer {layer}, AR {record['ar'][layer]:.2f}"
            )


def measured(family: str, method: str, sample: list[Any]) -> list[dict[str, Any]]:
    answerer = build(family, method, pretrained="demo")
    answers = dict(answerer.answer(sample))
    answerer.close()
    return [answers[question].alignment or {} for question in sample]
