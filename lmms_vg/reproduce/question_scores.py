"""One value per question for any metric of the paper's tables, from which intervals are computed."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from loguru import logger

from lmms_vg.metrics import bertscore as bert
from lmms_vg.metrics import open_ended
from lmms_vg.metrics.bertscore_settings import BertScoreSettings
from lmms_vg.runs.lmms_eval_output import samples
from lmms_vg.runs.results import Run


class Values(NamedTuple):
    """Scores from 0 to 1 of the questions that have a value, with the image and the uid of each."""

    scores: list[float]
    images: list[str]
    uids: list[str]


def values(run: Run, task: str, metric: str) -> Values | None:
    """Return the values of a metric on a task; None if the metric needs BERTScore and its model is not available."""
    scored = run.tasks[task]
    if metric == scored.metric:
        return Values(list(scored.scores.values()), [scored.images[uid] for uid in scored.scores], list(scored.scores))
    lines = [line for line in samples(run.path, task) if "error" not in line["bleu1"]]
    images = [line["bleu1"]["image"] for line in lines]
    uids = [line["open_recall"]["uid"] for line in lines]
    bleu = [line["bleu1"]["score"] for line in lines]
    if metric == "bleu1":
        return Values(bleu, images, uids)
    answers, references = (tuple(line["bertscore"][side] for line in lines) for side in ("answer", "reference"))
    similar = _bertscore(answers, references, BertScoreSettings.from_environment())
    if similar is None:
        return None
    if metric == "bertscore":
        return Values(similar, images, uids)
    recalls = [line["open_recall"]["score"] for line in lines]
    return Values([open_ended.average(*three) for three in zip(bleu, similar, recalls, strict=True)], images, uids)


@cache  # the mean of the three metrics needs it too
def _bertscore(
    answers: tuple[str, ...], references: tuple[str, ...], settings: BertScoreSettings
) -> list[float] | None:
    """BERTScore with today's settings: samples have no value per question, and the run may have had no model."""
    try:
        return bert.bertscore(answers, references, settings)
    except Exception as problem:  # noqa: BLE001 - loading a model can fail in many ways; the other metrics must survive
        logger.warning(f"no BERTScore ({type(problem).__name__}): {problem}")
        return None
