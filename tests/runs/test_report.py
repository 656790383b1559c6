"""Reports against numbers worked by hand; every table must be valid Markdown."""

from __future__ import annotations

from pathlib import Path

import pytest
from saved_run import RULE, closed, failed, measured, opened, save, tables

from lmms_vg.metrics.alignment import signature as measured_by
from lmms_vg.metrics.chance import signature as chance_by
from lmms_vg.metrics.signal_detection import signature as detected_by
from lmms_vg.metrics.statistics import cluster_interval, signature, wilson
from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.report import report


def made(folder: Path) -> tuple[str, list[list[list[str]]]]:
    """The report, and its tables but those of chance and of what was said."""
    text = report(read_run(folder))
    return text, [table for table in tables(text) if table[0][0] != "without the image" and table[0][1] != "unreadable"]


def test_pooled_and_macro_of_a_group(tmp_path: Path) -> None:
    """3 of 4 and 1 of 6 right: pooled 4 of 10; the mean of the parts is (.75 + .1667) / 2."""
    a = [closed(f"q{i}", int(i < 3)) for i in range(4)]
    b = [closed(f"q{i}", int(i < 1), read=i < 4) for i in range(6)] + [failed("q6")]
    means = {"b": {"acc": 1 / 6, "open_recall": 0.9}, "both": {"acc": 0.5}}
    save(tmp_path, {"a": a, "b": b}, groups={"both": ["a", "b"]}, means=means)
    text, (overview,) = made(tmp_path)
    head, *rows = overview
    assert head[:5] == ["task", "metric", "n", "failed", "unparseable"]
    assert head[5:] == ["score (micro)", "95% interval", "macro over parts", "lmms-eval"]
    assert [row[:6] + row[7:] for row in rows] == [
        ["a", "acc", "4", "0", "0.000", "0.7500", "", ""],
        ["b", "acc", "6", "1", "0.333", "0.1667", "", "0.1667"],
        ["both", "acc", "10", "1", "0.200", "0.4000", rows[2][7], "0.5000"],
    ]
    mean, ends = rows[2][7].split(" ", 1)
    low, high = (float(end) for end in ends.strip("()").split(" to "))
    assert mean == "0.4583"
    assert low < 0.4583 < high
    assert "|\n\nmicro: " in text
    assert text.startswith("# huatuo_plain (pretrained=demo)\n\n`20260101_120000_results.json`\n\n| task")
    assert "estricted" not in text


def test_intervals_go_by_image(tmp_path: Path) -> None:
    """Ten images with four equal questions each: if questions were drawn, the interval would be half as wide."""
    scores, images = [i % 2 for i in range(10) for _ in range(4)], [f"i{i}" for i in range(10) for _ in range(4)]
    lines = [closed(f"q{i}", score, image) for i, (score, image) in enumerate(zip(scores, images, strict=True))]
    save(tmp_path, {"a": lines, "b": lines[:1]})
    text, (overview,) = made(tmp_path)
    low, high = cluster_interval(scores, images)
    alone_low, alone_high = cluster_interval(scores, range(40))
    assert high - low > 1.5 * (alone_high - alone_low)
    assert [row[6] for row in overview[1:]] == [f"{low:.4f} to {high:.4f}", "one image"]
    assert f"\n- `{signature()}`\n" in text
    assert f"\n- `{RULE}`\n" in text


def test_categories_add_up(tmp_path: Path) -> None:
    """Chest 2 of 3, Head 0 of 1, one right without a value: micro 3 of 5, macro (2/3 + 0 + 1) / 3."""
    lines = [
        closed("q1", 1, organ="Chest", modality="CT"),
        closed("q2", 1, organ="Chest", modality="CT"),
        closed("q3", 0, organ="Chest", modality="CT"),
        closed("q4", 0, organ="Head", modality="CT"),
        closed("q5", 1, modality="CT"),
        failed("q6"),
    ]
    save(tmp_path, {"t": lines})
    text, (_, organs) = made(tmp_path)
    assert organs == [
        ["t by organ", "n", "acc", "95% interval"],
        ["(none)", "1", "1.0000", "one image"],
        ["Chest", "3", "0.6667", shown(wilson(2 / 3, 3))],
        ["Head", "1", "0.0000", "one image"],
        ["micro", "5", "0.6000", shown(wilson(0.6, 5))],
        ["macro", "3 categories", "0.5556", organs[-1][-1]],
    ], "modality has only one value, so it has no table"
    assert "\n\n(few): " in text, "and what it means"


def shown(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.4f} to {interval[1]:.4f} (few)"


def test_pipes_do_not_break_tables(tmp_path: Path) -> None:
    save(tmp_path, {"t": [closed("q1", 1, question_type="size | shape"), closed("q2", 0, question_type="other")]})
    _, (_, types) = made(tmp_path)
    assert types[0][0] == "t by question type"
    assert ["size / shape", "1", "1.0000", "one image"] in types


def test_line_breaks_do_not_break_tables(tmp_path: Path) -> None:
    lines = [closed("q1", 1, organ="left\nlung\r\n\nand heart"), closed("q2", 0, organ="a\u2028b")]
    save(tmp_path, {"t": lines}, model="huatuo\nplain")
    text, (_, organs) = made(tmp_path)
    assert [row[0] for row in organs] == ["t by organ", "a b", "left lung and heart", "micro", "macro"]
    assert text.startswith("# huatuo plain (pretrained=demo)\n\n")


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
    assert [[*row[:6], row[-1]] for row in overview[1:]] == [
        ["t", "open_recall", "2", "1", "", "0.5000", "0.5000"],
        ["u", "open_recall", "2", "0", "", "0.5000", "0.5000"],
        ["both", "open_recall", "4", "1", "", "0.5000", ""],
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
    assert overview[1] == ["a", "acc", "0", "2", "", "", "", "", ""]
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


def test_every_rule_is_shown_once(tmp_path: Path) -> None:
    """Runs with other settings of BERTScore must not look the same."""
    lines = [opened("q1", 0.5)]
    lines[0]["bertscore"]["rule"] = "bertscore|layer:9|v:0"
    save(tmp_path, {"a": [closed("q1", 1)], "b": [closed("q1", 1)], "t": lines, "u": [failed("q1")]})
    text, _ = made(tmp_path)
    rules = ["bertscore|layer:9|v:0", "bleu1|v:0", RULE, "open_recall|v:0", signature(), chance_by(), detected_by()]
    assert text.endswith("\n\n" + "".join(f"- `{rule}`\n" for rule in rules))


def test_llava_meds_rule_beside_ours(tmp_path: Path) -> None:
    line = closed("q1", 1) | {"llava_med": {"score": 0, "image": "q1", "rule": "llava_med|v:0"}}
    save(
        tmp_path, {"a": [line], "b": [closed("q1", 1)]}, means={"a": {"acc": 1.0, "llava_med": 0.25}, "b": {"acc": 1.0}}
    )
    text, (_, rules) = made(tmp_path)
    assert rules == [["yes/no questions", "acc", "LLaVA-Med's rule"], ["a", "1.0000", "0.2500"]]
    assert "\n- `llava_med|v:0`\n" in text


@pytest.mark.parametrize("alone", [False, True])
def test_measurements_have_their_table(tmp_path: Path, alone: bool) -> None:
    means = {"vgmed_demo": {"ar": 4.25, "kl": 2.0, "js": 0.5, "best_layer": 1, "n": 1}}
    scored = {} if alone else {"t": [closed("q1", 1)]}
    save(tmp_path, {"vgmed_demo": [measured(3, 2)]} | scored, means=means)
    text, shown_tables = made(tmp_path)
    assert len(shown_tables) == (1 if alone else 2)
    assert shown_tables[-1] == [
        ["where it looked", "n", "AR", "KL", "JS", "best layer"],
        ["vgmed_demo", "1", "4.2500", "2.0000", "0.5000", "1"],
    ]
    assert "lowest mean KL" in text
    assert "Not in this report" not in text
    assert ("bootstrap" in text) != alone, "measurements have no interval"


def test_what_is_left_out_is_named(tmp_path: Path) -> None:
    save(tmp_path, {"pope": [{"acc": 1}], "t": [closed("q1", 1)], "seed": [{"acc": 1}]})
    text, _ = made(tmp_path)
    assert "|\n\nmicro: " in text
    assert "\n\nNot in this report: pope, seed (no scores of single questions)\n\n- `" in text


def test_choice_of_the_newest_run_is_said(tmp_path: Path) -> None:
    save(tmp_path, {"t": [closed("q1", 0)]}, stamp="20251231_235959")
    save(tmp_path, {"t": [closed("q1", 1)]})
    text, _ = made(tmp_path)
    assert (
        f"_results.json`\n\n2 runs are under {tmp_path}; this is the newest. Others: {tmp_path}/demo/20251231" in text
    )


def test_measurements_have_their_rule_and_only_one(tmp_path: Path) -> None:
    means = {"vgmed_demo": {"ar": 1.0, "kl": 1.0, "js": 0.1, "best_layer": 0, "n": 2}}
    first, second = (measured(3, 2) for _ in range(2))
    first["ar"]["rule"] = second["ar"]["rule"] = signed = measured_by()
    save(tmp_path / "one", {"vgmed_demo": [first, second]}, means=means)
    assert f"- `{signed}`" in made(tmp_path / "one")[0]
    second["ar"]["rule"] = measured_by(version=1)
    save(tmp_path / "two", {"vgmed_demo": [first, second]}, means=means)
    with pytest.raises(ValueError, match=r"ar is scored by .*v:2 and by .*v:1"):
        read_run(tmp_path / "two")


def test_what_was_said_and_what_needs_no_image(tmp_path: Path) -> None:
    """8 of 12 references are yes; two answers cannot be read; yes was said to 5 of 6 whose answer is yes, and 1 of 4 others."""
    said = ["yes"] * 5 + ["no"] + [None] * 2 + ["yes"] + ["no"] * 3
    lines = []
    for number, text in enumerate(said):
        reference = "yes" if number < 8 else "no"
        line = closed(f"q{number}", int(text == reference)) | {"target": reference}
        line["acc"]["extracted"] = text
        lines.append(line)
    save(tmp_path, {"t": lines})
    shown_tables = {table[0][1]: table for table in tables(report(read_run(tmp_path)))}
    assert shown_tables["task"][1] == ["chance: one answer", "t", "yes", "12", "0.6667"]
    assert shown_tables["unreadable"][1][1:4] == ["0.167", "0.600", f"{(5 / 6 + 3 / 4) / 2:.3f}"]


def test_questions_that_all_failed_are_counted(tmp_path: Path) -> None:
    save(tmp_path, {"a": [failed("q1"), failed("q2")], "b": [closed("q1", 1)] + [failed(f"f{i}") for i in range(3)]})
    text, _ = made(tmp_path)
    assert "\n\nb: 3 of 4 questions failed and are left out" in text
    assert "\n\na: 2 of 2 questions failed and are left out" in text
