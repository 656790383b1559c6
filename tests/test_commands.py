"""`lmms-vg`: calibration against eager attention, overlays, task names, and errors without tracebacks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from lmms_eval.tasks import TaskManager
from naive import stock
from PIL import Image

from lmms_vg import harness
from lmms_vg.cli import main
from lmms_vg.images import open_picture
from lmms_vg.measurement import questions
from lmms_vg.methods import VGRefine
from lmms_vg.models import FAMILIES
from lmms_vg.models.checkpoint import shape_of
from lmms_vg.plugin import TASKS


def test_calibration_ranks_heads_by_mean_kl(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Against KL computed here from eager attentions, head by head; and the list is one VGRefine takes."""
    folder = tiny.save(tmp_path / "model")
    out = tmp_path / "heads" / "list.json"
    arguments = ["heads", "calibrate", "--family", "huatuo", "--pretrained", str(folder), "--data", "demo_calibration"]
    assert main([*arguments, "-n", "6", "--seed", "3", "--keep", "7", "-o", str(out)]) == 0
    assert "7 heads of n=6 questions" in capsys.readouterr().out
    made = json.loads(out.read_text())

    family = FAMILIES["huatuo"].load(str(folder), None, torch.float32, "cpu", None, "true")
    divergences, layers = [], []
    for question in questions("demo_calibration", 6, 3):
        image, text = question.message()
        assert isinstance(image, Image.Image)
        picture, maps = open_picture(image), []
        for one in (family.prompt([picture, str(text)]), family.prompt([picture, question.reference])):
            with torch.no_grad(), stock(family.model, "eager"):
                seen = family.model(
                    input_ids=one.input_ids[None], pixel_values=one.pixel_values, output_attentions=True
                ).attentions
            maps.append(np.stack([layer[0, :, -1].double().numpy()[:, one.image_tokens] for layer in seen]))
            mask = one.geometries[0].patch_mask(question.boxes).ravel()
        target = mask / mask.sum()

        def kl(values: np.ndarray, target: np.ndarray = target) -> np.ndarray:
            shares = np.clip(values / values.sum(-1, keepdims=True), 1e-12, 1)
            return (np.clip(target, 1e-12, 1) * np.log(np.clip(target, 1e-12, 1) / shares)).sum(-1)

        divergences.append(kl(maps[0] / maps[1]))
        layers.append(kl(maps[0].mean(1) / maps[1].mean(1)))
    heads = np.mean(divergences, 0)
    order = np.argsort(heads, axis=None)[:7]
    assert made["heads"] == [[int(i) // tiny.HEADS, int(i) % tiny.HEADS] for i in order]
    assert made["layers"] == [int(np.mean(layers, 0).argmin())]
    assert made["provenance"]["kl"] == pytest.approx(np.sort(heads, axis=None)[:7], abs=2e-4)
    method = VGRefine.for_checkpoint(shape_of(str(folder)), heads=str(out))
    assert isinstance(method, VGRefine)
    assert [list(head) for head in method.heads] == made["heads"]


def test_overlay_draws_a_picture_a_question(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "pictures"
    models = ["--models", "huatuo_plain,huatuo_vgrefine", "--model_args", "pretrained=demo"]
    assert main(["overlay", *models, "-n", "2", "-o", str(out)]) == 0
    paths = [Path(line) for line in capsys.readouterr().out.splitlines() if line.endswith(".png")]
    assert paths == [out / "vgmed_demo_00.png", out / "vgmed_demo_01.png"]
    assert all(Image.open(path).width > 2 * Image.open(path).height for path in paths), "three panels"


def test_the_task_folder_is_what_lmms_eval_can_include(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "--path"]) == 0
    assert capsys.readouterr().out.strip() == str(TASKS)
    found = TaskManager(include_path=str(TASKS), include_defaults=False).all_tasks
    assert {"vgmed", "vgmed_coco", "slake", "vg_slake", "vgmed_demo", "vqa_demo", "medvqa"} <= set(found)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["overlay", "--models", "gpt_plain", "-o", "x"], "huatuo_plain"),
        (["overlay", "--task", "slake_closed", "-o", "x"], "task 'slake_closed': allowed is vgmed_demo"),
        (["heads", "calibrate", "--pretrained", "demo", "--data", "vgmed", "-o", "x"], "task 'vgmed': allowed is"),
    ],
)
def test_errors_are_one_line_and_status_2(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert shown.count("\n") == 1


def test_help_is_instant_and_imports_nothing_heavy() -> None:
    """Every command imports what it needs inside."""
    script = "import sys; from lmms_vg.cli import _parser; _parser(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "."], "is a folder; name the .json file"),
        (["-n", "0", "-o", "x.json"], "allowed are positive integers"),
        (["--keep", "0", "-o", "x.json"], "allowed are positive integers"),
    ],
)
def test_calibration_checks_its_output_before_any_work(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lmms_vg.calibration.build", lambda *args, **kwargs: pytest.fail("work was done"))
    assert main(["heads", "calibrate", "--pretrained", "demo", "--data", "demo_calibration", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        ("huatuo_plain", "demo", r"model_args 'demo' has no '='.*pretrained=demo"),
        ("huatuo_plain", "pretrained=demo,heads=1-1", r"heads='1-1': with 'plain' only heads=true"),
        ("huatuo_vgrefine", "pretrained=demo,k=99", r"k=99: allowed is an integer from 1 to 10"),
    ],
)
def test_wrong_model_args_end_lmms_eval_with_one_line(model: str, arguments: str, message: str) -> None:
    """SystemExit: lmms-eval would print a traceback of anything else, and exit with status 0."""
    with pytest.raises(SystemExit, match=message) as caught:
        getattr(harness, model).create_from_arg_string(arguments, {"batch_size": 1})
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None, "no chained traceback"


def test_example_boxes_are_those_of_the_masks(tmp_path: Path) -> None:
    """A mask's tight box, x2 and y2 exclusive, and its label from the file's name."""
    from examples.real_slices import boxes_of

    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    Image.new("RGB", (20, 10)).save(tmp_path / "images" / "s1_30.png")
    mask = np.zeros((10, 20), dtype=np.uint8)
    mask[2:5, 7:16] = 255
    Image.fromarray(mask).save(tmp_path / "masks" / "s1_30_heart_atrium_left_000.png")
    found = list(boxes_of(tmp_path / "images" / "s1_30.png", tmp_path / "masks"))
    assert found == [{"image": "images/s1_30.png", "label": "heart atrium left", "bbox": [[7, 2, 16, 5]]}]


def test_run_without_tasks_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """lmms-eval alone says so in its log and exits with 0."""
    with pytest.raises(SystemExit, match="--tasks is missing"):
        main(["run", "--model", "huatuo_plain", "--model_args", "pretrained=demo"])


def test_a_home_that_cannot_be_written_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LMMS_VG_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(SystemExit, match="LMMS_VG_HOME must name a folder that can be written"):
        harness.huatuo_plain.create_from_arg_string("pretrained=demo")
