"""Comparisons against scipy, Holm's correction and counts worked by hand; which run is the base; what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saved_run import IDENTITY, RULE, closed, failed, measured, opened, save, spec
from scipy import stats

from lmms_vg.runs.compare import compare
from lmms_vg.runs.comparison import AgainstBase, ComparisonLine
from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.report import report
from lmms_vg.runs.results import Run

BASE = [0] * 10 + [1] * 10


def saved(folder: Path, scores: Sequence[int] = BASE, task: str = "t", **config: Any) -> Run:
    """A run with two questions per image."""
    lines = [closed(f"q{i}", score, f"i{i // 2}") for i, score in enumerate(scores)]
    return read_run(save(folder, {task: lines}, **config))


def against(*runs: Run) -> list[AgainstBase]:
    return [line.against for line in compare(list(runs)).lines if line.against is not None]


def test_difference_against_scipys_bootstrap_of_sums_over_images(tmp_path: Path) -> None:
    """The seeds differ, so the numbers agree up to chance: about 0.005 with 10,000 draws."""
    rng = np.random.default_rng(7)
    before, after = rng.integers(0, 2, 200), rng.integers(0, 2, 200)
    after[:60] = 1
    images = [f"i{number}" for number in rng.integers(0, 60, 200)]
    base, other = (
        read_run(
            save(tmp_path / name, {"t": [closed(f"q{i}", int(scores[i]), images[i]) for i in range(200)]}, model=name)
        )
        for name, scores in (("x_plain", before), ("x_other", after))
    )
    (comparison,) = against(base, other)
    sums, counts = [], []
    for image in set(images):
        places = [place for place, other_image in enumerate(images) if other_image == image]
        sums.append(sum(int(after[place]) - int(before[place]) for place in places))
        counts.append(len(places))
    result = stats.bootstrap(
        (sums, counts),
        lambda a, b, axis: a.sum(axis) / b.sum(axis),
        paired=True,
        n_resamples=10_000,
        method="percentile",
        random_state=np.random.default_rng(99),
    )
    mean = (after.sum() - before.sum()) / 200
    assert comparison.difference.mean == pytest.approx(mean)
    assert comparison.difference[1:3] == pytest.approx(result.confidence_interval, abs=0.01)
    p = np.mean(np.abs(result.bootstrap_distribution - mean) >= abs(mean))
    assert comparison.difference.p == pytest.approx(p, abs=0.01)


def test_changed_answers_and_exact_p(tmp_path: Path) -> None:
    """Of 20 questions eight are gained and one is lost."""
    other = [1] * 8 + [0] * 2 + [0] + [1] * 9
    table = compare([saved(tmp_path / "a"), saved(tmp_path / "b", other)])
    first, second = table.lines
    assert (first.name, first.metric, first.rule, first.n, first.score, first.against) == (
        "t",
        "acc",
        RULE,
        20,
        0.5,
        None,
    )
    assert (second.n, second.score) == (20, 0.85)
    comparison = second.against
    assert comparison is not None
    assert (comparison.better, comparison.worse) == (8, 1)
    assert comparison.difference.mean == pytest.approx(0.35)
    assert comparison.mcnemar_p == pytest.approx(stats.binomtest(1, 9).pvalue)
    assert comparison.mcnemar_holm == comparison.mcnemar_p, "there is one line"


def test_order_of_questions_does_not_matter(tmp_path: Path) -> None:
    lines = [closed(f"q{i}", score, f"i{i // 2}") for i, score in enumerate(BASE)]
    (comparison,) = against(saved(tmp_path / "a"), read_run(save(tmp_path / "b", {"t": lines[::-1]})))
    assert (comparison.difference.mean, comparison.difference.p, comparison.difference.images) == (0, 1, 0)
    assert comparison[1:6] == (0, 0, 1, 1, 1)


def test_both_p_values_are_corrected_over_all_lines(tmp_path: Path) -> None:
    """Holm by hand: the smallest of three is multiplied by 3, the next by 2, the last by 1; each test separately."""
    scores = {"six": [1] * 6 + [0] * 4 + [1] * 10, "ten": [1] * 20, "same": BASE}
    runs = [saved(tmp_path / name, values, model=f"m_{name}") for name, values in scores.items()]
    six, ten, same = against(saved(tmp_path / "base"), *runs)
    assert ten.difference.p < six.difference.p < same.difference.p == 1
    assert ten.holm == pytest.approx(3 * ten.difference.p)
    assert six.holm == pytest.approx(max(3 * ten.difference.p, 2 * six.difference.p))
    assert same.holm == 1
    assert (six.mcnemar_p, ten.mcnemar_p) == (pytest.approx(2 / 2**6), pytest.approx(2 / 2**10))
    assert (ten.mcnemar_holm, six.mcnemar_holm, same.mcnemar_holm) == pytest.approx((3 * 2 / 2**10, 2 * 2 / 2**6, 1))


def test_open_questions_have_no_exact_test_and_none_is_counted(tmp_path: Path) -> None:
    """Only one of two lines has McNemar's p, so it needs no correction."""

    def run(name: str, score: int, *recalls: float) -> Run:
        tasks = {
            "c": [closed(f"q{i}", score) for i in range(6)],
            "o": [opened(f"q{i}", recall, f"i{i}") for i, recall in enumerate(recalls)],
        }
        return read_run(save(tmp_path / name, tasks))

    shut, openly = against(run("a", 0, 0.5, 0, 0.25, 0.5), run("b", 1, 0.75, 0.25, 0.5, 0.25))
    assert (openly.better, openly.worse, openly.mcnemar_p, openly.mcnemar_holm) == (3, 1, None, None)
    assert openly.difference.mean == pytest.approx(0.125)
    assert shut.mcnemar_holm == shut.mcnemar_p == pytest.approx(2 / 2**6)


def test_recalls_that_all_are_0_or_1_get_the_exact_test(tmp_path: Path) -> None:
    runs = [
        read_run(save(tmp_path / name, {"t": [opened(f"q{i}", recall) for i in range(3)]}))
        for name, recall in (("a", 0), ("b", 1))
    ]
    assert against(*runs)[0].mcnemar_p == 0.25


def test_groups_are_pooled(tmp_path: Path) -> None:
    """Equal uids in two tasks are different questions: 4 + 2 of them, 3 of 6 right against 5 of 6."""
    runs = []
    for folder, a, b in (("one", [1, 1, 0, 0], [1, 0]), ("two", [1, 1, 1, 0], [1, 1])):
        tasks = {
            name: [closed(f"q{i}", score) for i, score in enumerate(scores)] for name, scores in (("a", a), ("b", b))
        }
        runs.append(read_run(save(tmp_path / folder, tasks, groups={"both": ["a", "b"]})))
    table = compare(runs)
    assert table.pooled == {"both"}
    assert [line.name for line in table.lines] == ["a", "b", "both"] * 2
    both = table.lines[-1]
    assert both.against is not None
    assert (both.n, both.score, both.against.better, both.against.mcnemar_p) == (6, pytest.approx(5 / 6), 2, 0.5)
    assert both.against.difference.mean == pytest.approx(1 / 3)


def test_the_one_plain_run_is_the_base_wherever_it_stands(tmp_path: Path) -> None:
    """Plain is recognised by its provenance, or else by its name; the rows keep their order."""
    signed = [
        saved(tmp_path / name, model="huatuo", run=IDENTITY | {"method": method})
        for name, method in (("a", spec("vgrefine", k=5)), ("b", spec("plain")), ("c", spec("pai", gamma=1.1)))
    ]
    table = compare(signed)
    assert [run.label for run in table.runs] == ["vgrefine (k=5)", "plain", "pai (gamma=1.1)"]
    assert table.base is table.runs[1]
    assert [line.against is None for line in table.lines] == [False, True, False]
    named = [saved(tmp_path / name, model=name) for name in ("llava_vgrefine", "llava_plain")]
    assert compare(named).base.model.startswith("llava_plain")
    several = [saved(tmp_path / name, model=name) for name in ("x_vgrefine", "x_plain", "y_plain")]
    assert compare(several).base.model.startswith("x_plain"), "two plain ones: the first of them"


def test_one_run_has_no_differences(tmp_path: Path) -> None:
    table = compare([saved(tmp_path / "a")])
    assert [(line.score, line.against) for line in table.lines] == [(0.5, None)]
    assert not [rule for rule in table.rules if rule.startswith("bootstrap")], "nothing was drawn"


def test_time_a_question(tmp_path: Path) -> None:
    """The pooled time is a mean over questions: two of 0.1 s and two of 0.5 s make 0.3 s."""
    tasks = {name: [closed("q1", 1), closed("q2", 0)] for name in ("a", "b")}
    path = save(
        tmp_path / "a", tasks, seconds=0.1, groups={"g": ["a", "b"]}, run=IDENTITY | {"shared": ["plain", "pai"]}
    )
    samples = path.with_name("20260101_120000_samples_b.jsonl")
    samples.write_text(samples.read_text().replace('"seconds": 0.1', '"seconds": 0.5'))
    lines = compare([read_run(path)]).lines
    assert [(line.seconds, line.shared) for line in lines] == [(0.1, True), (0.5, True), (pytest.approx(0.3), True)]
    text = samples.read_text()
    samples.write_text(text.replace(', "seconds": 0.5', "", 1))
    assert [line.seconds for line in compare([read_run(path)]).lines] == [0.1, None, None], "one answer says no time"
    (unknown,) = compare([saved(tmp_path / "b")]).lines
    assert (unknown.seconds, unknown.shared) == (None, False)


def test_time_is_of_the_questions_of_the_line(tmp_path: Path) -> None:
    """A question that took time but could not be scored does not count."""
    slow = failed("q2")
    slow["n"]["seconds"] = 9.0
    (line,) = compare([read_run(save(tmp_path, {"t": [closed("q1", 1), slow]}, seconds=0.1))]).lines
    assert (line.n, line.seconds) == (1, 0.1)


def test_runs_of_one_name_are_numbered(tmp_path: Path) -> None:
    runs = [saved(tmp_path / name, run=IDENTITY | {"method": spec("pai", g=1)}) for name in ("a", "b")]
    assert [run.label for run in compare(runs).runs] == ["pai (g=1) #1", "pai (g=1) #2"]


def test_what_runs_have_in_common(tmp_path: Path) -> None:
    """Groups with different tasks are left out; closed and open questions have no common mean."""
    line, openly = [closed("q1", 1)], [opened("q1", 0.5)]
    base = read_run(
        save(
            tmp_path / "a",
            {"a": line, "b": line, "o": openly, "x": line},
            groups={"g": ["a", "b"], "mixed": ["a", "o"]},
        )
    )
    other = read_run(
        save(tmp_path / "b", {"a": line, "b": line, "o": openly}, groups={"g": ["a", "b", "o"], "mixed": ["a", "o"]})
    )
    table = compare([base, other])
    assert [line.name for line in table.lines if line.against] == ["a", "b", "o"]
    assert "open_recall|v:0" in table.rules
    closed_only = read_run(save(tmp_path / "c", {"a": line}))
    assert "open_recall|v:0" not in compare([base, closed_only]).rules, "no rule of what is not compared"
    with pytest.raises(ValueError, match=r"a2.*_results.json has t; .*b.*_results.json has a, b, o: nothing in common"):
        compare([saved(tmp_path / "a2"), other])


def test_a_layer_is_refused_where_no_attention_was_measured(tmp_path: Path) -> None:
    runs = [saved(tmp_path / name) for name in "ab"]
    for table in (lambda: compare(runs, layer=3), lambda: report(runs[0], 3), lambda: runs[0].to_pandas(layer=3)):
        with pytest.raises(ValueError, match=r"^layer 3: no task of .* has measured attention"):
            table()


def test_what_is_not_compared_is_named(tmp_path: Path) -> None:
    means = {"vgmed_demo": {"ar": 1.0, "kl": 1.0, "js": 1.0, "best_layer": 0, "n": 1}}
    tasks = {"t": [closed("q1", 1)], "vgmed_demo": [measured(1)], "pope": [{"acc": 1}]}
    base = read_run(save(tmp_path / "a", tasks | {"alone": [closed("q1", 1)]}, means=means))
    other = read_run(save(tmp_path / "b", tasks | {"seed": [{"acc": 1}]}, means=means, model="model_b"))
    table = compare([base, other])
    assert {line.name for line in table.lines} == {"t"}
    assert (
        "Not compared with model_b (pretrained=demo): alone (in one of the runs only), "
        "vgmed_demo (ar, kl, js, best_layer: each run has its own layer, see its report), "
        "pope (no scores of single questions), seed (in one of the runs only)"
    ) in table.notes
    alone = [read_run(save(tmp_path / name, {"vgmed_demo": [measured(1)]}, means=means)) for name in ("e", "f")]
    with pytest.raises(ValueError, match=r"has vgmed_demo; .* has vgmed_demo: nothing in common that has scores of"):
        compare(alone)
    with pytest.raises(ValueError, match=r"has vgmed_demo: nothing that has scores of"):
        compare(alone[:1])


def test_choice_of_the_newest_run_is_said(tmp_path: Path) -> None:
    saved(tmp_path / "a", stamp="20251231_235959")
    saved(tmp_path / "a")
    notes = compare([saved(tmp_path / "b"), read_run(tmp_path / "a")]).notes
    assert any(f"2 runs are under {tmp_path}/a; this is the newest" in note for note in notes)


@pytest.mark.parametrize("restricted", ["base", "other"])
def test_restricted_runs_are_refused(tmp_path: Path, restricted: str) -> None:
    runs = [saved(tmp_path / name, [1, 0], limit=2 if name == restricted else None) for name in ("base", "other")]
    with pytest.raises(ValueError, match=rf"{restricted}/demo/.*_results.json was run with --limit 2.*not compared"):
        compare(runs)


def test_run_and_itself_are_no_pair(tmp_path: Path) -> None:
    run = saved(tmp_path / "a")
    again = read_run(tmp_path / "a" / ".." / "a" / "demo")
    assert again.path != run.path
    with pytest.raises(ValueError, match=r"_results.json is compared with itself; name another run"):
        compare([run, saved(tmp_path / "b"), again])


def test_identical_runs_give_the_same_table_twice(tmp_path: Path) -> None:
    runs = [saved(tmp_path / "a"), saved(tmp_path / "b", [1] * 20)]
    assert compare(runs).table() == compare(runs).table()
    assert isinstance(compare(runs).lines[0], ComparisonLine)


@pytest.mark.slow
def test_a_perfect_difference_is_found_in_600_lines(tmp_path: Path) -> None:
    """With 10,000 draws, the least p times 504 was .0504: nothing could ever be significant."""
    tasks = [f"t{number}" for number in range(600)]
    runs = [
        read_run(
            save(tmp_path / name, {task: [closed(f"q{i}", score) for i in range(30)] for task in tasks}, model=name)
        )
        for name, score in (("x_plain", 0), ("x_other", 1))
    ]
    tested = against(*runs)
    assert len(tested) == 600
    assert all(entry.holm == pytest.approx(600 * 2 / 2**30, rel=1e-6) for entry in tested)


def test_runs_with_equal_scores_are_not_called_equal_on_few_images(tmp_path: Path) -> None:
    """20 questions that all agree allow a share of differing answers of 16% or more."""
    (comparison,) = against(saved(tmp_path / "a"), saved(tmp_path / "b"))
    assert (comparison.difference.mean, comparison.equal, comparison.source) == (0, "cannot tell", None)
    assert comparison.difference.high > 0.16
