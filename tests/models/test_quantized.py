"""Quantised checkpoints: bitsandbytes where it is installed, by name; everything else is refused before weights are read."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tiny
import torch
from checkpoints import edited
from transformers import BitsAndBytesConfig

from lmms_vg.models import quantized, weights
from lmms_vg.models.checkpoint import CheckpointError
from lmms_vg.models.llava import Llava
from lmms_vg.models.quantized import quantization, require_known_quantization

FOUR = {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantized, "version", lambda _: "9.8")


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_: str) -> str:
        raise quantized.PackageNotFoundError

    monkeypatch.setattr(quantized, "version", absent)


@pytest.mark.parametrize("stated", [FOUR, {"load_in_8bit": True}], ids=["4 bits", "8 bits, as old files say it"])
def test_without_the_package_it_is_refused_with_the_command(missing: None, stated: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError, match=r"pretrained='x'.*[48]-bit.*not installed.*pip install bitsandbytes"):
        require_known_quantization("x", {"quantization_config": stated})


def test_it_is_refused_before_weights_are_read(missing: None, tmp_path: Path) -> None:
    folder = edited(tiny.save(tmp_path / "plain"), tmp_path / "four", "config.json", {"quantization_config": FOUR})
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(CheckpointError, match="pip install bitsandbytes"):
        Llava.load(str(folder), None, torch.float32, "cpu", None, "true")


@pytest.mark.parametrize("stated", [FOUR, {"load_in_8bit": True}])
def test_with_the_package_it_is_taken(installed: None, stated: dict[str, Any]) -> None:
    require_known_quantization("x", {"quantization_config": stated})


@pytest.mark.parametrize(
    "config",
    [
        {"quantization_config": {"quant_method": "gptq", "bits": 4}},
        {"quantization_config": {"quant_method": "fp8", "load_in_8bit": True}},
        {"quantization_config": {"quant_method": "bitsandbytes"}},
        {"quantization_config": "4 bits"},
        {"text_config": {"quantization_config": FOUR}},
    ],
)
def test_other_methods_are_refused_also_with_the_package(installed: None, config: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError, match=r"quantization_config.*allowed is") as caught:
        require_known_quantization("x", config)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("config", [{}, {"quantization_config": None}, {"text_config": None, "vision_config": {}}])
def test_weights_as_they_were_trained_are_no_matter(config: dict[str, Any]) -> None:
    require_known_quantization("x", config)
    assert quantization(SimpleNamespace(**config)) == ""


@pytest.mark.parametrize(
    ("stated", "name"),
    [
        (FOUR, "bitsandbytes-9.8-4bit-nf4"),
        ({"load_in_4bit": True}, "bitsandbytes-9.8-4bit-fp4"),
        ({"load_in_8bit": True}, "bitsandbytes-9.8-8bit"),
    ],
)
def test_the_name_has_version_bits_and_kind(installed: None, stated: dict[str, Any], name: str) -> None:
    assert quantization(SimpleNamespace(quantization_config=stated)) == name


def test_the_name_is_read_from_transformers_own_object(installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BitsAndBytesConfig, "post_init", lambda _: None)  # asks for the package
    stated = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4")
    assert quantization(SimpleNamespace(quantization_config=stated)) == "bitsandbytes-9.8-4bit-nf4"


class Recorder:
    """Stands for a transformers class: keeps how it was asked, and refuses to be moved, as quantised models do."""

    asked: dict[str, Any]

    @classmethod
    def from_pretrained(cls, _: str, **asked: Any) -> tuple[Recorder, dict[str, Any]]:
        cls.asked = asked
        return cls(), {"unexpected_keys": [], "missing_keys": []}

    def to(self, _: str) -> None:
        raise ValueError("`.to` is not supported for `4-bit` or `8-bit` bitsandbytes models")

    def eval(self) -> Recorder:
        return self

    def requires_grad_(self, _: bool) -> Recorder:
        return self


@pytest.mark.parametrize(("device_map", "asked"), [(None, {"": "cuda:1"}), ("auto", "auto")])
def test_quantised_weights_are_placed_while_they_are_read(
    installed: None, device_map: str | None, asked: object
) -> None:
    config = SimpleNamespace(quantization_config=FOUR)
    weights.load_weights(Recorder, "x", None, config, torch.bfloat16, "cuda:1", device_map)
    assert Recorder.asked["device_map"] == asked
