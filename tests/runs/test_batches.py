"""What a comparison says about runs whose questions shared other batches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from saved_run import IDENTITY, closed, save, spec

from lmms_vg.runs.batches import batch_notes
from lmms_vg.runs.compare import compare
from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.results import Run


def saved(
    folder: Path,
    batches: Sequence[int | None],
    answers: Sequence[str] = ("yes", "no", "yes", "no"),
    method: str = "plain",
    size: int | str = "auto",
) -> Run:
    """A run of four questions; `batches` holds what `n` states, None for nothing."""
    lines = []
    for number, (batch, answer) in enumerate(zip(batches, answers, strict=True)):
        line = closed(f"q{number}", 1) | {"filtered_resps": [answer]}
        lines.append(line | {"n": line["n"] | ({} if batch is None else {"batch": batch})})
    return read_run(save(folder, {"t": lines}, run=IDENTITY | {"method": spec(method), "batch_size": size}))


def test_equal_batches_are_not_mentioned(tmp_path: Path) -> None:
    plain = saved(tmp_path / "a", [3, 3, 3, 1])
    assert batch_notes([plain, saved(tmp_path / "b", [3, 3, 3, 1], method="pai")], plain) == []
    assert batch_notes([plain, saved(tmp_path / "c", [None] * 4, method="pai")], plain) == []
    assert batch_notes([plain], plain) == []


def test_other_batches_of_another_method_are_marked(tmp_path: Path) -> None:
    plain, other = saved(tmp_path / "a", [3, 3, 3, 1]), saved(tmp_path / "b", [4] * 4, method="pai")
    (note,) = batch_notes([other, plain], plain)
    assert note.startswith("Batches differ: 4 of 4 questions ")
    assert note.endswith("(pai: 4; plain: 1 to 3 per batch)")
    third = saved(tmp_path / "c", [2] * 4, method="vaf")
    assert len(batch_notes([plain, other, third], plain)) == 2, "only against the base"


@pytest.mark.parametrize(
    ("answers", "changed"), [(["yes", "no", "yes", "no"], 0), (["no", " no", "yes", "large"], 2), (["a"] * 4, 4)]
)
def test_answers_of_one_method_that_differ_are_counted(tmp_path: Path, answers: list[str], changed: int) -> None:
    """By the batches of the questions, or, for older samples, by the batch size that was asked for."""
    stated = (saved(tmp_path / "a", [None] * 4, size=1), saved(tmp_path / "b", [None] * 4, answers, size=4))
    measured = (saved(tmp_path / "c", [1] * 4), saved(tmp_path / "d", [2, 2, 1, 1], answers))
    for runs, number in ((stated, 1), (measured, 2)):
        notes = batch_notes(runs, runs[0])
        assert len(notes) == number
        assert notes[-1].startswith(f"Answers differ: {changed} of 4 between plain and plain")


def test_a_comparison_says_it(tmp_path: Path) -> None:
    runs = [saved(tmp_path / "a", [1] * 4), saved(tmp_path / "b", [4] * 4, ["yes"] * 4)]
    notes = compare(runs).notes
    assert any(note.startswith("Batches differ: 4 of 4 ") for note in notes)
    assert any(note.startswith("Answers differ: 2 of 4 between plain #1 and plain #2") for note in notes)


def test_two_batch_sizes_must_still_be_allowed(tmp_path: Path) -> None:
    runs = [saved(tmp_path / "a", [1] * 4, size=1), saved(tmp_path / "b", [4] * 4)]
    with pytest.raises(ValueError, match="batch_size is auto, but 1 in"):
        compare(runs)
    assert any(note.startswith("Answers differ: 0 of 4") for note in compare(runs, ["batch_size"]).notes)
