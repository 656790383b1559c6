"""Runs are paired on the same questions in the same words, or the message says how they differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from saved_run import closed, failed, save

from lmms_vg.runs.compare import Comparison, compare
from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.results import Run


def saved(folder: Path, lines: list[dict[str, Any]], model: str = "") -> Run:
    return read_run(save(folder, {"t": lines}, model=model or folder.name, model_args=""))


def numbers(table: Comparison) -> list[tuple[int, float]]:
    return [(line.n, line.score) for line in table.lines]


def test_failed_question_makes_the_sets_differ(tmp_path: Path) -> None:
    base = saved(tmp_path / "a", [closed("q0", 1), closed("q1", 0), closed("q2", 1)])
    other = saved(tmp_path / "b", [closed("q0", 1), failed("q1"), closed("q9", 1)])
    message = (
        r"t: .*a.* and .*b.* 2 questions .* in a only \(1 failed in b\): q1, q2; "
        r"1 question .* in b only \(none failed in a\): q9\. Run b again.*--allow questions$"
    )
    with pytest.raises(ValueError, match=message):
        compare([base, other])
    many = saved(tmp_path / "c", [closed(f"q{i}", 1) for i in range(6)])
    message = r"5 questions .* in c only \(none failed in d\): q0, q1, q2, \.\.\.\. Or pair"
    with pytest.raises(ValueError, match=message):  # no advice to run again: it would not help
        compare([many, saved(tmp_path / "d", [closed("q5", 1)])])


def test_failures_in_both_runs(tmp_path: Path) -> None:
    first = [closed("q0", 1), *(failed(f"q{i}") for i in range(1, 5))]
    other = [failed("q0"), *(closed(f"q{i}", 1) for i in range(1, 4)), failed("q4")]
    message = (
        r"1 question .* in a only \(it failed in b\): q0; "
        r"3 questions .* in b only \(all failed in a\): q1, q2, q3\. Run b and a again"
    )
    with pytest.raises(ValueError, match=message):
        compare([saved(tmp_path / "a", first), saved(tmp_path / "b", other)])


def test_questions_that_failed_in_both_runs_are_left_out(tmp_path: Path) -> None:
    runs = [saved(tmp_path / name, [closed("q0", 1), failed("q1")]) for name in ("a", "b")]
    assert numbers(compare(runs)) == [(1, 1), (1, 1)]


def test_common_questions_of_three_runs(tmp_path: Path) -> None:
    """q1 and q2 are in all three runs, so every row is about these two; the base has one of them right."""
    runs = [
        saved(tmp_path / "a", [closed("q0", 1), closed("q1", 1), closed("q2", 0), closed("q3", 1)]),
        saved(tmp_path / "b", [closed("q1", 1), closed("q2", 1), closed("q3", 0)]),
        saved(tmp_path / "c", [closed("q9", 1), closed("q2", 0), closed("q1", 0), failed("q3"), closed("q0", 1)]),
    ]
    table = compare(runs, ["questions"])
    assert numbers(table) == [(2, 0.5), (2, 1), (2, 0)]
    assert [line.against and (line.against.better, line.against.worse) for line in table.lines] == [
        None,
        (1, 0),
        (0, 1),
    ]
    assert "Allowed to differ: questions (t: 2 are in all runs; left out are 2 of a, 1 of b, 2 of c)" in table.notes
    assert table.allowed == ("questions",)


def test_another_reference_answer_is_another_question(tmp_path: Path) -> None:
    runs = [
        saved(tmp_path / name, [closed("q0", 1), closed("q1", 1) | {"target": target}])
        for name, target in (("a", "yes"), ("b", "no"))
    ]
    with pytest.raises(ValueError, match=r"1 question .*reference answer: q1\..*--allow questions"):
        compare(runs)
    assert numbers(compare(runs, ["questions"])) == [(1, 1), (1, 1)]


def test_other_words_are_another_prompt(tmp_path: Path) -> None:
    """This holds for models that are not ours too, whose runs have no provenance."""
    runs = [
        saved(tmp_path / name, [closed("q0", 1) | {"input": words}, closed("q1", 1)])
        for name, words in (("a", "Is it?"), ("b", "Is it? Answer yes or no."))
    ]
    with pytest.raises(ValueError, match=r"b.*: t: 1 question .*other words .*a.*: q0\..*--allow prompt"):
        compare(runs)
    table = compare(runs, ["prompt"])
    assert numbers(table) == [(2, 1), (2, 1)]
    assert "Allowed to differ: prompt (b: 1 question has other words in t)" in table.notes


@pytest.mark.parametrize("allowed", [[], ["questions"]])
def test_no_question_left(tmp_path: Path, allowed: list[str]) -> None:
    with pytest.raises(ValueError, match="t: no question has a score"):
        compare([saved(tmp_path / name, [failed("q1")]) for name in ("a", "b")], allowed)


def test_other_rules_are_never_allowed(tmp_path: Path) -> None:
    runs = [saved(tmp_path / f"r{rule}", [closed("q0", 1, rule=f"rule|v:{rule}")]) for rule in (1, 2)]
    with pytest.raises(ValueError, match=r"t: scored by rule\|v:1 in one run and by rule\|v:2 in the other"):
        compare(runs, ["questions", "prompt"])


def test_a_question_about_another_image_is_another_question(tmp_path: Path) -> None:
    """As where lines of a file of own questions changed places between two runs: the words are often the same."""
    base = saved(tmp_path / "a", [closed("q0", 1, "x.png"), closed("q1", 0, "y.png"), closed("q2", 1, "z.png")])
    other = saved(tmp_path / "b", [closed("q0", 0, "y.png"), closed("q1", 0, "x.png"), closed("q2", 1, "z.png")])
    with pytest.raises(ValueError, match="2 questions have another image or reference answer: q0, q1"):
        compare([base, other])
    assert numbers(compare([base, other], ["questions"])) == [(1, 1), (1, 1)]


def of_patient(uid: str, score: int, patient: str) -> dict[str, Any]:
    line = closed(uid, score, f"p/patient {patient}")
    return line | {"acc": line["acc"] | {"units": {"patient": patient}}}


def test_an_image_and_its_patient_are_no_two_images(tmp_path: Path) -> None:
    base = saved(tmp_path / "a", [closed("q0", 1, "x.png"), closed("q1", 0, "y.png")])
    named = saved(tmp_path / "b", [of_patient("q0", 1, "1"), of_patient("q1", 0, "2")])
    assert numbers(compare([base, named])) == [(2, 0.5), (2, 0.5)]
    others = saved(tmp_path / "c", [of_patient("q0", 1, "1"), of_patient("q1", 0, "1")])
    with pytest.raises(ValueError, match="1 question has another image or reference answer: q1"):
        compare([named, others])
