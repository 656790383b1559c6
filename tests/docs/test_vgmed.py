"""docs/vgmed.md shows what its commands print: its reader's way from masks to a run is typed again, on the real images."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import hosting
import pytest
from PIL import Image

from examples import walks
from lmms_vg.cli.main import main

PAGE = (walks.ROOT / "docs" / "vgmed.md").read_text(encoding="utf-8")
STEPS = walks.walks(PAGE)
MANIFESTS = walks.ROOT / "examples" / "vgmed"

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("walk")


@pytest.fixture(autouse=True)
def place(folder: Path, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page begins with: three manifests, and the images and masks that they are about."""
    if not any(folder.iterdir()):
        for manifest in MANIFESTS.glob("*.yaml"):
            shutil.copy(manifest, folder)
        shutil.copytree(shared_data / "sam_med2d_demo", folder / "slices")
        shutil.copytree(shared_data / "slake" / "sample", folder / "slake")
    monkeypatch.chdir(folder)
    hosting.light(monkeypatch, tmp_path)


def typed(step: walks.Step, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What the commands of a step print."""
    capsys.readouterr()
    for line in step.commands.splitlines():
        words = line.partition("#")[0].split()
        while "=" in words[0]:
            monkeypatch.setenv(*words.pop(0).split("="))
        assert words[0] == "lmms-vg"
        assert hosting.ended(lambda words=words: main(words[1:])) == 0  # type: ignore[misc]
    return walks.steady(capsys.readouterr().out.lstrip("\n"))


def test_the_manifest_on_the_page_is_the_examples() -> None:
    (shown,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    steady = [line.partition("  #")[0].rstrip() for line in shown.splitlines()]
    assert steady == (MANIFESTS / "amos.yaml").read_text().splitlines()


@pytest.mark.parametrize("heading", STEPS)
def test_what_the_page_prints(
    heading: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the page's order, since later commands read what earlier ones have written."""
    for step in STEPS[heading]:
        assert typed(step, monkeypatch, capsys).splitlines() == step.printed.splitlines()


def test_the_pictures_show_what_was_built(folder: Path) -> None:
    for name in ("boxes.png", "distributions.png"):
        assert Image.open(folder / "figures" / name).width > 600
