"""Whole runs of lmms-eval's own models on our tasks, from the command line to the leaderboard's page."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import hosting
import pytest
import runs
from api_server import model_args, serving
from commands import FEW

from benchmarks import checkpoint
from lmms_vg.cli.main import main
from lmms_vg.host import failure
from lmms_vg.submission.validate import check
from lmms_vg.submission.validated import Entry

HARD = "vqa_demo_hard"

pytestmark = pytest.mark.usefixtures("few_phantoms")


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    failure.take()
    yield
    assert failure.take() == []


def submitted(patch: pytest.MonkeyPatch, tmp_path: Path, *arguments: str, **card: Any) -> Entry:
    """Run lmms-eval, submit the run, build a site of it; return what validation made of the bundle."""
    hosting.light(patch, tmp_path)
    out = ("--output_path", str(tmp_path / "out"), "--log_samples")
    assert hosting.command_line(patch, *arguments, "--tasks", HARD, *out) is None
    bundle = tmp_path / "in" / "other" / "bundle.zip"
    given = ["--card", str(runs.write_card(tmp_path / "card.json", **card)), "-o", str(bundle)]
    assert main(["submit", str(tmp_path / "out"), *given]) == 0
    assert main(["leaderboard", "build", str(tmp_path / "in"), "-o", str(tmp_path / "site")]) == 0
    assert "by the submitter's word" in (tmp_path / "site" / "index.html").read_text().replace("&#39;", "'")
    entry = check(bundle).entry
    assert entry is not None
    return entry


@pytest.mark.e2e
def test_an_api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One answer to every question is right as often as it is the reference."""
    with serving() as server:
        server.answer, server.most = lambda number: "yes", FEW
        entry = submitted(
            monkeypatch, tmp_path, "--model", "openai", "--model_args", model_args(server), parameters=None
        )
    asked = runs.questions(HARD)
    assert server.asked == len(asked)
    assert entry.scores[HARD].values.tolist() == [float(one.answer.lower() == "yes") for one in asked]
    stated = entry.manifest.declared
    assert stated is not None
    assert (stated.model, stated.name, stated.host) == ("openai", "m", "127.0.0.1")
    assert stated.arguments == {"max_retries": "1", "num_concurrent": "1", "httpx_trust_env": "false"}


@pytest.mark.e2e
def test_weights_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if find_spec("decord") is None:  # for videos, which no question is about; lmms-eval does not declare it
        stub = ModuleType("decord")
        stub.__dict__.update(VideoReader=None, cpu=None)
        monkeypatch.setitem(sys.modules, "decord", stub)
    size = checkpoint.Size(2, 64, vocabulary=512, vision_layers=2, vision_hidden=64, image=56)
    folder = tmp_path / "tiny"
    checkpoint.make(folder, size, [one.question for one in runs.questions(HARD)])
    arguments = f"pretrained={folder},device=cpu,device_map=cpu,dtype=float32"
    entry = submitted(monkeypatch, tmp_path, "--model", "llava_hf", "--model_args", arguments, "--batch_size", "1")
    stated = entry.manifest.declared
    assert stated is not None
    assert (stated.model, stated.name, stated.host) == ("llava_hf", "tiny", None)
    assert stated.arguments == {"device": "cpu", "device_map": "cpu", "dtype": "float32"}
    assert entry.manifest.tasks[HARD].n == FEW
