"""What a calibration is given: data of one's own, damaged lines, and arguments that are refused before any work."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from calibrating import ROW, command, raw_heads, raw_records, read
from loguru import logger

import lmms_vg.tasks.catalogue
from lmms_vg.cli.main import main
from lmms_vg.experiments.boxed_questions import annotated

Capture = pytest.CaptureFixture[str]


def test_images_and_boxes_of_ones_own(
    checkpoint: str, tmp_path: Path, own_file: Callable[..., Path], capsys: Capture
) -> None:
    rows = [ROW, ROW | {"image": "imgs/2.png"}, ROW | {"bbox": []}, ROW | {"question": "And the spleen?", "bbox": None}]
    path = own_file(*rows)
    out = tmp_path / "list.json"
    assert main(command(checkpoint, out, data=path)) == 0
    output = capsys.readouterr().out
    assert "2 questions of boxes.jsonl have no box and are left out: boxes.jsonl/3, boxes.jsonl/4" in output
    head_list = read(out)
    assert (head_list.provenance["data"], head_list.provenance["n"], head_list.leaks) == ("boxes.jsonl", 2, [])
    assert [record["uid"] for record in raw_records()] == ["boxes.jsonl/1", "boxes.jsonl/2"]


def test_the_same_question_twice_counts_twice(checkpoint: str, tmp_path: Path, own_file: Callable[..., Path]) -> None:
    """It is answered once; the journal has its values under both of its uids."""
    other = ROW | {"image": "imgs/2.png"}
    assert main(command(checkpoint, tmp_path / "list.json", data=own_file(ROW, other, ROW))) == 0
    head_list = read(tmp_path / "list.json")
    values = {uid: heads["kl"] for uid, heads in raw_heads().items()}
    assert len(values) == 3
    assert np.array_equal(values["boxes.jsonl/1"], values["boxes.jsonl/3"])
    assert head_list.provenance["n"] == 3
    assert head_list.scores is not None
    twice, once = (np.array(values[f"boxes.jsonl/{row}"]) for row in (1, 2))
    assert np.array(head_list.scores.all_kl) == pytest.approx((2 * twice + once) / 3, abs=1e-4)


def test_patients_are_those_of_the_questions_asked(
    checkpoint: str, tmp_path: Path, own_file: Callable[..., Path]
) -> None:
    """Also where a run that knew of no patient has answered them before."""
    rows = [ROW, ROW | {"image": "imgs/2.png"}]
    assert main(command(checkpoint, tmp_path / "before.json", data=own_file(*rows))) == 0
    named = own_file(*(row | {"patient": "A"} for row in rows))
    assert main(command(checkpoint, tmp_path / "after.json", data=named)) == 0
    assert len(raw_records()) == 2, "nothing is asked again"
    before, after = (read(tmp_path / f"{name}.json") for name in ("before", "after"))
    assert (before.provenance["n"], before.provenance["images"]) == (2, 2)
    assert (after.provenance["n"], after.provenance["images"]) == (2, 1), "two slices of one patient"


def test_a_broken_image_is_counted(checkpoint: str, tmp_path: Path, own_file: Callable[..., Path]) -> None:
    path = own_file(ROW | {"image": "imgs/0.png"}, ROW)
    heard: list[str] = []
    sink = logger.add(lambda message: heard.append(str(message)), level="WARNING")
    assert main(command(checkpoint, tmp_path / "list.json", data=path)) == 0
    logger.remove(sink)
    assert "1 of 2 questions were not measured" in "".join(heard)
    head_list = read(tmp_path / "list.json")
    assert (head_list.provenance["n"], head_list.provenance["asked"]) == (1, 2)


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([ROW | {"bbox": []}, {"image": "imgs/1.png", "question": "?"}], "none of its 2 questions has a box"),
        ([ROW | {"image": "gone.png"}, ROW | {"image": "imgs/none.png"}], "gone.png"),
    ],
)
def test_data_that_rank_nothing_are_refused_before_the_model(
    rows: list[dict[str, Any]], message: str, own_file: Callable[..., Path], tmp_path: Path, capsys: Capture
) -> None:
    assert main(command("demo", tmp_path / "list.json", data=own_file(*rows))) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "list.json").exists()


def test_damaged_lines_are_named_and_the_others_are_drawn(own_file: Callable[..., Path]) -> None:
    path = own_file(ROW)
    with path.open("a") as lines:
        lines.write("{not JSON\n")
    heard: list[str] = []
    sink = logger.add(lambda message: heard.append(str(message)), level="WARNING")
    sample = annotated(str(path), 5, 0)
    logger.remove(sink)
    assert [question.uid for question in sample.questions] == ["boxes.jsonl/1"]
    assert f"1 of 2 lines are left out, first {path}, line 2: not JSON" in "".join(heard)


@pytest.mark.usefixtures("no_model")
def test_coco_without_images_says_how_to_fetch_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    data = tmp_path / "data"
    (data / "vgmed").mkdir(parents=True)
    row = {"image": "COCO_val2014_000000000042.jpg", "question": "Where is the dog?", "bbox": [[1, 2, 3, 4]]}
    (data / "vgmed" / "COCO_localization.jsonl").write_text(json.dumps(row) + "\n")
    monkeypatch.setenv("LMMS_VG_DATA", str(data))
    assert main(command("demo", tmp_path / "list.json", data="coco")) == 2
    output = capsys.readouterr().err
    assert "lmms-vg data fetch coco" in output
    assert "coco" in lmms_vg.tasks.catalogue.specs(), "which that command knows"
    assert "COCO_val2014_000000000042.jpg" in output
    (data / "vgmed" / "COCO_localization.jsonl").unlink()
    assert main(command("demo", tmp_path / "list.json", data="coco")) == 1
    assert "lmms-vg data fetch vgmed" in capsys.readouterr().err


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "gpt"}, "--model 'gpt': allowed is huatuo, internvl, lingshu, llava"),
        ({"model": "huatuo_vgrefine"}, "heads are ranked on the plain model"),
        ({"model_args": "demo"}, "--model_args 'demo' has no '='; allowed is name=value"),
        ({"model_args": "pretrained=demo,heads=1-1"}, "--model_args heads=1-1: did you mean per_head?"),
        ({"data": "slake_closed"}, "--data slake_closed: allowed is coco, vgmed, demo"),
        ({"keep": 37}, "--keep 37: 'demo' has 6 layers of 6 heads, so allowed is 1 to 36"),
        ({"keep": 0}, "allowed are positive integers"),
    ],
)
def test_wrong_arguments_are_named_before_any_work(
    changes: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(command("demo", Path("list.json"), **changes)) == 2
    assert message in capsys.readouterr().err


@pytest.mark.usefixtures("no_model")
def test_a_list_is_a_json_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(command("demo", Path("heads.txt"))) == 2
    assert "--out heads.txt: name the .json file to write" in capsys.readouterr().err


@pytest.mark.usefixtures("no_model")
def test_a_list_is_never_overwritten(tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "list.json"
    out.write_text("precious")
    assert main(command("demo", out)) == 2
    assert f"{out}: this already exists" in capsys.readouterr().err
    assert out.read_text() == "precious"
