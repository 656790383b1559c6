"""Group means as lmms-eval computes them; metrics that write files or load models are left out."""

from __future__ import annotations

from lmms_eval.api.metrics import aggregate_subtask_metrics

from lmms_vg.journal import Record
from lmms_vg.tasks import rescore
from lmms_vg.tasks.documents import documents
from lmms_vg.tasks.registry import TASKS

HARD = "vqa_demo_hard"


def lines(say: str) -> list[rescore.Line]:
    docs = list(documents(HARD, TASKS[HARD].read, None))
    return list(rescore.score(HARD, [(doc, Record(key="", task=HARD, uid=doc["uid"], text=say)) for doc in docs]))


def test_weighed_by_questions_as_lmms_eval_does() -> None:
    values = {"vqa_rad_closed": 0.5, "slake_closed": 0.25, "pathvqa_closed": 0.75, "pmc_vqa": 1.0}
    sizes = {"vqa_rad_closed": 1297, "slake_closed": 2781, "pathvqa_closed": 3362, "pmc_vqa": 2000}
    items = rescore.group_means("medvqa", {task: {"acc": value} for task, value in values.items()}, sizes)
    expected = aggregate_subtask_metrics(list(values.values()), list(sizes.values()), True)
    assert items == {"acc": expected}
    right = 0.5 * 1297 + 0.25 * 2781 + 0.75 * 3362 + 2000
    assert abs(items["acc"] - right / 9440) < 1e-12


def test_a_groups_own_weights() -> None:
    """MMMU's weights are those of the test split, whatever was asked."""
    members = [
        "basic_medical_science",
        "clinical_medicine",
        "diagnostics_and_laboratory_medicine",
        "pharmacy",
        "public_health",
    ]
    values = {f"mmmu_med_{name}": {"acc": number / 5} for number, name in enumerate(members)}
    items = rescore.group_means("mmmu_med", values, dict.fromkeys(values, 30))
    assert abs(items["acc"] - (325 * 0.2 + 162 * 0.4 + 430 * 0.6 + 509 * 0.8) / 1752) < 1e-12


def test_a_group_that_is_not_averaged() -> None:
    assert rescore.group_means("vqa_rad", {}, {}) == {}


def test_what_was_said_is_scored() -> None:
    items = lines("yes")
    assert all(line["acc"]["extracted"] == "yes" for line in items)
    right = sum(line["target"] == "yes" for line in items)
    means = dict(rescore.means(HARD, items))
    assert means["acc"] == right / 300
    assert "acc" not in dict(rescore.means(HARD, items, without={"acc"}))
    assert items[0]["input"].endswith("Answer the question using a single word or phrase.")


def test_nothing_is_left_in_the_process() -> None:
    """A second task's answers must not be scored with the first one's records."""
    from lmms_vg import journal

    items = lines("yes")
    assert journal.recall(HARD, items[0]["acc"]["uid"]) is None


def test_the_records_of_a_run_in_the_process_stay() -> None:
    """Another task is scored again between answering and scoring."""
    from lmms_vg import journal

    record = Record(key="k", task="vqa_rad_closed", uid="u", text="of the run")
    journal.remember(record)
    lines("yes")
    assert journal.recall("vqa_rad_closed", "u") == record


def test_categories_are_not_logged_again() -> None:
    from loguru import logger

    messages: list[str] = []
    number = logger.add(messages.append, level="INFO")
    try:
        task, axis = "vqa_rad_closed", {"organ": "HEAD", "question_type": "PRES"}
        doc = next(iter(documents(HARD, TASKS[HARD].read, None))) | {"task": task} | axis
        record = Record(key="", task=task, uid=doc["uid"], text="yes")
        assert "macro_organ" in dict(rescore.means(task, list(rescore.score(task, [(doc, record)]))))
        assert messages == []
        rescore.definition(task)["metric_list"][3]["aggregation"](
            [line["macro_organ"] for line in rescore.score(task, [(doc, record)])]
        )
        assert len(messages) == 1, "as at the end of a run"
    finally:
        logger.remove(number)
