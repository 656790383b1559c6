"""One value a question, under any metric of the paper's tables: what an interval is made of."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from loguru import logger

from lmms_vg.metrics import bertscore as bert
from lmms_vg.metrics import open_ended
from lmms_vg.runs.lmms_eval_output import samples
from lmms_vg.runs.results import Run


class Values(NamedTuple):
    """Scores from 0 to 1 of the questions that have one, and the image of each."""

    scores: list[float]
    images: list[str]


def values(run: Run, task: str, metric: str) -> Values | None:
    """None where the metric needs BERTScore, and its model is not to be had."""
    scored = run.tasks[task]
    if metric == scored.metric:
        return Values(list(scored.scores.values()), [scored.images[uid] for uid in scored.scores])
    lines = [line for line in samples(run.path, task) if "error" not in line["bleu1"]]
    images = [line["bleu1"]["image"] for line in lines]
    bleu = [line["bleu1"]["score"] for line in lines]
    if metric == "bleu1":
        return Values(bleu, images)
    answers, references = (tuple(line["bertscore"][side] for line in lines) for side in ("answer", "reference"))
    similar = _bertscore(answers, references, bert.BertScoreSettings.from_environment())
    if similar is None:
        return None
    if metric == "bertscore":
        return Values(similar, images)
    recalls = [line["open_recall"]["score"] for line in lines]
    return Values([open_ended.average(*three) for three in zip(bleu, similar, recalls, strict=True)], images)


@cache  # the mean of the three metrics asks for it too
def _bertscore(
    answers: tuple[str, ...], references: tuple[str, ...], settings: bert.BertScoreSettings
) -> list[float] | None:
    """Computed here, as it is set now: samples hold none of single questions, and there may have been no model then."""
    try:
        return bert.bertscore(answers, references, settings)
    except Exception as problem:  # noqa: BLE001 - a model of its own can fail in many ways; the other metrics must stand
        logger.warning(f"no BERTScore ({type(problem).__name__}): {problem}")
        return None
