"""What a study asks: grouped by family, said before it is asked, and wrong names refused before anything is loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lmms_vg.cli.main import main
from lmms_vg.study import asking
from lmms_vg.study.asking import JointAsk, asks_of, cost, tasks_of
from lmms_vg.study.questions import stated


def test_models_of_one_family_are_asked_together() -> None:
    asks = asks_of(["huatuo_plain", "llava_plain", "huatuo_vgrefine", "huatuo_plain"], causal=False)
    assert asks == [JointAsk("huatuo", ("plain", "vgrefine")), JointAsk("llava", ("plain",))]


def test_controls_are_asked_of_plain_alone_in_folders_of_their_own() -> None:
    asks = asks_of(["huatuo_plain", "huatuo_vgrefine", "llava_vgrefine"], causal=True)
    under = [ask for ask in asks if ask.control]
    assert under == [JointAsk("huatuo", ("plain",), "box_filled"), JointAsk("huatuo", ("plain",), "elsewhere_filled")]
    folders = [ask.out(Path("s")) for ask in asks]
    assert len(set(folders)) == len(asks)


def test_cost_counts_questions_times_methods() -> None:
    lines = list(cost([JointAsk("huatuo", ("plain", "vgrefine")), JointAsk("llava", ("plain",))], ["vgmed_demo"]))
    assert lines[0] == "vgmed_demo: 300 questions about 75 images"
    assert "600 answers" in lines[1]
    assert "In all 900 answers about 75 images" in lines[-1]


def test_data_that_are_missing_are_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LMMS_VG_DATA", str(tmp_path))
    first, *_ = cost([JointAsk("huatuo", ("plain",))], ["vgmed_localization"])
    assert first.startswith("vgmed_localization cannot be asked: vgmed: missing VGMED_localization.jsonl")


def test_names() -> None:
    assert tasks_of(["vgmed_coco", "vgmed_demo", "demo"]) == [
        "vgmed_coco_localization",
        "vgmed_coco_attribute",
        "vgmed_demo",
    ]
    with pytest.raises(ValueError, match=r"--data vgmd: did you mean vgmed\? allowed is vgmed"):
        tasks_of(["vgmd"])
    for wrong in ("pmc_vqa", "demo_calibration"):
        with pytest.raises(ValueError, match=f"--data {wrong}"):
            tasks_of([wrong])
    with pytest.raises(ValueError, match="--models huatuo_plan"):
        asks_of(["huatuo_plan"], causal=False)


def test_own_files_are_asked_where_they_have_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LMMS_VG_OWN", "")
    Image.new("RGB", (20, 10)).save(tmp_path / "a.png")
    rows = [
        {"image": "a.png", "question": "Where is it?", "bbox": [1, 1, 5, 5]},
        {"image": "a.png", "question": "Is it here?", "answer": "yes"},
    ]
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert tasks_of([str(path), "demo"]) == ["own_mine_grounding", "vgmed_demo"]
    first, *_ = cost([JointAsk("huatuo", ("plain",))], ["own_mine_grounding"])
    assert first == "own_mine_grounding: 1 questions about 1 images"
    (sample,) = stated("own_mine_grounding").values()
    assert sample.boxes == [[1, 1, 5, 5]]
    monkeypatch.setenv("LMMS_VG_OWN", "")
    assert (
        stated("own_mine_grounding")
        == "own_mine_grounding: LMMS_VG_OWN does not name its file; set it as it was for the run"
    )
    path.write_text(json.dumps(rows[1]) + "\n")
    with pytest.raises(ValueError, match="no row has bbox or mask"):
        tasks_of([str(path)])


def test_every_method_is_run_with_its_arguments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[tuple[Any, ...]] = []

    def run(family: str, settings: Any, common: str, arguments: list[str], out: Path) -> dict[str, int]:
        calls.append((family, [one.hyper_parameters for one in settings], common, arguments, out))
        (out / "plain").mkdir(parents=True)
        (out / "plain" / "1_results.json").touch()
        return {"plain": 0, "vgrefine": 1}

    monkeypatch.setattr(asking, "run_together", run)
    asks = [JointAsk("huatuo", ("plain", "vgrefine")), JointAsk("huatuo", ("plain",), "box_filled")]
    done, failed = asking.ask(asks[:1], ["t"], "pretrained=demo,vgrefine.k=2", ["--limit", "3"], tmp_path)
    assert calls[0] == (
        "huatuo",
        ["", "k=2"],
        "pretrained=demo",
        ["--tasks", "t", "--limit", "3"],
        tmp_path / "runs" / "huatuo",
    )
    assert done == [tmp_path / "runs" / "huatuo" / "plain"]
    assert failed == [f"{tmp_path / 'runs' / 'huatuo' / 'vgrefine'} (status 1)"]
    asking.ask(asks[1:], ["t"], "pretrained=demo", [], tmp_path)
    assert calls[1][2] == "pretrained=demo,control=box_filled"


def test_a_dry_run_asks_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ["--models", "huatuo_plain", "--data", "demo", "--dry-run", "-o", str(tmp_path / "s")]
    assert main(["study", "run", *arguments]) == 0
    assert "300 answers" in capsys.readouterr().out
    assert not (tmp_path / "s").exists()


def test_build_refuses_a_run_that_is_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["study", "build", str(tmp_path / "no"), "-o", str(tmp_path / "s")]) == 2
    assert "there is no no in" in capsys.readouterr().err
    assert main(["study", "build", str(tmp_path), "-o", str(tmp_path / "s")]) == 2
    assert "no *_results.json under it" in capsys.readouterr().err
