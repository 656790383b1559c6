"""Checkpoint folders with one change: copies, edited small files, rewritten weights, the original layout."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as from_bytes
from safetensors.torch import save_file
from torch import Tensor

from lmms_vg.demo.model import build_tokenizer
from lmms_vg.models import FAMILIES
from lmms_vg.models.llava import Llava


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, in memory: what `load_file` maps must not be written over."""
    tensors: dict[str, Tensor] = from_bytes(path.read_bytes())
    return tensors


def load(family: str, folder: Path | str, **changes: object) -> Llava:
    """A family with this checkpoint, in float32 on the CPU."""
    settings = {"revision": None, "dtype": torch.float32, "device": "cpu", "device_map": None, "geometry": "true"}
    settings["options"] = FAMILIES[family].options()  # type: ignore[assignment]
    model = FAMILIES[family].load(str(folder), **{**settings, **changes})  # type: ignore[arg-type]
    assert isinstance(model, Llava)
    return model


def edit(folder: Path, file: str, changes: dict[str, Any]) -> None:
    """Set fields of a JSON file, which is created if it is missing; `a.b` is field b of object a."""
    path = folder / file
    stored = json.loads(path.read_text()) if path.is_file() else {}
    for name, value in changes.items():
        *parents, last = name.split(".")
        place = stored
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(stored))


def edited(source: Path, folder: Path, file: str, changes: dict[str, Any]) -> Path:
    """A copy of a checkpoint with some fields of one file changed."""
    shutil.copytree(source, folder)
    edit(folder, file, changes)
    return folder


def reweighted(source: Path, folder: Path, change: Callable[[dict[str, Tensor]], object]) -> Path:
    """A copy of a checkpoint with other tensors."""
    shutil.copytree(source, folder)
    weights = read_tensors(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def sharded(folder: Path) -> Path:
    """The same checkpoint with its tensors in two files and an index."""
    weights = read_tensors(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(weights)
    index = {}
    for i, part in enumerate((names[::2], names[1::2]), 1):
        file = f"model-{i:05d}-of-00002.safetensors"
        save_file({name: weights[name] for name in part}, folder / file, metadata={"format": "pt"})
        index |= dict.fromkeys(part, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    return folder


def original_layout(folder: Path, out: Path, kind: str) -> Path:
    """Write a checkpoint in the layout of HuatuoGPT-Vision's original repositories."""
    out.mkdir()
    older = {
        "language_model.model.": "model.",
        "language_model.lm_head.": "lm_head.",
        "vision_tower.": "model.vision_tower.vision_tower.vision_model.",
        "multi_modal_projector.linear_1.": "model.mm_projector.0.",
        "multi_modal_projector.linear_2.": "model.mm_projector.2.",
    }
    renamed: dict[str, Tensor] = {}
    for name, weight in read_tensors(folder / "model.safetensors").items():
        new = next(new for new in older if name.startswith(new))
        renamed[older[new] + name.removeprefix(new)] = weight
    save_file(renamed, out / "model.safetensors")
    stored = json.loads((folder / "config.json").read_text())
    text, vision = stored["text_config"], stored["vision_config"]
    rope = text.pop("rope_parameters", {})
    architecture = {"qwen2": "LlavaQwen2ForCausalLM", "llama": "LlavaLlamaForCausalLM"}[kind]
    config = {
        **text,
        "rope_theta": rope.get("rope_theta", 10000.0),
        "model_type": f"llava_{kind}",
        "architectures": [architecture],
        "mm_vision_tower": "./vit/clip_vit_large_patch14_336",
        "mm_vision_select_layer": -2,
        "mm_projector_type": "mlp2x_gelu",
        "pad_token_id": 32001,
    }
    (out / "config.json").write_text(json.dumps(config))
    vit = out / "vit" / "clip_vit_large_patch14_336"
    vit.mkdir(parents=True)
    (vit / "config.json").write_text(json.dumps({"model_type": "clip", "vision_config": vision}))
    build_tokenizer().save_pretrained(out)
    return out
