"""Saved runs that are cut off, edited or of another shape are refused, with file and line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from saved_run import closed, failed, save

from lmms_vg.runs.lmms_eval_output import read_run


@pytest.mark.parametrize("content", ["", "[]", "{", '{"results": {}, "n-samples": {}}', '"results"'])
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "20260101_120000_results.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"_results.json: not a results file of lmms-eval"):
        read_run(path)


def test_missing_samples_name_the_remedy(tmp_path: Path) -> None:
    tasks = {"t": [closed("q1", 1)], "u": [closed("q1", 1)]}
    path = save(tmp_path, tasks, samples=False)
    with pytest.raises(ValueError, match=r"no samples of t beside it.*--log_samples"):
        read_run(tmp_path)
    save(tmp_path, tasks)
    path.with_name("20260101_120000_samples_u.jsonl").unlink()
    with pytest.raises(ValueError, match="no samples of u beside it"):
        read_run(tmp_path)


@pytest.mark.parametrize("lost", [5, "line"])
def test_samples_of_a_run_that_was_killed(tmp_path: Path, lost: int | str) -> None:
    """The last line is torn, or whole lines are missing: lmms-eval writes samples after the results."""
    path = save(tmp_path, {"t": [closed("q1", 1), closed("q2", 1)]})
    samples = path.with_name("20260101_120000_samples_t.jsonl")
    text = samples.read_text()
    samples.write_text(text[:-5] if lost == 5 else text.splitlines(keepends=True)[0])
    message = "line 2: not JSON" if lost == 5 else "1 questions, but the run had 2"
    with pytest.raises(ValueError, match=rf"samples_t.jsonl.*{message}.*Run the same command again"):
        read_run(tmp_path)


def test_samples_of_two_runs_in_one_file(tmp_path: Path) -> None:
    """lmms-eval appends, so two runs that start in the same second share a file."""
    sizes = {"t": {"original": 1, "effective": 1}}
    save(tmp_path, {"t": [closed("q1", 1), closed("q1", 0)]}, sizes=sizes)
    with pytest.raises(ValueError, match="2 questions, but the run had 1"):
        read_run(tmp_path)


def test_a_question_that_stands_there_twice_is_refused(tmp_path: Path) -> None:
    save(tmp_path, {"t": [closed("q1", 1), closed("q1", 0), closed("q2", 0)]})
    with pytest.raises(ValueError, match="1 questions appear twice, the first is q1"):
        read_run(tmp_path)


@pytest.mark.parametrize("damage", [{"acc": {"uid": "q2"}}, {"n": 5}, {"acc": [1]}])
def test_lines_of_another_shape_are_named(tmp_path: Path, damage: dict[str, object]) -> None:
    save(tmp_path, {"t": [closed("q1", 1), closed("q2", 1) | damage]})
    with pytest.raises(ValueError, match=r"samples_t\.jsonl: not as this version writes it"):
        read_run(tmp_path)


@pytest.mark.parametrize("score", [float("nan"), float("inf"), -1, 1.5, "1", None, [1], {}])
def test_scores_that_are_none_are_named_with_file_and_line(tmp_path: Path, score: Any) -> None:
    line = closed("q2", 1)
    line["acc"]["score"] = score
    save(tmp_path, {"t": [failed("q0"), closed("q1", 1), line]})
    with pytest.raises(ValueError, match=r"samples_t\.jsonl, line 3: acc of q2 is .*from 0 to 1\. Run the same"):
        read_run(tmp_path)


@pytest.mark.parametrize("damage", ["[" * 200_000, r'"\ud800"', "\xff"])
def test_damaged_lines_are_named_with_file_and_line(tmp_path: Path, damage: str) -> None:
    path = save(tmp_path, {"t": [closed("q1", 1), closed("q2", 1)]})
    samples = path.with_name("20260101_120000_samples_t.jsonl")
    samples.write_bytes(samples.read_bytes().splitlines(keepends=True)[0] + damage.encode("latin-1"))
    with pytest.raises(ValueError, match=r"samples_t\.jsonl, line 2: (nested|not).*Run the same command again"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"results": []},
        {"results": {"t": 5}},
        {"config": []},
        {"n-samples": 3},
        {"n-samples": {"t": 3}},
        {"group_subtasks": [1]},
        {"group_subtasks": {"g": 5}},
    ],
)
def test_results_of_another_shape_are_named(tmp_path: Path, change: dict[str, Any]) -> None:
    path = save(tmp_path, {"t": [closed("q1", 1)]})
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ValueError, match=r"20260101_120000_(results\.json|samples_t\.jsonl): n"):
        read_run(tmp_path)


def test_results_nested_too_deeply_are_named(tmp_path: Path) -> None:
    path = save(tmp_path, {"t": [closed("q1", 1)]})
    path.write_text("[" * 200_000)
    with pytest.raises(ValueError, match=r"_results\.json: not a results file of lmms-eval"):
        read_run(path)
