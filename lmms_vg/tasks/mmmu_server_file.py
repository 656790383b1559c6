"""MMMU's hidden test split: instead of a score, write the file of answers for its evaluation server."""

from __future__ import annotations

import json
from argparse import Namespace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from loguru import logger

from lmms_vg.host import failure
from lmms_vg.metrics import choice
from lmms_vg.tasks.metric_items import Doc, Item, counted, failed, model_failure, over_values
from lmms_vg.tasks.registry import TASKS


def results(doc: Doc, texts: list[str]) -> dict[str, Any]:
    """Return the answer to submit: a letter if the question has options, else the text; empty if no letter can be read."""
    if (reason := model_failure(doc, texts[0])) is not None:
        return failed(doc, reason, "submission", "unparseable")
    text: str | None = texts[0].strip()
    if doc["options"]:
        text = choice.extract(texts[0], doc["options"])
    answer = {"id": doc["uid"].removeprefix("mmmu/"), "answer": text or ""}
    return {"submission": answer, "unparseable": {"unparseable": not text}, **counted(doc, 1)}


@over_values
def write(items: list[Item], args: Namespace | None = None) -> int | None:
    """Write `submissions/mmmu_med_test_<model>_<time>.json` (id -> answer) under the output path.

    The path is only logged: as a value it would widen lmms-eval's table. If a question of the test split has no answer
    (`--limit`, partial data, failures), the file is named `partial_...` and a warning states how many answers it holds.

    Returns:
        The number of answers; None if there is none or the file cannot be written.
    """
    expected = TASKS["mmmu_med_test"].n
    now = datetime.now(timezone.utc).strftime("%Y%m%d_%H%M%S")
    partial = "" if len(items) == expected else "partial_"
    folder = Path(getattr(args, "output_path", None) or ".") / "submissions"
    path = folder / f"{partial}mmmu_med_test_{getattr(args, 'model', None) or 'model'}_{now}.json"
    text = json.dumps({item["id"]: item["answer"] for item in items}, indent=1)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", encoding="utf-8")
    except OSError as problem:
        failure.note(f"{path} could not be written: {problem.strerror}; name another --output_path")
        return None
    if partial:
        logger.warning(f"{path}: {len(items)} answers of {expected} questions: not to be submitted")
    else:
        logger.info(f"{path}: {len(items)} answers, for the evaluation server of MMMU")
    return len(items)
