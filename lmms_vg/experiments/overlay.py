"""Overlay pictures: asks a few questions with each model and draws where it looked."""

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
    """Write one picture a question into `out` and return the paths.

    All models show the same layer, that of the first model's lowest mean KL over the questions drawn (paper Sec. 2.2).
    """
    unknown = [model for model in models if model not in model_ids()]
    if unknown:
        raise ValueError(f"models {unknown}: allowed is {', '.join(model_ids())}")
    asked = questions(task, n, seed)
    maps: list[dict[str, np.ndarray]] = [{} for _ in asked]
    layer: int | None = None
    for model in models:
        family, method = model_ids()[model]
        answerer = build(family, method, **simple_parse_args_string(model_args))
        looks = [answerer.look(question) for question in asked]
        masks = [prompt.geometries[0].patch_mask(q.boxes) for q, (prompt, _) in zip(asked, looks, strict=True)]
        if layer is None:
            kl = [alignment.kl_divergence(mask.ravel(), look) for mask, (_, look) in zip(masks, looks, strict=True)]
            layer = alignment.best_layer(np.stack(kl))
        for shown, mask, (prompt, look) in zip(maps, masks, looks, strict=True):
            ratio = float(alignment.attention_ratio(look[layer], mask.ravel()))
            heat = prompt.geometries[0].to_pixels(look[layer].reshape(mask.shape))
            shown[f"{model}, layer {layer}, AR {ratio:.1f}"] = heat
    paths = []
    for number, (question, shown) in enumerate(zip(asked, maps, strict=True)):
        image = next(open_rgb(part) for part in question.message() if isinstance(part, Image.Image))
        path = out / f"{task}_{number:02d}.png"
        text = next(part for part in question.message() if isinstance(part, str))
        draw_overlay(image, question.boxes, shown, text.split(" Answer the question")[0], path)
        paths.append(path)
    return paths
