"""Reports against numbers worked by hand; every table must be one."""

from __future__ import annotations

from pathlib import Path

import pytest
from saved_run import RULE, closed, failed, opened, save, tables

from lmms_vg.metrics.statistics import cluster_interval, signature
from lmms_vg.study.report import report
from lmms_vg.study.runs import read_run


def made(folder: Path) -> tuple[str, list[list[list[str]]]]:
    text = report(read_run(folder))
    return text, tables(text)


def test_pooled_and_macro_of_a_group(tmp_path: Path) -> None:
    """3 of 4 and 1 of 6: pooled 4 of 10, the mean of the parts (.75 + .1667) / 2."""
    a = [closed(f"q{i}", int(i < 3)) for i in range(4)]
    b = [closed(f"q{i}", int(i < 1), read=i < 4) for i in range(6)] + [failed("q6")]
    save(tmp_path, {"a": a, "b": b}, groups={"both": ["a", "b"]})
    text, (overview,) = made(tmp_path)
    head, *rows = overview
    assert head == ["task", "metric", "n", "failed", "unparseable", "score (micro)", "95% interval", "macro over parts"]
    assert [row[:6] + row[7:] for row in rows] == [
        ["a", "acc", "4", "0", "0.000", "0.7500", ""],
        ["b", "acc", "6", "1", "0.333", "0.1667", ""],
        ["both", "acc", "10", "1", "0.200", "0.4000", "0.4583"],
    ]
    assert text.startswith("# huatuo_plain (pretrained=demo)\n\n`20260101_120000_results.json`\n\n| task")
    assert "estricted" not in text


def test_intervals_go_by_image(tmp_path: Path) -> None:
    """Ten images of four questions, all alike: from single questions the interval would be half as wide."""
    scores, images = [i % 2 for i in range(10) for _ in range(4)], [f"i{i}" for i in range(10) for _ in range(4)]
    lines = [closed(f"q{i}", score, image) for i, (score, image) in enumerate(zip(scores, images, strict=True))]
    save(tmp_path, {"a": lines, "b": lines[:1]})
    text, (overview,) = made(tmp_path)
    low, high = cluster_interval(scores, images)
    alone_low, alone_high = cluster_interval(scores, range(40))
    assert high - low > 1.5 * (alone_high - alone_low)
    assert [row[6] for row in overview[1:]] == [f"{low:.4f} to {high:.4f}", "one image"]
    assert text.endswith(f"\n- `{signature()}`\n")
    assert f"\n- `{RULE}`\n" in text


def test_categories_add_up(tmp_path: Path) -> None:
    """Chest 2 of 3, Head 0 of 1, and one question without a value: micro 3 of 5, macro (2/3 + 0 + 1) / 3."""
    lines = [
        closed("q1", 1, organ="Chest", modality="CT"),
        closed("q2", 1, organ="Chest", modality="CT"),
        closed("q3", 0, organ="Chest", modality="CT"),
        closed("q4", 0, organ="Head", modality="CT"),
        closed("q5", 1, modality="CT"),
        failed("q6"),
    ]
    save(tmp_path, {"t": lines})
    _, (_, organs) = made(tmp_path)
    assert organs == [
        ["t by organ", "n", "acc"],
        ["(none)", "1", "1.0000"],
        ["Chest", "3", "0.6667"],
        ["Head", "1", "0.0000"],
        ["micro", "5", "0.6000"],
        ["macro", "3 categories", "0.5556"],
    ], "modality has one value only, and tells nothing"


def test_pipes_do_not_break_tables(tmp_path: Path) -> None:
    save(tmp_path, {"t": [closed("q1", 1, question_type="size | shape"), closed("q2", 0, question_type="other")]})
    _, (_, types) = made(tmp_path)
    assert types[0][0] == "t by question type"
    assert ["size / shape", "1", "1.0000"] in types


def test_open_metrics_and_those_that_are_not_to_be_had(tmp_path: Path) -> None:
    means = {
        "bleu1": 0.25,
        "open_recall": 0.5,
        "bertscore": None,
        "average": None,
        "token_f1": 0.4,
        "bleu1_stderr": "N/A",
    }
    lines = [opened("q1", 0.25, "a"), opened("q2", 0.75, "b"), failed("q3", "bleu1", "open_recall", "bertscore")]
    whole = {
        "t": means,
        "u": means | {"bertscore": 0.625, "average": 0.4583, "exact_match": 0, "llava_med_recall": 1.0},
    }
    save(tmp_path, {"t": lines, "u": lines[:2]}, means=whole, groups={"both": ["t", "u"]})
    _, (overview, opens) = made(tmp_path)
    assert [row[:6] for row in overview[1:]] == [
        ["t", "open_recall", "2", "1", "", "0.5000"],
        ["u", "open_recall", "2", "0", "", "0.5000"],
        ["both", "open_recall", "4", "1", "", "0.5000"],
    ]
    without = "not available"
    assert opens == [
        [
            "open questions",
            "bleu1",
            "bertscore",
            "open_recall",
            "average",
            "llava_med_recall",
            "token_f1",
            "exact_match",
        ],
        ["t", "0.2500", without, "0.5000", without, without, "0.4000", without],
        ["u", "0.2500", "0.6250", "0.5000", "0.4583", "1.0000", "0.4000", "0.0000"],
    ]


def test_closed_and_open_together_have_no_mean(tmp_path: Path) -> None:
    save(tmp_path, {"a": [closed("q1", 1)], "b": [opened("q1", 0.5)]}, groups={"both": ["a", "b"]})
    _, (overview, _) = made(tmp_path)
    assert [row[0] for row in overview] == ["task", "a", "b"]


def test_task_without_one_answer(tmp_path: Path) -> None:
    save(tmp_path, {"a": [failed("q1"), failed("q2")], "b": [closed("q1", 1)]}, groups={"both": ["a", "b"]})
    _, (overview,) = made(tmp_path)
    assert overview[1] == ["a", "acc", "0", "2", "", "", "", ""]
    assert [row[0] for row in overview] == ["task", "a", "b"], "half a group is no group"


@pytest.mark.parametrize("partial", [False, True])
def test_restricted_runs_say_so_in_bold(tmp_path: Path, partial: bool) -> None:
    line = closed("q1", 1)
    if partial:
        line["n"]["partial"] = True
    save(tmp_path, {"t": [line]}, limit=None if partial else 1)
    reason = "LMMS_VG_PARTIAL_DATA=1" if partial else "--limit 1"
    text, _ = made(tmp_path)
    assert f"\n\n**Restricted by {reason}: these numbers do not stand for their benchmarks.**\n\n| task" in text
