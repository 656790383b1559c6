"""Checks before the questions of a run are asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from loguru import logger

from lmms_vg.datasets.leaks import sources
from lmms_vg.host import options
from lmms_vg.host.failure import failed
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.image_controls import ImageControl
from lmms_vg.inference.job import gather
from lmms_vg.inference.requests import Requests
from lmms_vg.methods.base import Method
from lmms_vg.methods.head_lists import leaking


def require_one_seed(asked: Requests, sampling_seed: int | None) -> None:
    """Refuse seeds that would change nothing: `--seed`, a second one, and any when nothing is sampled.

    Raises:
        RunFailed: `--seed` was given and a question is sampled, `sampling_seed` and no question is sampled, or `sampling_seed`
            and the seed in `--gen_kwargs`.
    """
    if "seed" in options.given() and asked.sampling:
        raise failed(f"lmms_vg: {options.shown('seed')}")
    if sampling_seed is None:
        return
    settings = options.given().get("gen_kwargs")
    if isinstance(settings, Mapping) and "seed" in settings:
        raise failed(
            f"lmms_vg: sampling_seed={sampling_seed}, but --gen_kwargs has seed={settings['seed']}; give the model "
            "argument alone"
        )
    if asked.tasks and not asked.sampling:
        raise failed(
            f"lmms_vg: sampling_seed={sampling_seed}: no question of {', '.join(sorted(asked.tasks))} is sampled, so it would "
            "change nothing; leave it out, or run tasks that sample, such as vqa_rad_chen"
        )


def require_boxes(answerer: Answerer, asked: Requests) -> None:
    """Fail at once if the main method or the control needs boxes and no question has any; drop further methods that do.

    All ranks must call this together.

    Raises:
        RunFailed: the main method or the control needs boxes and no question of any rank has any.
    """
    if any(gather(asked.boxed)) or not asked.tasks:
        return
    needing: list[Method | ImageControl] = [answerer.main.method, *([answerer.control] if answerer.control else [])]
    if name := next((part.name for part in needing if part.needs_boxes), ""):
        raise failed(
            f"lmms_vg: {name} needs annotated boxes, and no question of {', '.join(sorted(asked.tasks))} has any; leave {name} "
            "out, or run tasks with boxes: vgmed, vgmed_coco, vgmed_demo, vqa_demo"
        )
    answerer.method_runs = [run for run in answerer.method_runs if not run.method.needs_boxes]


def warn_of_leaks(answerer: Answerer, images: Iterable[str], rank: int) -> None:
    """Warn if the heads were, or may have been, ranked on images of these questions: results may then be too good."""
    method = answerer.main.method
    ranked_on = getattr(method, "leaks", ())  # methods without heads have none
    leaks = leaking(ranked_on, sources(images)) if ranked_on else set()
    if leaks:
        answerer.journal.provenance["leaks"] = sorted(leaks)
    if leaks and rank == 0:
        logger.warning(
            f"the heads of {method.name} were, or may have been, ranked on images of {', '.join(sorted(leaks))}, which "
            "this run asks about: results may be too good. To see where the heads come from: lmms-vg heads show; to rank them "
            "on other images: lmms-vg heads calibrate --data coco"
        )
