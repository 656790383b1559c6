"""Where a checkpoint comes from: a folder that hides a hub repository is logged, or refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny
from loguru import logger

from lmms_vg.inference.build import build
from lmms_vg.models import FAMILIES
from lmms_vg.models.checkpoint import CheckpointError, explicit

HUB = "FreedomIntelligence/HuatuoGPT-Vision-7B-hf"


@pytest.fixture
def log() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message)), level="INFO")
    yield lines
    logger.remove(sink)


def test_a_folder_that_hides_a_repository_is_named_as_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tiny.save(tmp_path / HUB)
    answerer = build("huatuo", "plain", pretrained=HUB)
    assert answerer.journal.provenance["settings"]["pretrained"] == f"./{HUB}"
    assert any(str(folder.resolve()) in line and "not the hub's" in line for line in log)
    answerer.journal.close()


def test_a_folder_that_hides_a_repository_and_is_no_checkpoint_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / HUB).mkdir(parents=True)
    with pytest.raises(CheckpointError, match=rf"no config\.json there.*no folder \./{HUB} hides it"):
        build("huatuo", "plain", pretrained=HUB)


@pytest.mark.parametrize("name", ["demo", HUB, "./a/b", "/a/b", "a", "a/b/c"])
def test_other_names_stay_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("a/b/c", "demo"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    assert explicit(name) == name


@pytest.mark.parametrize(
    "stored", ["[1]", '"llava"', "[" * 100_000, "{", '{"model_type": "llava", "text_config": null}']
)
def test_a_config_that_is_no_configuration_is_one_message(tmp_path: Path, stored: str) -> None:
    (tmp_path / "config.json").write_text(stored)
    for family in FAMILIES.values():
        with pytest.raises(CheckpointError, match=str(tmp_path)):
            family.inspect(str(tmp_path))


@pytest.mark.parametrize("value", ["five", None, [5]])
def test_layers_that_are_no_number_are_one_message(tmp_path: Path, value: object) -> None:
    text = {"model_type": "llama", "num_hidden_layers": value, "num_attention_heads": 4}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llava", "text_config": text}))
    with pytest.raises(CheckpointError, match=r"config\.json"):
        FAMILIES["llava"].inspect(str(tmp_path))
