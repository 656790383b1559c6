"""A run as a data frame: one row per question, and every value is that of the samples file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from saved_run import IDENTITY, closed, failed, measured, opened, save

import lmms_vg

METRICS = ("ar", "kl", "js", "best_layer")


def named(uid: str, *kl: float) -> dict:
    """A measured question that states its name, as scoring writes it."""
    line = measured(*kl)
    line["ar"] = line["ar"] | {"ar": [2 * value for value in kl], "uid": uid, "image": f"{uid}.png", "about": {}}
    return line


def saved(tmp_path: Path) -> Path:
    tasks = {
        "a": [closed("q1", 1, "i1", organ="liver"), closed("q2", 0, "i1", read=False, organ="lung"), failed("q3")],
        "b": [opened("q1", 0.25, modality="CT")],
        "m": [named("q1", 3.0, 1.0), named("q2", 3.0, 4.0), failed("q3", *METRICS)],
    }
    return save(tmp_path, tasks, means={"m": dict.fromkeys(METRICS, 1)}, run=IDENTITY, seconds=0.5)


@pytest.mark.slow
def test_one_row_per_question(tmp_path: Path) -> None:
    table = lmms_vg.read(saved(tmp_path)).to_pandas()
    assert list(zip(table.task, table.uid, strict=True)) == [
        *(("a", uid) for uid in ("q1", "q2", "q3")),
        ("b", "q1"),
        *(("m", uid) for uid in ("q1", "q2", "q3")),
    ]
    assert set(table.run) == {"plain"}
    assert set(table.model) == {"huatuo_plain (pretrained=demo)"}
    a = table[table.task == "a"].set_index("uid")
    assert a.loc[
        "q1", ["image", "organ", "metric", "score", "extracted", "answer", "reference", "seconds"]
    ].tolist() == [*("i1", "liver", "acc", 1.0, "yes", "yes", "yes", 0.5)]
    assert pd.isna(a.loc["q2", "extracted"])
    assert a.loc["q3", ["error_code", "error"]].tolist() == ["image", "it was too large"]
    assert pd.isna(a.loc["q3", "score"])
    (score,) = table[table.task == "b"].score
    assert score == 0.25
    assert table.groupby("task").score.mean().loc["a"] == 0.5, "as lmms-eval's mean over answered questions"


def test_attention_is_that_of_one_layer(tmp_path: Path) -> None:
    """Mean KL is 3 in the first layer and 2.5 in the second."""
    run = lmms_vg.read(saved(tmp_path))
    m = run.to_pandas().query("task == 'm'").set_index("uid")
    assert m.loc["q1", ["layer", "kl", "ar", "js"]].tolist() == [1, 1.0, 2.0, 1.0]
    assert m.loc["q2", ["layer", "kl", "ar", "js"]].tolist() == [1, 4.0, 8.0, 4.0]
    assert m.loc["q3", "error_code"] == "image"
    assert pd.isna(m.loc["q3", "ar"])
    assert m.score.isna().all()
    first = run.to_pandas(layer=0).query("task == 'm'").set_index("uid")
    assert first.loc["q2", ["layer", "kl"]].tolist() == [0, 3.0]
    with pytest.raises(ValueError, match="layer 2: m allows 0 to 1"):
        run.to_pandas(layer=2)


def test_without_measured_tasks_there_are_no_columns_of_attention(tmp_path: Path) -> None:
    table = lmms_vg.read(save(tmp_path, {"a": [closed("q1", 1)]})).to_pandas()
    assert list(table.columns[:5]) == ["run", "model", "task", "uid", "image"]
    assert not {"ar", "layer"} & set(table.columns)


def test_questions_of_earlier_versions_have_no_names_and_no_rows(tmp_path: Path) -> None:
    run = lmms_vg.read(save(tmp_path, {"m": [measured(1.0, 2.0)]}, means={"m": dict.fromkeys(METRICS, 1)}))
    assert run.measured == ["m"]
    assert len(run.to_pandas()) == 0


def test_a_run_of_the_demo(demo_runs: Path) -> None:
    """What `report` prints as means is the mean of the rows, and a journal has the rows of its results folder."""
    run = lmms_vg.read(demo_runs / "out" / "plain")
    table = run.to_pandas()
    for task, means in run.means.items():
        rows = table[table.task == task]
        if task in run.measured:
            assert rows.ar.mean() == pytest.approx(means["ar"])
            assert rows.js.mean() == pytest.approx(means["js"])
        elif task in run.tasks:
            assert rows.score.mean() == pytest.approx(means["acc"])
    assert not table.duplicated(["task", "uid"]).any()
