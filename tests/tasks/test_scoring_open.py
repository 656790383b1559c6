"""Scoring of open answers: items, means, and a BERTScore that is not available."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny_bert

from lmms_vg import journal
from lmms_vg.metrics import bertscore
from lmms_vg.tasks import metric_items, scoring_open


def doc(uid: str, answer: str) -> dict[str, Any]:
    about = {"modality": "CT", "organ": "", "content_type": "", "question_type": ""}
    return {"task": "slake_open", "uid": uid, "answer": answer, "image": f"slake:{uid}"} | about


def scored(*pairs: tuple[str, str]) -> dict[str, list[Any]]:
    results = [scoring_open.results(doc(str(i), reference), [text]) for i, (text, reference) in enumerate(pairs)]
    return {metric: [result[metric] for result in results] for metric in results[0]}


@pytest.fixture(autouse=True)
def fresh() -> None:
    scoring_open._once.cache_clear()


@pytest.fixture
def bert(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A BERTScore of 0.5 for everything; the list holds the number of answers per call."""
    calls: list[int] = []

    def half(answers: tuple[str, ...], references: tuple[str, ...], settings: object) -> list[float]:
        calls.append(len(answers))
        return [0.5] * len(answers)

    monkeypatch.setattr(bertscore, "bertscore", half)
    return calls


def test_means_by_hand(bert: list[int]) -> None:
    """The second answer has one of two words of its reference, and two words in total."""
    items = scored(("The liver.", "the liver"), ("left kidney", "left lung"))
    assert metric_items.mean_score(items["open_recall"]) == pytest.approx((1 + 0.5) / 2)
    assert metric_items.mean_score(items["bleu1"]) == pytest.approx((1 + 0.5) / 2)
    assert metric_items.mean_score(items["exact_match"]) == 0.5
    assert scoring_open.bertscore(items["bertscore"]) == 0.5
    assert scoring_open.average(items["average"]) == pytest.approx((0.75 + 0.5 + 0.75) / 3)
    assert bert == [2], "two metrics, one computation"
    assert items["open_recall"][0]["about"] == {"modality": "CT"}
    assert items["open_recall"][0]["uid"] == "0"


def test_repeated_words_count_once_in_recall_and_each_time_in_llava_meds() -> None:
    items = scored(("left left left", "left lung"))
    assert metric_items.mean_score(items["open_recall"]) == 0.5
    assert metric_items.mean_score(items["llava_med_recall"]) == 0.75


@pytest.mark.parametrize(
    "error", [bertscore.BertScoreUnavailable("weights"), RuntimeError("out of memory"), AttributeError("layers")]
)
def test_without_its_model_bertscore_has_no_value_and_the_rest_stands(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def unavailable(*_: object) -> list[float]:
        raise error

    monkeypatch.setattr(bertscore, "bertscore", unavailable)
    lines: list[str] = []
    handler = scoring_open.logger.add(lambda line: lines.append(str(line)), level="WARNING", format="{message}")
    items = scored(("liver", "liver"))
    assert scoring_open.bertscore(items["bertscore"]) is None
    assert scoring_open.average(items["average"]) is None
    scoring_open.logger.remove(handler)
    assert len(lines) == 1, "said once, not for every metric"
    assert lines[0].startswith(f"no BERTScore ({type(error).__name__}): {error}\n")
    assert metric_items.mean_score(items["bleu1"]) == 1.0


def test_no_reference_and_failures_have_no_value(bert: list[int]) -> None:
    """SLAKE has one open question with an empty reference."""
    journal.remember(journal.Record(key="k", task="slake_open", uid="1", error="boom", error_code="model"))
    items = scored(("liver", ""), ("liver", "liver"), ("liver", "liver"))
    assert "empty" in items["bleu1"][0]["error"]
    assert items["average"][1]["error"] == "boom"
    assert metric_items.n(items["n"]) == 1
    assert scoring_open.bertscore(items["bertscore"]) == 0.5
    assert bert == [1]


def test_no_answer_at_all_has_no_value(bert: list[int]) -> None:
    items = scored(("liver", ""))
    assert (scoring_open.average(items["average"]), scoring_open.bertscore(items["bertscore"])) == (None, None)
    assert bert == []


def test_with_a_real_if_tiny_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library itself, called as a user would, gives an equal answer 1 and another one less."""
    tiny_bert.save(tmp_path / "bert", model_max_length=tiny_bert.LENGTH)
    monkeypatch.setenv("LMMS_VG_BERTSCORE", f"model={tmp_path / 'bert'},layer=2")
    same = scoring_open.bertscore(scored(("left lung", "left lung"))["bertscore"])
    assert same == pytest.approx(1, abs=1e-5)
    items = scored(("left lung", "left lung"), ("heart", "left lung"))
    other = scoring_open.bertscore(items["bertscore"])
    assert other is not None
    assert other < 0.99
    assert scoring_open.average(items["average"]) == pytest.approx((0.5 + other + 0.5) / 3)
