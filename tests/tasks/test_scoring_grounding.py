"""Alignment metrics of tasks: means against hand-computed values, and failed questions."""

from __future__ import annotations

from typing import Any

import pytest

from lmms_vg import journal
from lmms_vg.metrics.alignment import signature
from lmms_vg.tasks import metric_items as shared
from lmms_vg.tasks import scoring_grounding as alignment
from lmms_vg.tasks.document_fields import AXES

ALIGNMENT = ("ar", "kl", "js", "best_layer")


def doc(uid: str, answer: str = "No") -> dict[str, Any]:
    axes = dict.fromkeys(AXES, "")
    return {"task": "t", "uid": uid, "answer": answer, "image": f"demo:standard/{uid}"} | axes | {"modality": "CT"}


def remember(uid: str, error: str | None = None, **alignment: Any) -> None:
    code = error and "bad_box"
    journal.remember(
        journal.Record(key=uid, task="t", uid=uid, error=error, error_code=code, alignment=alignment or None)
    )


def three_layers(ar: list[float], kl: list[float], js: list[float]) -> dict[str, list[float]]:
    return {"ar": ar, "kl": kl, "js": js, "printed_ar": [value / 64 for value in ar]}


def measured(*uids: str) -> dict[str, list[Any]]:
    results = [alignment.results(doc(uid), ["text"]) for uid in uids]
    return {metric: [result[metric] for result in results] for metric in results[0]}


def aggregated(items: dict[str, list[Any]]) -> dict[str, Any]:
    return {
        metric: (getattr(alignment, metric, None) or getattr(shared, metric))(values)
        for metric, values in items.items()
    }


def test_means_are_taken_at_the_layer_of_lowest_mean_kl() -> None:
    remember("1", **three_layers([1.0, 2.0, 9.0], [3.0, 1.0, 2.0], [0.3, 0.1, 0.9]))
    remember("2", **three_layers([1.0, 5.0, 9.0], [3.0, 4.0, 2.0], [0.3, 0.2, 0.5]))
    # mean KL is 3, 2.5, 2: layer 2, although question 1 alone has its lowest KL at layer 1
    assert aggregated(measured("1", "2")) == {
        "ar": 9.0,
        "kl": 2.0,
        "js": pytest.approx(0.7),
        "best_layer": 2,
        "answered": 1.0,
        "n": 2,
    }


def test_failed_questions_are_counted_and_left_out() -> None:
    remember("1", **three_layers([4.0], [1.0], [0.2]))
    remember("2", error="the box is NaN")
    items = measured("1", "2", "3")
    assert items["ar"][1] == {"error": "the box is NaN", "error_code": "bad_box", "task": "t", "uid": "2"}
    assert items["ar"][2]["error_code"] == "model", "it left no record"
    values = aggregated(items)
    assert (values["ar"], values["kl"], values["js"], values["n"]) == (4.0, 1.0, 0.2, 1)
    assert values["answered"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
@pytest.mark.parametrize("name", ["ar", "kl", "js", "printed_ar"])
def test_a_value_that_is_no_number_fails_its_question(name: str, value: float | None) -> None:
    lists = three_layers([1.0, 2.0], [1.0, 2.0], [1.0, 2.0])
    remember("1", **{**lists, name: [1.0, value]})
    items = measured("1")
    assert all("error" in items[metric][0] for metric in ALIGNMENT)
    assert items["answered"] == [0]


@pytest.mark.parametrize(
    "broken", [{"ar": [1.0]}, {"ar": [1.0, 2.0, 3.0]}, {"kl": []}, {"js": 5}, {"printed_ar": None}]
)
def test_incomplete_alignment_fails_its_question(broken: dict[str, Any]) -> None:
    remember("1", **{**three_layers([1.0, 2.0], [1.0, 2.0], [1.0, 2.0]), **broken})
    assert "error" in measured("1")["kl"][0]


def test_answer_without_alignment_is_no_measurement() -> None:
    remember("1")
    assert measured("1")["ar"][0]["error"] == "the record has no alignment values"


def test_nothing_measured_has_no_value() -> None:
    values = aggregated(measured("1", "2"))
    assert values == dict.fromkeys(ALIGNMENT) | {"answered": 0.0, "n": 0}


def test_samples_keep_whole_layer_lists() -> None:
    lists = three_layers([1.0, 2.0], [3.0, 4.0], [5.0, 6.0])
    remember("1", **lists)
    result = alignment.results(doc("1"), [""])
    named = {"uid": "1", "image": "demo:standard/1", "about": {"modality": "CT"}}  # so it can be resampled by image
    rule = {"rule": signature(version=1)}  # a record that states no version is of the first
    assert result["ar"] == {name: lists[name] for name in ("ar", "kl", "printed_ar")} | named | rule | {"version": 1}
    assert result["js"] == {name: lists[name] for name in ("js", "kl")} | rule


def test_items_carry_the_rule_their_question_was_measured_by() -> None:
    remember("1", **three_layers([1.0, 2.0], [3.0, 4.0], [5.0, 6.0]), version=7)
    result = alignment.results(doc("1"), [""])
    assert [result[metric]["rule"] for metric in ALIGNMENT] == [signature(version=7)] * 4
    assert result["ar"]["version"] == 7


def test_records_of_another_task_are_not_used() -> None:
    remember("1", **three_layers([1.0], [1.0], [1.0]))
    result = alignment.results(doc("1") | {"task": "other"}, [""])
    assert "error" in result["ar"]
