"""MMMU's hidden test split: instead of a score, the file of answers that its evaluation server takes."""

import json
from argparse import Namespace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from loguru import logger

from lmms_vg.metrics import choice
from lmms_vg.tasks.items import Doc, Item, counted, failed, model_error, with_value
from lmms_vg.tasks.readers import READERS


def results(doc: Doc, texts: list[str]) -> dict[str, Any]:
    """The answer to submit: the letter where there are options, else the text. An unreadable letter is left empty."""
    if (error := model_error(doc)) is not None:
        return failed(doc, error, "submission", "unparseable")
    text: str | None = texts[0].strip()
    if doc["options"]:
        text = choice.extract(texts[0], doc["options"])
    answer = {"id": doc["uid"].removeprefix("mmmu/"), "answer": text or ""}
    return {"submission": answer, "unparseable": {"unparseable": not text}, **counted(doc, 1)}


def write(items: list[Item], args: Namespace | None = None) -> int:
    """Write ``submissions/mmmu_med_test_<model>_<time>.json``, id -> answer, under the output path: how many it holds.

    The path is logged; as a value it would make lmms-eval's table as wide as itself.

    Without an answer to every question of the test split (``--limit``, part of the data, failures) it is no submission:
    the file is named ``partial_...`` and a warning says how many are there. Errors: SystemExit if none has an answer.
    """
    good, expected = with_value(items), READERS["mmmu_med_test"].n
    folder = Path(getattr(args, "output_path", None) or ".") / "submissions"
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(timezone.utc).strftime("%Y%m%d_%H%M%S")
    partial = "" if len(good) == expected else "partial_"
    path = folder / f"{partial}mmmu_med_test_{getattr(args, 'model', None) or 'model'}_{now}.json"
    path.write_text(json.dumps({item["id"]: item["answer"] for item in good}, indent=1) + "\n", encoding="utf-8")
    if partial:
        logger.warning(f"{path}: {len(good)} answers of {expected} questions: not to be submitted")
    else:
        logger.info(f"{path}: {len(good)} answers, for the evaluation server of MMMU")
    return len(good)
