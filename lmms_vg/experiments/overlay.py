"""Ask each model a few questions and draw where it looked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from lmms_eval.utils import simple_parse_args_string
from PIL import Image

from lmms_vg.experiments.boxed_questions import questions
from lmms_vg.extensions.registered import model_ids
from lmms_vg.inference.build import build
from lmms_vg.metrics import alignment
from lmms_vg.runs.plots.overlay import draw_overlay
from lmms_vg.vision.images import open_rgb


def draw(models: list[str], model_args: str, task: str, n: int, seed: int, out: Path) -> list[Path]:
    """Write one picture per question into `out` and return the paths.

    All models show the same layer: the one with the first model's lowest mean KL over these questions (paper, Sec. 2.2).

    Raises:
        ValueError: A model or the task is unknown, or no question has a box.
    """
    unknown = [model for model in models if model not in model_ids()]
    if unknown:
        raise ValueError(f"models {unknown}: allowed is {', '.join(model_ids())}")
    sample = questions(task, n, seed)
    maps: list[dict[str, np.ndarray]] = [{} for _ in sample]
    layer: int | None = None
    for model in models:
        family, method = model_ids()[model]
        answerer = build(family, method, **simple_parse_args_string(model_args))
        looks = [answerer.look(question) for question in sample]
        masks = [prompt.images[0].views[0].patch_mask(q.boxes) for q, (prompt, _) in zip(sample, looks, strict=True)]
        if layer is None:
            kl = [alignment.kl_divergence(mask.ravel(), look) for mask, (_, look) in zip(masks, looks, strict=True)]
            layer = alignment.best_layer(np.stack(kl))
        for panels, mask, (prompt, look) in zip(maps, masks, looks, strict=True):
            ratio = float(alignment.attention_ratio(look[layer], mask.ravel()))
            heat = prompt.images[0].views[0].to_pixels(look[layer].reshape(mask.shape))
            panels[f"{model}, layer {layer}, AR {ratio:.1f}"] = heat
    paths = []
    for number, (question, panels) in enumerate(zip(sample, maps, strict=True)):
        image = next(open_rgb(part) for part in question.message() if isinstance(part, Image.Image))
        path = out / f"{Path(task).stem}_{number:02d}.png"
        text = next(part for part in question.message() if isinstance(part, str))
        draw_overlay(image, question.boxes, panels, text.split(" Answer the question")[0], path)
        paths.append(path)
    return paths
