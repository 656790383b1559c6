"""What is collected of runs: values, excess and maps of hand-made journals, and what older runs lack."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from looks import asked, run_of, seeing, with_hidden
from saved_run import IDENTITY, closed, measured, save

from lmms_vg.metrics.alignment import align
from lmms_vg.runs.grounding import Grounding, grounding
from lmms_vg.runs.layer_choice import named
from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.study.collect import StudiedTask, collect


def studied(folder: Path, *args: object, **kwargs: object) -> StudiedTask:
    (task,) = collect([run_of(folder, asked(*args, **kwargs))]).tasks  # type: ignore[arg-type]
    return task


def test_excess_and_placement_are_those_of_a_report(tmp_path: Path) -> None:
    run = run_of(tmp_path, asked(seeing))
    (task,) = collect([run]).tasks
    for layer in (0, 1):
        result = grounding(run, {"t": named(layer)})["t"]
        assert isinstance(result, Grounding)
        for measure, name in (("AR", "log AR"), ("KL", "KL"), ("JS", "JS"), ("placement", "placement")):
            mean = np.nanmean(task.excess[measure][:, layer])  # type: ignore[index]
            assert mean == pytest.approx(result.looked[name].excess.mean, abs=1e-6)  # type: ignore[index]


def test_the_lift_of_a_question_has_its_ar_in_the_mask(tmp_path: Path) -> None:
    maps = asked(seeing, n=12)
    (task,) = collect([run_of(tmp_path, maps)]).tasks
    for i, question in enumerate(task.questions):
        kept = next(one for one in maps if f"u/{one.key}" == question.uid)
        lift = task.lift(i)
        assert lift is not None
        assert question.mask is not None
        assert lift.shape == (2, 8, 8)
        assert lift.mean(axis=(1, 2)) == pytest.approx([1, 1])
        values = align(kept.maps.restored()[:, None], kept.reference.maps.restored()[:, None], kept.mask, "k")
        assert lift[:, question.mask].mean(axis=1) == pytest.approx(values.ar, rel=1e-5)
        assert question.share == kept.mask.sum() / 64


def test_even_attention_and_hidden_patches(tmp_path: Path) -> None:
    task = studied(tmp_path, with_hidden, n=20)
    shares = np.array([question.share for question in task.questions])
    assert task.even["KL"] == pytest.approx(-np.log(shares))
    assert task.even["AR"] == pytest.approx(np.ones(20))
    assert task.hidden.tolist() == [[False, True]] * 20
    first = task.lift(0)
    assert first is not None
    assert (first[1] == 0).sum() == 6


def test_a_journal_without_maps_has_the_values_of_its_records_alone(tmp_path: Path) -> None:
    study = collect([run_of(tmp_path, asked(seeing, n=10), keep=False)])
    (task,) = study.tasks
    assert task.values["KL"].tolist() == [[1.0, 1.0]] * 10
    for table in (*task.excess.values(), *task.level.values(), task.values["placement"]):
        assert np.isnan(table).all()
    assert task.lift(0) is None
    assert any("10 of 10 questions have no maps" in line.text for line in study.missing)


def test_without_its_journal_a_run_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMMS_VG_HOME", str(tmp_path / "empty"))
    run = run_of(tmp_path / "journal", asked(seeing, n=10))
    elsewhere = replace(run, path=tmp_path / "x_results.json")
    (tmp_path / "x_samples_t.jsonl").write_text(
        '{"kl": {"kl": [1, 2]}, "ar": {"ar": [1, 1]}, "js": {"js": [0.1, 0.1]}}\n'
    )
    with pytest.raises(ValueError, match="its journal is not on this machine"):
        collect([elsewhere])


def test_values_come_from_samples_where_the_journal_is_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMMS_VG_HOME", str(tmp_path / "empty"))
    run = replace(run_of(tmp_path / "journal", asked(seeing, n=1)), path=tmp_path / "x_results.json")
    line = (
        '{"kl": {"kl": [1, 2]}, "js": {"js": [0.1, 0.2]}, "input": "Is a liver shown in the picture?", "filtered_resps": '
        '["yes"], "ar": {"ar": [3, 4], "uid": "a/2", "image": "vgmed:BTCV/1.png", "about": {}, "units": {"subset": "BTCV"}}}\n'
    )
    (tmp_path / "x_samples_t.jsonl").write_text(line.replace("a/2", "a/10") + line)
    (task,) = collect([run]).tasks
    assert [question.uid for question in task.questions] == ["a/2", "a/10"]
    first = task.questions[0]
    assert (first.modality, first.source, first.organ, first.answer) == ("CT", "BTCV", "liver", "yes")
    assert task.values["AR"].tolist() == [[3, 4]] * 2
    assert task.best_layer == 0


def test_runs_that_measured_nothing_are_refused(tmp_path: Path) -> None:
    run = replace(run_of(tmp_path, asked(seeing, n=1)), measured=[])
    with pytest.raises(ValueError, match="none of its tasks measures"):
        collect([run])


def test_no_folder_of_this_machine_is_named_to_others(tmp_path: Path) -> None:
    looked, other = (run_of(tmp_path / name, asked(seeing, n=10)) for name in "ab")
    study = collect([looked, replace(other, measured=[])])
    lacking = next(note for note in study.missing if "none of its tasks measures" in note.text)
    assert str(lacking).startswith(f"{other.path}: none of its tasks measures")
    assert lacking.on_a_page.endswith(" plain: none of its tasks measures where the model looks")
    assert not any(str(tmp_path) in note.on_a_page for note in study.missing)


def test_answers_that_are_scored_and_measured_are_right_or_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMMS_VG_HOME", str(tmp_path / "empty"))
    lines = []
    for number in range(3):
        line = closed(f"q/{number}", number % 2, f"slake:{number}", modality="CT", organ="Liver") | measured(2.0, 1.0)
        line["ar"] |= {"uid": f"q/{number}", "image": f"slake:{number}", "about": {"modality": "CT", "organ": "Liver"}}
        lines.append(line)
    (task,) = collect([read_run(save(tmp_path / "out", {"slake_grounded_closed": lines}, run=IDENTITY))]).tasks
    assert [question.right for question in task.questions] == [False, True, False]
    first = task.questions[0]
    assert (first.kind, first.side, first.modality, first.organ) == ("answered", "medical", "CT", "Liver")
    assert task.values["KL"].tolist() == [[2.0, 1.0]] * 3


def test_units_are_listed_once(tmp_path: Path) -> None:
    """Tables ask for the unit of single questions: a list made anew for each takes the square of their number."""
    task = studied(tmp_path, seeing, n=10)
    assert task.units is task.units
    assert task.images is task.images
    assert task.units == [question.unit for question in task.questions]
