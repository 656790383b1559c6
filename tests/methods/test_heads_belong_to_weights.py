"""Head lists belong to weights: another model of the same shape never gets a list by its shape, nor by a folder's name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tiny

from lmms_vg.inference.build import build
from lmms_vg.methods.head_lists import known_layers, resolve, shipped
from lmms_vg.methods.vgrefine import VGRefine
from lmms_vg.models.checkpoint import Shape

#: Both have 28 layers of 28 heads, as HuatuoGPT-Vision-7B has.
QWEN: dict[str, Any] = {"model_type": "qwen2_5_vl"}
HUATUO: dict[str, Any] = {"model_type": "llava_qwen2"}


def shape(pretrained: str, config: dict[str, Any]) -> Shape:
    return Shape(pretrained, 28, 28, config)


@pytest.mark.parametrize(
    "name",
    [
        "Qwen/Qwen2.5-VL-7B-Instruct",
        "lingshu-medical-mllm/Lingshu-7B",
        "FreedomIntelligence/HuatuoGPT-Vision-7B-Qwen2.5VL",
        "OpenGVLab/InternVL3-8B-hf",
    ],
)
def test_a_model_of_the_same_shape_gets_no_list(name: str) -> None:
    of_qwen = shape(name, QWEN)
    assert known_layers(of_qwen) == []
    with pytest.raises(ValueError, match="heads: none are known"):
        resolve(of_qwen, None, layers_given=True)
    with pytest.raises(ValueError, match=r"is for FreedomIntelligence/HuatuoGPT-Vision-7B.*write them out"):
        resolve(of_qwen, "huatuo_vision_7b", layers_given=True)


@pytest.mark.parametrize("name", ["HuatuoGPT-Vision-7B", "HuatuoGPT-Vision-7B-hf"])
def test_a_folder_of_that_name_with_another_model_gets_no_list(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    with pytest.raises(ValueError, match="heads: none are known"):
        resolve(shape(str(folder), QWEN), None, layers_given=True)
    with pytest.raises(ValueError, match=r"is for FreedomIntelligence/HuatuoGPT-Vision-7B.*write them out"):
        resolve(shape(str(folder), QWEN), "huatuo_vision_7b", layers_given=True)
    assert resolve(shape(str(folder), HUATUO), None, layers_given=False) == shipped()["huatuo_vision_7b"]


@pytest.mark.parametrize("config", [QWEN, HUATUO])
def test_a_folder_of_another_name_gets_no_shipped_list_without_a_fingerprint(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="a folder with one of these needs its name"):
        resolve(shape(str(tmp_path), config), "huatuo_vision_7b", layers_given=True)


def test_heads_that_are_written_out_are_taken_for_any_checkpoint() -> None:
    made = VGRefine.for_checkpoint(shape("Qwen/Qwen2.5-VL-7B-Instruct", QWEN), heads="15-4+16-5", layers=16)
    assert (made.heads, made.weights) == (((15, 4), (16, 5)), None)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_list_for_another_folder_is_compared_with_the_loaded_weights(tmp_path: Path, dtype: str) -> None:
    """The fingerprint is that of the weights as loaded, so the dtype is a part of it."""
    folders = [str(tiny.save(tmp_path / name, seed=seed)) for name, seed in (("same", 0), ("other", 1))]
    first = build("llava", "plain", pretrained=folders[0], dtype="float32")
    first.journal.close()
    calibrated = {"weights": first.journal.provenance["weights"], "dtype": "float32"}
    listed = {"models": ["a"], "num_layers": 5, "num_heads": 4, "heads": [[1, 0]], "layers": [3], "source": "s"}
    (tmp_path / "heads.json").write_text(json.dumps(listed | {"provenance": calibrated}))
    given = {"heads": str(tmp_path / "heads.json"), "dtype": dtype}
    if dtype == "float32":
        build("llava", "vgrefine", pretrained=folders[0], **given).journal.close()
    else:
        with pytest.raises(ValueError, match=r"the list belongs to weights \w{16} in float32; loaded .* in bfloat16"):
            build("llava", "vgrefine", pretrained=folders[0], **given)
    with pytest.raises(ValueError, match=r"the list belongs to weights.*heads calibrate"):
        build("llava", "vgrefine", pretrained=folders[1], **given)
