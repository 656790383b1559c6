"""Comparisons against scipy's binomial test and Holm's correction by hand; and what is not compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from saved_run import RULE, closed, failed, measured, opened, save, tables
from scipy.stats import binomtest

from lmms_vg.metrics.statistics import paired
from lmms_vg.study.compare import RESAMPLES, Comparison, compare, show
from lmms_vg.study.runs import Run, read_run

HEAD = ["model", "task", "metric", "n", "base", "score", "difference", "95% interval", "p", "p (Holm)", "p (McNemar)"]
BASE = [0] * 10 + [1] * 10


def saved(folder: Path, scores: Sequence[int] = BASE, task: str = "t", **config: Any) -> Run:
    """A run with two questions an image."""
    lines = [closed(f"q{i}", score, f"i{i // 2}") for i, score in enumerate(scores)]
    return read_run(save(folder, {task: lines}, **config))


def test_difference_and_exact_p(tmp_path: Path) -> None:
    """Eight questions gained and one lost of 20."""
    other = [1] * 8 + [0] * 2 + [0] + [1] * 9
    base, run = saved(tmp_path / "a"), saved(tmp_path / "b", other)
    (one,) = compare(base, run)
    assert (one.name, one.metric, one.n, one.base, one.other) == ("t", "acc", 20, 0.5, 0.85)
    assert one.difference.mean == pytest.approx(0.35)
    assert one.mcnemar_p == pytest.approx(binomtest(1, 9).pvalue)
    uids = [f"q{i}" for i in range(20)]
    images = {uid: f"i{i // 2}" for i, uid in enumerate(uids)}
    scores = (dict(zip(uids, values, strict=True)) for values in (BASE, other))
    assert one.difference == paired(*scores, images, resamples=RESAMPLES)


def test_order_of_questions_does_not_matter(tmp_path: Path) -> None:
    base = saved(tmp_path / "a")
    lines = [closed(f"q{i}", score, f"i{i // 2}") for i, score in enumerate(BASE)]
    (one,) = compare(base, read_run(save(tmp_path / "b", {"t": lines[::-1]})))
    assert (one.difference.mean, one.mcnemar_p) == (0, 1)


def test_identical_runs(tmp_path: Path) -> None:
    (one,) = compare(saved(tmp_path / "a"), saved(tmp_path / "b"))
    assert one.difference == (0, 0, 0, 1)
    assert one.mcnemar_p == 1


def test_several_runs_are_corrected_together(tmp_path: Path) -> None:
    """Holm's are those of the bootstrap, of which the smallest three of three are taken thrice, twice and once."""
    runs = [
        saved(tmp_path / name, scores, model=f"model_{name}")
        for name, scores in {
            "six": [1] * 6 + [0] * 4 + [1] * 10,
            "ten": [1] * 20,
            "same": BASE,
        }.items()
    ]
    base = saved(tmp_path / "base")
    text = show(base, runs)
    ((head, *rows),) = tables(text)
    assert head == HEAD
    p = [compare(base, run)[0].difference.p for run in runs]
    assert p[1] < p[0] < p[2] == 1
    expected = [f"{max(2 * p[0], 3 * p[1]):.4f}", f"{3 * p[1]:.4f}", "1.0000"]
    assert [(row[0], *row[3:7], *row[9:]) for row in rows] == [
        ("model_six (pretrained=demo)", "20", "0.5000", "0.8000", "+0.3000", expected[0], "0.0312"),  # 2 / 2^6
        ("model_ten (pretrained=demo)", "20", "0.5000", "1.0000", "+0.5000", expected[1], "0.0020"),  # 2 / 2^10
        ("model_same (pretrained=demo)", "20", "0.5000", "0.5000", "+0.0000", expected[2], "1.0000"),
    ]
    assert rows[2][7] == "+0.0000 to +0.0000"
    assert text.startswith("Base: huatuo_plain (pretrained=demo), `20260101_120000_results.json`\n\n| model")
    assert f"\n\n- `{RULE}`\n- `bootstrap|unit:image" in text


def test_runs_of_one_model_are_told_apart(tmp_path: Path) -> None:
    runs = [saved(tmp_path / f"p{p}", model_args=f"pretrained=/models/a,p={p},heads=a|b") for p in (50, 90)]
    ((_, *rows),) = tables(show(saved(tmp_path / "base"), runs))
    assert [row[0] for row in rows] == [f"huatuo_plain (pretrained=a,p={p},heads=a/b)" for p in (50, 90)]


def test_small_p_is_not_called_zero(tmp_path: Path) -> None:
    ((_, row),) = tables(show(saved(tmp_path / "a", [0] * 20), [saved(tmp_path / "b", [1] * 20)]))
    assert binomtest(0, 20).pvalue < 0.0001
    assert row[10] == "< 0.0001"


def test_groups_are_pooled(tmp_path: Path) -> None:
    """The same uids in both tasks are different questions: 4 + 2 of them, 3 of 6 right against 5 of 6."""
    groups = {"both": ["a", "b"]}
    runs = []
    for folder, a, b in (("one", [1, 1, 0, 0], [1, 0]), ("two", [1, 1, 1, 0], [1, 1])):
        tasks = {
            name: [closed(f"q{i}", score) for i, score in enumerate(scores)] for name, scores in (("a", a), ("b", b))
        }
        runs.append(read_run(save(tmp_path / folder, tasks, groups=groups)))
    found = {one.name: one for one in compare(*runs)}
    assert list(found) == ["a", "b", "both"]
    both = found["both"]
    assert (both.n, both.base, both.other, both.mcnemar_p) == (6, 0.5, pytest.approx(5 / 6), 0.5)
    assert both.difference.mean == pytest.approx(1 / 3)


def test_what_both_runs_have(tmp_path: Path) -> None:
    """Tasks of one run alone and groups of other tasks are left out; closed and open questions have no common mean."""
    line, openly = [closed("q1", 1)], [opened("q1", 0.5)]
    base = save(
        tmp_path / "a", {"a": line, "b": line, "o": openly, "x": line}, groups={"g": ["a", "b"], "mixed": ["a", "o"]}
    )
    other = save(
        tmp_path / "b", {"a": line, "b": line, "o": openly}, groups={"g": ["a", "b", "o"], "mixed": ["a", "o"]}
    )
    assert [one.name for one in compare(read_run(base), read_run(other))] == ["a", "b", "o"]
    assert "open_recall|v:0" in show(read_run(base), [read_run(other)])
    closed_only = read_run(save(tmp_path / "c", {"a": line}))
    assert "open_recall|v:0" not in show(read_run(base), [closed_only]), "no rule of what is not compared"
    with pytest.raises(ValueError, match=r"a.*_results.json has t; .*b.*_results.json has a, b, o: nothing in common"):
        compare(saved(tmp_path / "a2"), read_run(other))


def test_open_questions_have_a_bootstrap_p(tmp_path: Path) -> None:
    def run(name: str, *recalls: float) -> Run:
        lines = [opened(f"q{i}", recall, f"i{i}") for i, recall in enumerate(recalls)]
        return read_run(save(tmp_path / name, {"t": lines}))

    base, other = run("a", 0.5, 0, 0.25, 0.5), run("b", 0.75, 0.25, 0.5, 0.75)
    (one,) = compare(base, other)
    assert one.mcnemar_p is None
    assert one.difference[:3] == pytest.approx((0.25, 0.25, 0.25))
    ((_, row),) = tables(show(base, [other]))
    assert row[8:] == ["< 0.0001", "< 0.0001", ""]  # 1 / 10,001, the smallest there is


def test_recalls_that_all_are_0_or_1_get_the_exact_test(tmp_path: Path) -> None:
    base, other = (
        read_run(save(tmp_path / name, {"t": [opened(f"q{i}", recall) for i in range(3)]}))
        for name, recall in (("a", 0), ("b", 1))
    )
    (one,) = compare(base, other)
    assert one.mcnemar_p == 0.25


def test_one_image_has_no_interval(tmp_path: Path) -> None:
    ((_, row),) = tables(show(saved(tmp_path / "a", [0, 0]), [saved(tmp_path / "b", [1, 1])]))
    assert row[7:] == ["one image", "1.0000", "1.0000", "0.5000"]


@pytest.mark.parametrize("restricted", ["base", "other"])
def test_restricted_runs_are_not_ranked(tmp_path: Path, restricted: str) -> None:
    runs = [saved(tmp_path / name, [1, 0], limit=2 if name == restricted else None) for name in ("base", "other")]
    with pytest.raises(ValueError, match=rf"{restricted}/demo/.*_results.json: was run with --limit 2.*not ranked"):
        compare(*runs)


def test_failed_question_makes_the_sets_differ(tmp_path: Path) -> None:
    base = saved(tmp_path / "a", [1, 0, 1])
    other = read_run(save(tmp_path / "b", {"t": [closed("q0", 1), failed("q1"), closed("q9", 1)]}))
    message = (
        r"t: the runs have scores of different questions, so they cannot be paired\. "
        r"2 questions have a score in the first run only \(1 failed in the other\): q1, q2; "
        r"1 question has a score in the other run only \(none failed in the first\): q9\. "
        r"Run the other again: failures are asked anew$"
    )
    with pytest.raises(ValueError, match=message):
        compare(base, other)
    last = read_run(save(tmp_path / "d", {"t": [closed("q5", 1)]}))
    message = r"5 questions have a score in the first run only \(none failed in the other\): q0, q1, q2, \.\.\.$"
    with pytest.raises(ValueError, match=message):  # no advice: another attempt would not help
        compare(saved(tmp_path / "c", [1] * 6), last)


def test_failures_in_both_runs(tmp_path: Path) -> None:
    """What failed in both is no difference; three questions are all named."""
    first = [closed("q0", 1), *(failed(f"q{i}") for i in range(1, 5))]
    other = [failed("q0"), *(closed(f"q{i}", 1) for i in range(1, 4)), failed("q4")]
    runs = [read_run(save(tmp_path / name, {"t": lines})) for name, lines in (("a", first), ("b", other))]
    message = (
        r"paired\. 1 question has a score in the first run only \(it failed in the other\): q0; "
        r"3 questions have a score in the other run only \(all failed in the first\): q1, q2, q3\. "
        r"Run the other and the first again: failures are asked anew$"
    )
    with pytest.raises(ValueError, match=message):
        compare(*runs)


def test_questions_that_failed_in_both_runs_are_left_out(tmp_path: Path) -> None:
    runs = [read_run(save(tmp_path / name, {"t": [closed("q0", 1), failed("q1")]})) for name in ("a", "b")]
    (one,) = compare(*runs)
    assert isinstance(one, Comparison)
    assert one.n == 1


def test_no_answer_at_all(tmp_path: Path) -> None:
    runs = [read_run(save(tmp_path / name, {"t": [failed("q1")]})) for name in ("a", "b")]
    with pytest.raises(ValueError, match="t: no question has a score"):
        compare(*runs)


def test_other_rules_are_other_numbers(tmp_path: Path) -> None:
    runs = [read_run(save(tmp_path / rule, {"t": [closed("q0", 1, rule=rule)]})) for rule in ("rule|v:1", "rule|v:2")]
    with pytest.raises(ValueError, match=r"t: scored by rule\|v:1 in one run and by rule\|v:2 in the other"):
        compare(*runs)


def test_run_and_itself_are_no_pair(tmp_path: Path) -> None:
    run = saved(tmp_path / "a")
    again = read_run(tmp_path / "a" / ".." / "a" / "demo")
    assert again.path != run.path
    with pytest.raises(
        ValueError, match=r"a/demo/20260101_120000_results.json: is compared with itself; name another run"
    ):
        compare(run, again)


def test_what_is_not_compared_is_named(tmp_path: Path) -> None:
    means = {"vgmed_demo": {"ar": 1.0, "kl": 1.0, "js": 1.0, "best_layer": 0, "n": 1}}
    tasks = {"t": [closed("q1", 1)], "vgmed_demo": [measured(1)], "pope": [{"acc": 1}]}
    base = read_run(save(tmp_path / "a", tasks | {"alone": [closed("q1", 1)]}, means=means))
    other = read_run(save(tmp_path / "b", tasks | {"seed": [{"acc": 1}]}, means=means, model="model_b"))
    text = show(base, [other])
    assert [row[1] for row in tables(text)[0]] == ["task", "t"]
    assert (
        "|\n\nNot compared with model_b (pretrained=demo): alone (in one of the runs only), "
        "vgmed_demo (ar, kl, js, best_layer: each run has its own layer, see its report), "
        "pope (no scores of single questions), seed (in one of the runs only)\n\n- `"
    ) in text
    assert "Not compared" not in show(saved(tmp_path / "c"), [saved(tmp_path / "d")])
    alone = [read_run(save(tmp_path / name, {"vgmed_demo": [measured(1)]}, means=means)) for name in ("e", "f")]
    with pytest.raises(
        ValueError, match=r"json has vgmed_demo; .* has vgmed_demo: nothing in common that has scores of"
    ):
        compare(*alone)


def test_choice_of_the_newest_run_is_said(tmp_path: Path) -> None:
    saved(tmp_path / "a", stamp="20251231_235959")
    saved(tmp_path / "a")
    text = show(saved(tmp_path / "b"), [read_run(tmp_path / "a")])
    said = f"`20260101_120000_results.json`: 2 runs are under {tmp_path}/a; this is the newest. Others: "
    assert f"\n\n{said}{tmp_path}/a/demo/20251231_235959_results.json (" in text


def test_names_do_not_break_tables(tmp_path: Path) -> None:
    ((_, row),) = tables(show(saved(tmp_path / "a"), [saved(tmp_path / "b", model="a|b\n| c")]))
    assert row[0] == "a/b / c (pretrained=demo)"
