"""Ask each model a few questions and draw where it looked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from lmms_eval.utils import simple_parse_args_string

from lmms_vg._util.atomic_files import replace_file
from lmms_vg.experiments.boxed_questions import questions
from lmms_vg.extensions.registered import model_ids
from lmms_vg.inference.look import Look, Looks
from lmms_vg.inference.model import load
from lmms_vg.inference.question import Question
from lmms_vg.metrics.alignment import best_layer
from lmms_vg.runs.plots.overlay import draw_overlay
from lmms_vg.tasks.prompts import INSTRUCTION


def draw(
    models: list[str],
    model_args: str,
    task: str,
    n: int,
    seed: int,
    out: Path,
    layer: int | None = None,
    uid: str = "",
) -> list[Path]:
    """Write one picture per question into `out` and return the paths.

    All methods of a family show the same layer: `layer`, or the one with the lowest mean KL of its first method over these
    questions (paper, Sec. 2.2). With `uid` that question is asked alone.

    Raises:
        ValueError: A model, the task, the question or the layer is unknown, or no question has a box.
    """
    unknown = [model for model in models if model not in model_ids()]
    if unknown:
        raise ValueError(f"models {unknown}: allowed is {', '.join(model_ids())}")
    sample = questions(task, n, seed) if not uid else [question for question in questions(task) if question.uid == uid]
    if not sample:
        raise ValueError(f"--uid {uid}: {task} has no question of this name that has a box")
    families = dict.fromkeys(model_ids()[model][0] for model in models)
    asked = {
        family: _looks(family, [model_ids()[m][1] for m in models if model_ids()[m][0] == family], model_args, sample)
        for family in families
    }
    layers = {
        family: _layer([next(iter(looks.values())) for looks in of_family]) if layer is None else layer
        for family, of_family in asked.items()
    }
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(len(sample)):
        shown = [(family, asked[family][number][method]) for family, method in map(model_ids().__getitem__, models)]
        panels = [look.panel(layers[family], f"{family}_{look.method}") for family, look in shown]
        site = shown[0][1].site
        title = site.question.removesuffix(INSTRUCTION).strip()
        path = out / f"{Path(task).stem}_{number:02d}.png"
        replace_file(path, draw_overlay(site.image, site.boxes, panels, title))
        paths.append(path)
    return paths


def _looks(family: str, methods: list[str], model_args: str, sample: list[Question]) -> list[Looks]:
    with load(family, methods=methods, **simple_parse_args_string(model_args)) as model:
        return [model.look(question) for question in sample]


def _layer(looks: list[Look]) -> int:
    return best_layer(np.stack([look.alignment.kl for look in looks if look.alignment is not None]))
