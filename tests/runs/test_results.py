"""What a run says about itself: its method in short, and a single identity."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from saved_run import IDENTITY, closed, failed, save, spec

from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.results import Run


@pytest.mark.parametrize(
    ("method", "label"),
    [
        (spec("plain"), "plain"),
        (spec("pai", gamma=1.1, heads=None, cfg=True), "pai (cfg=true, gamma=1.1)"),
        (
            spec("vgrefine", heads=[[1, 1], [1, 0], [2, 3], [1, 2]], layers=[1], p=50.0),
            "vgrefine (4 heads, layers=1, p=50)",
        ),
    ],
)
def test_method_in_short(tmp_path: Path, method: dict[str, Any], label: str) -> None:
    assert Run(tmp_path, "huatuo_x", "", provenance={"method": method}).label == label


def test_a_method_in_one_text_is_of_an_older_version(tmp_path: Path) -> None:
    path = save(tmp_path, {"t": [closed("q1", 1)]}, run=IDENTITY | {"method": "Plain()"})
    with pytest.raises(ValueError, match=r"older version"):
        read_run(path)


def test_a_model_that_is_not_ours_goes_by_its_name(tmp_path: Path) -> None:
    run = Run(tmp_path, "qwen2_vl (pretrained=a)", "", number=2)
    assert (run.label, run.is_plain) == ("qwen2_vl (pretrained=a) #2", False)


def test_identity_is_read_from_the_document_that_has_it(tmp_path: Path) -> None:
    tasks = {"t": [failed("q1"), closed("q2", 1)], "u": [closed("q1", 1)]}
    assert read_run(save(tmp_path / "a", tasks)).provenance is None
    assert read_run(save(tmp_path / "b", tasks, run=IDENTITY)).provenance == IDENTITY


def test_two_identities_are_no_run(tmp_path: Path) -> None:
    path = save(tmp_path, {"t": [closed("q1", 1)], "u": [closed("q1", 1)]}, run=IDENTITY)
    samples = path.with_name("20260101_120000_samples_u.jsonl")
    text = samples.read_text()
    samples.write_text(text.replace('"pretrained": "demo"', '"pretrained": "copy"'))
    assert read_run(path).provenance == IDENTITY, "the path of the weights is not part of the identity"
    samples.write_text(text.replace('"float32"', '"float16"'))
    with pytest.raises(ValueError, match=r"dtype is float32 .*float16 .*several runs"):
        read_run(path)


def test_seconds_are_those_of_the_answers(tmp_path: Path) -> None:
    task = read_run(save(tmp_path, {"t": [closed("q1", 1), failed("q2")]}, seconds=0.25)).tasks["t"]
    assert task.seconds == {"q1": 0.25}
    assert task.asked["q2"] == ("Is it?", "yes")
