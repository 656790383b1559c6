"""What is looked at before the questions of a run are asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from loguru import logger

from lmms_vg.datasets.leaks import sources
from lmms_vg.host import options
from lmms_vg.host.failure import failed
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.question import Question
from lmms_vg.methods.head_lists import leaking


def require_no_other_seed(questions: Iterable[Question]) -> None:
    """Samples are drawn by the seed of the generation settings; runs of another `--seed` would be the same run."""
    if "seed" in options.given() and any(question.decoding.do_sample for question in questions):
        raise failed(f"lmms_vg: {options.shown('seed')}")


def require_boxes(answerer: Answerer, questions: Sequence[Question]) -> None:
    """A method that needs boxes where no question has any fails at once; beside others it is not asked at all."""
    if not questions or any(question.boxes for question in questions):
        return
    name = answerer.main.method.name
    if answerer.main.method.needs_boxes:
        tasks = ", ".join(sorted({question.task for question in questions}))
        raise failed(
            f"lmms_vg: {name} needs annotated boxes, and no question of {tasks} has any; leave {name} out, or ask tasks "
            "with boxes: vgmed, vgmed_coco, vgmed_demo, vqa_demo"
        )
    answerer.method_runs = [one for one in answerer.method_runs if not one.method.needs_boxes]


def warn_of_leaks(answerer: Answerer, images: Iterable[str], rank: int) -> None:
    """Heads that were ranked on the images asked about, or may have been, make results too good."""
    method = answerer.main.method
    ranked_on = getattr(method, "leaks", ())  # methods without heads have none
    found = leaking(ranked_on, sources(images)) if ranked_on else set()
    if found:
        answerer.journal.provenance["leaks"] = sorted(found)
    if found and rank == 0:
        logger.warning(
            f"the heads of {method.name} were, or may have been, ranked on images of {', '.join(sorted(found))}, which are "
            "asked about here: results may be too good. Where the heads come from: lmms-vg heads show; to rank them on "
            "other images: lmms-vg heads calibrate --data coco"
        )
