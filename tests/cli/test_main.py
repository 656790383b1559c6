"""`lmms-vg`: overlays, task names, and errors without tracebacks."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from lmms_eval.tasks import TaskManager
from PIL import Image

from lmms_vg import harness
from lmms_vg.cli.main import _parser, main
from lmms_vg.host.failure import RunFailed
from lmms_vg.plugin import TASK_FOLDER


def test_overlay_draws_a_picture_a_question(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "pictures"
    models = ["--models", "huatuo_plain,huatuo_vgrefine", "--model_args", "pretrained=demo"]
    assert main(["overlay", *models, "-n", "2", "-o", str(out)]) == 0
    paths = [Path(line) for line in capsys.readouterr().out.splitlines() if line.endswith(".png")]
    assert paths == [out / "vgmed_demo_00.png", out / "vgmed_demo_01.png"]
    assert all(Image.open(path).width > 2 * Image.open(path).height for path in paths), "three panels"


def test_the_task_folder_is_what_lmms_eval_can_include(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "--path"]) == 0
    assert capsys.readouterr().out.strip() == str(TASK_FOLDER)
    names = TaskManager(include_path=str(TASK_FOLDER), include_defaults=False).all_tasks
    assert {"vgmed", "vgmed_coco", "slake", "vg_slake", "vgmed_demo", "vqa_demo", "medvqa"} <= set(names)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["overlay", "--models", "gpt_plain", "-o", "x"], "huatuo_plain"),
        (["overlay", "--task", "slake_closed", "-o", "x"], "--task slake_closed: allowed is vgmed_demo"),
        (["overlay", ".", "--worst", "-3", "-o", "x"], "--worst -3: allowed are positive integers"),
        (["overlay", "-n", "0", "-o", "x"], "-n 0, --worst 0: allowed are positive integers"),
        (["heads", "show", "unheard_of"], "shipped lists: demo, huatuo_vision_34b"),
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


@pytest.mark.e2e
def test_help_is_instant_and_imports_nothing_heavy() -> None:
    """Every command imports what it needs inside its functions."""
    script = (
        "import sys; from lmms_vg.cli.main import _parser; _parser(); "
        "print({'torch', 'numpy', 'pydantic', 'loguru'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def _with_subcommands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for commands in (action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction)):
        for command in commands.values():
            yield from _with_subcommands(command)


def test_the_help_of_every_command_says_what_it_does_and_describes_all_its_arguments() -> None:
    parsers = list(_with_subcommands(_parser()))
    assert len(parsers) > 40
    for parser in parsers:
        assert re.fullmatch(r"[A-Z][^\n]+\w\.", parser.description or ""), parser.prog
        undescribed = [action.dest for action in parser._actions if not action.help and action.nargs != "A..."]
        assert not undescribed, parser.prog


def test_the_help_of_a_command_begins_with_its_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["journal", "size", "--help"])
    assert "\n\nPrint the size of each journal and of all together.\n\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        ("huatuo_plain", "demo", r"model_args 'demo' has no '='.*pretrained=demo"),
        ("huatuo_plain", "pretrained=demo,heads=1-1", r"heads='1-1': 'plain' takes no head list.*per_head=true"),
        ("huatuo_vgrefine", "pretrained=demo,k=99", r"k=99: allowed is an integer from 1 to 10"),
    ],
)
def test_wrong_model_args_are_an_ordinary_exception_of_one_line(model: str, arguments: str, message: str) -> None:
    """This also holds outside lmms-eval's command line."""
    with pytest.raises(RunFailed, match=message) as caught:
        getattr(harness, model).create_from_arg_string(arguments, {"batch_size": 1})
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None, "no chained traceback"


def test_example_boxes_are_those_of_the_masks(tmp_path: Path) -> None:
    """The box is the mask's tight box, x2 and y2 exclusive; the label comes from the file's name."""
    from examples.real_slices import boxes_of

    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    Image.new("RGB", (20, 10)).save(tmp_path / "images" / "s1_30.png")
    mask = np.zeros((10, 20), dtype=np.uint8)
    mask[2:5, 7:16] = 255
    Image.fromarray(mask).save(tmp_path / "masks" / "s1_30_heart_atrium_left_000.png")
    boxes = list(boxes_of(tmp_path / "images" / "s1_30.png", tmp_path / "masks"))
    assert boxes == [{"image": "images/s1_30.png", "label": "heart atrium left", "bbox": [[7, 2, 16, 5]]}]


def test_run_without_tasks_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """lmms-eval alone reports this in its log and exits with 0."""
    with pytest.raises(SystemExit, match="--tasks is missing"):
        main(["run", "--model", "huatuo_plain", "--model_args", "pretrained=demo"])


def test_a_home_that_cannot_be_written_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LMMS_VG_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(RunFailed, match=f"{tmp_path / 'file'}.*LMMS_VG_HOME="):
        harness.huatuo_plain.create_from_arg_string("pretrained=demo")
