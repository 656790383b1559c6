"""Follow docs/add_a_dataset.md literally: own questions are checked, asked, reported, compared, drawn, and rank heads.

A reader in a folder outside the project, as the page has it, is asked, too.
"""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import tiny
import warm
from commands import answers, command
from pages import blocks, commands
from PIL import Image

import lmms_vg
from lmms_vg.cli.main import main
from lmms_vg.plugin import TASK_FOLDER

#: Seconds per test: several whole runs of lmms-eval, on a machine that may be busy.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PAGE = "add_a_dataset.md"
PATIENTS = 6


def write_questions(root: Path) -> None:
    """The page's three rows, about the images of six patients, and a line that is broken."""
    first = next(text for language, text in blocks(PAGE) if language == "json")
    box, mask, choice = (json.loads(line) for line in first.splitlines())
    lines = []
    for number in range(PATIENTS):
        about = {"image": f"scans/{number}.png", "patient": str(number)}
        (root / "scans").mkdir(exist_ok=True)
        (root / "masks").mkdir(exist_ok=True)
        tiny.picture(number, 80, 80).save(root / about["image"])
        region = Image.new("L", (80, 80))
        region.paste(255, (10, 20, 40, 60))
        region.save(root / "masks" / f"{number}.png")
        lines += [box | about, mask | about | {"mask": f"masks/{number}.png"}, choice | about]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (root / "mine.jsonl").write_text(text + '{"image": "scans/0.png", "question": "?", "bbox": [40, 40, 10, 10]}\n')


def write_reader(root: Path) -> None:
    """The page's reader and tasks, and the data set that it reads."""
    code, *more = [text for language, text in blocks(PAGE) if language == "python"]
    assert not more
    tasks = [text for language, text in blocks(PAGE) if language == "yaml"]
    (root / "my_tasks").mkdir()
    (root / "my_tasks" / "reader.py").write_text(code)
    for number, text in enumerate(tasks):
        (root / "my_tasks" / f"{number}.yaml").write_text(text.replace("TASKS", str(TASK_FOLDER)))
    images = root / "data" / "my_set" / "images"
    images.mkdir(parents=True)
    rows = ["id,image,question,answer,left,top,right,bottom"]
    for number in range(PATIENTS):
        tiny.picture(number, 80, 80).save(images / f"{number}.png")
        rows.append(f"{number},{number}.png,Is the liver enlarged?,{('yes', 'no')[number % 2]},{number},20,40,60")
    (images.parent / "questions.csv").write_text("\n".join(rows), encoding="utf-8")


def typed(root: Path, line: str) -> tuple[int, str]:
    """Status and output of a command; those that start lmms-eval are programs, as it knows no own questions otherwise."""
    words = shlex.split(line)
    name, _, value = words[0].partition("=")
    if value:
        lmms_eval, *words = words[1:]
        home = {"LMMS_VG_HOME": str(root / "home"), "HF_HOME": str(root / "home" / "hf")}
        done = subprocess.run(
            [warm.programs() / lmms_eval, *words],
            env=os.environ | home | {name: value},
            capture_output=True,
            text=True,
            check=False,
        )
    elif words[1] == "run":
        done = command(root / "home", *words[1:])
    else:
        with redirect_stdout(io.StringIO()) as printed:
            status = main(words[1:])
        return status, printed.getvalue()
    return done.returncode, done.stdout + done.stderr * bool(done.returncode)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the page, after all its commands."""
    root = tmp_path_factory.mktemp("own")
    write_questions(root)
    write_reader(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("LMMS_VG_HOME", str(root / "home"))
        patch.setenv("LMMS_VG_OWN", "")  # commands set it
        for number, line in enumerate(commands(PAGE)):
            status, said = typed(root, line)
            assert status == (1 if " check " in line else 0), f"{line}\n{said}"
            (root / f"{number}.txt").write_text(said)
    return root


def results(folder: Path) -> dict[str, Any]:
    (path,) = folder.rglob("*_results.json")
    return json.loads(path.read_text())["results"]


@pytest.mark.parametrize("run", ["out/plain", "out/vgrefine", "hosted"])
def test_every_kind_of_row_is_asked_by_either_command(folder: Path, run: str) -> None:
    tasks = results(folder / run)
    looked, both, chosen = (tasks[f"own_mine_{kind}"] for kind in ("grounding", "grounded_closed", "choice"))
    assert [task["n,none"] for task in (looked, both, chosen)] == [PATIENTS] * 3
    assert looked["ar,none"] > 0
    assert both["kl,none"] > 0
    assert 0 <= both["acc,none"] <= 1
    assert 0 <= chosen["acc,none"] <= 1


def test_a_reader_of_another_package_is_asked_and_measured(folder: Path) -> None:
    tasks = results(folder / "reader")
    assert [tasks[f"my_set_{kind}"]["n,none"] for kind in ("closed", "grounding")] == [PATIENTS] * 2
    assert [tasks[f"my_set_{kind}"]["answered,none"] for kind in ("closed", "grounding")] == [1, 1]
    assert tasks["my_set_grounding"]["ar,none"] > 0
    run = lmms_vg.read(folder / "reader")
    assert run.tasks["my_set_closed"].images == {str(n): f"data:my_set/images/{n}.png" for n in range(PATIENTS)}


def test_both_commands_give_the_same_answers(folder: Path) -> None:
    first, second = answers(folder / "out" / "vgrefine"), answers(folder / "hosted")
    assert first.keys() == second.keys()
    for task, lines in first.items():
        for one, other in zip(lines, second[task], strict=True):
            assert one["filtered_resps"] == other["filtered_resps"]


def test_what_is_wrong_and_what_is_measured_is_said(folder: Path) -> None:
    said = (folder / "0.txt").read_text()
    assert "mine.jsonl, line 19: bbox [40, 40, 10, 10]" in said
    assert "own_mine_grounding: n = 6, 6 images, 6 patients" in said


def test_patients_are_drawn_as_a_whole(folder: Path) -> None:
    run = lmms_vg.read(folder / "out" / "plain")
    assert set(run.tasks["own_mine_choice"].images.values()) == {f"own:mine/patient {n}" for n in range(PATIENTS)}


def test_reports_and_comparisons_know_the_tasks(folder: Path) -> None:
    report, compared = ((folder / f"{number}.txt").read_text() for number in (2, 3))
    assert "| own_mine_choice | acc | 6 |" in report
    assert "| against other images |" in report
    assert "own_mine_grounded_closed (n = 6)" in compared


def test_heads_are_ranked_and_pictures_drawn(folder: Path) -> None:
    heads = json.loads((folder / "heads.json").read_text())
    assert (heads["provenance"]["data"], heads["provenance"]["n"]) == ("mine.jsonl", 12)
    assert [path.name for path in sorted((folder / "pictures").iterdir())] == [f"mine_0{n}.png" for n in range(4)]
