"""`lmms-vg export` refuses bad input, and then writes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import runs
from tampered import change

from lmms_vg.cli.main import main
from lmms_vg.submission.submit import submit

HARD, LOOKED = "vqa_demo_hard", "vgmed_demo"
FORMATS = ("model-index", "lmms-eval", "mmmu")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    submit([runs.save_run(folder / "run", HARD, LOOKED)], runs.CARD, folder / "b.zip")
    return folder / "b.zip"


@pytest.mark.parametrize("kind", FORMATS)
def test_an_invalid_bundle_is_refused_with_its_findings(
    bundle: Path, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = change(bundle, tmp_path / "forged.zip", lambda made: made["manifest"]["tasks"][HARD].update(n=299))
    forged = change(forged, forged, lambda made: made["manifest"]["tasks"][HARD]["metrics"].update(acc=1.0))
    out = tmp_path / "out"
    assert main(["export", str(forged), "--to", kind, "-o", str(out)]) == 1
    shown = capsys.readouterr().out
    assert shown.startswith(f"{forged}: INVALID, nothing was exported\n")
    assert f"  metric  {HARD} acc: says 1.0, but the answers give " in shown
    assert [path.name for path in tmp_path.iterdir() if path != forged] == []


@pytest.mark.parametrize("kind", FORMATS)
def test_what_is_there_is_not_overwritten(
    bundle: Path, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.write_text("mine")
    assert main(["export", str(bundle), "--to", kind, "-o", str(out)]) == 2
    assert "already exists" in capsys.readouterr().err
    assert out.read_text() == "mine"


def test_what_could_not_be_checked_is_said(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "made" / "card.md"
    assert main(["export", str(bundle), "--to", "model-index", "-o", str(out)]) == 0
    assert capsys.readouterr().out == (
        f"{out}\n  unverified-alignment  {LOOKED}: grounding not recomputed: AR, KL and JS, excess and placement are "
        "as submitted, since the bundle has no maps\n"
    )
    assert out.is_file()


def test_a_bundle_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(tmp_path / "none.zip"), "--to", "mmmu", "-o", str(tmp_path / "out")]) == 2
    assert "none.zip" in capsys.readouterr().err
