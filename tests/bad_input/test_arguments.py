"""Arguments and head lists that are wrong: field, value and what is allowed, before any weights are read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from asking import VGREFINE, copy, refused
from llavas import LLAVAS

from lmms_vg.experiments import boxed_questions
from lmms_vg.inference.build import build
from lmms_vg.methods import METHODS
from lmms_vg.methods.head_lists import shipped
from lmms_vg.methods.vgrefine import VGRefine
from lmms_vg.models.checkpoint import Shape


@pytest.fixture(scope="module")
def only_config(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A checkpoint without weights: what is refused with any other message was refused before they were looked for."""
    return str(copy(checkpoint, tmp_path_factory.mktemp("config") / "c", "*.safetensors"))


FIELDS: list[tuple[dict[str, Any], str, str]] = [
    ({"dtype": "int8"}, "dtype='int8'", "bfloat16"),
    ({"device": "gpu"}, "device='gpu'", "cpu"),
    ({"device": 0}, "device=0", "cpu"),
    ({"batch_size": 0}, "batch_size=0", "positive integer"),
    ({"batch_size": "auto:4"}, "batch_size='auto:4'", "positive integer or auto"),
    ({"batch_size": True}, "batch_size=True", "positive integer"),
    ({"geometry": "crop"}, "geometry='crop'", "true, stretch"),
    ({"geometry": False}, "geometry='false'", "true, stretch"),
    ({"rows": "first"}, "rows='first'", "last, question, all"),
    ({"rows": "last+first"}, "rows='last+first'", "last, question, all, or several of these joined by +"),
    ({"rows": "last+last"}, "rows='last+last'", "joined by +, each once"),
    ({"rows": ""}, "rows=''", "last, question, all"),
    ({"rows": "last+"}, "rows='last+'", "last, question, all"),
    ({"rows": True}, "rows=True", "last, question, all"),
    ({"p": 101}, "p=101", "0 to 100"),
    ({"p": -0.5}, "p=-0.5", "0 to 100"),
    ({"p": float("nan")}, "p=nan", "0 to 100"),
    ({"k": 3}, "k=3", "1 to 2"),
    ({"k": 0}, "k=0", "1 to 2"),
    ({"k": 1.5}, "k=1.5", "1 to 2"),
    ({"mask": "middle"}, "mask='middle'", "'pre' or 'post'"),
    ({"layers": 5}, "layers=5", "0 to 4"),
    ({"layers": "3-4"}, "layers='3-4'", "34+35+36"),
    ({"layers": True}, "layers=True", "34+35+36"),
    ({"heads": "5-0"}, "heads=5-0", "layers 0 to 4"),
    ({"heads": "1-4"}, "heads=1-4", "heads 0 to 3"),
    ({"heads": "1-0+1-0"}, "heads=1-0", "twice"),
    ({"heads": "best"}, "heads='best'", "huatuo_vision_7b"),
    ({"heads": 7}, "heads=7", "layer-head pairs"),
    ({"heads": "none.json"}, "heads='none.json'", "cannot be read"),
    ({"heads": "huatuo_vision_7b"}, "heads='huatuo_vision_7b'", "5 layers of 4 heads"),
    ({"alpha": 1, "topk": 2}, "alpha, topk not known to 'vgrefine'", "heads, k, layers, mask, p, per_head, pretrained"),
    ({"layer": 3}, "layer not known to 'vgrefine'; did you mean layers? ", "layers, mask"),
    ({"batchsize": 3}, "batchsize not known to 'vgrefine'; did you mean batch_size? ", "batch_size"),
    ({"diagnose": 1}, "diagnose=1", "true or false"),
    ({"self_check": "no"}, "self_check='no'", "true or false"),
]


@pytest.mark.parametrize(
    ("arguments", "named", "allowed"),
    [
        *FIELDS,
        ({"p": "high"}, "p='high'", "0 to 100"),
        ({"p": True}, "p=True", "0 to 100"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_argument_is_refused_before_weights_are_read(
    only_config: str, arguments: dict[str, Any], named: str, allowed: str
) -> None:
    message = refused(re.escape(named), "huatuo", "vgrefine", pretrained=only_config, **{**VGREFINE, **arguments})
    assert allowed in message


def test_good_arguments_get_as_far_as_the_weights(only_config: str) -> None:
    """Without this the test above could pass for a folder that is refused for another reason."""
    refused("no \\*.safetensors weights", "huatuo", "vgrefine", pretrained=only_config, **VGREFINE)


def test_cuda_where_there_is_none(only_config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "allowed here is cpu" in refused("device='cuda:0'", pretrained=only_config, device="cuda:0")


def test_hyper_parameter_of_another_method(only_config: str) -> None:
    assert "'plain'" in refused("p not known", pretrained=only_config, p=50)


def head_list(path: Path, **changes: Any) -> str:
    values = {"models": ["a"], "num_layers": 5, "num_heads": 4, "heads": [[1, 0]], "layers": [3], "source": "s"}
    path.write_text(json.dumps(values | changes))
    return str(path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"num_layers": 6}, "6 layers of 4 heads"),
        ({"heads": []}, "none are known"),
        ({"heads": [[1]]}, "heads"),
        ({"heads": [[9, 9]]}, "9-9"),
        ({"layers": [9]}, "layers=9"),
        ({"layers": []}, "knockout layers"),
        ({"extra": 1}, "extra"),
    ],
)
def test_head_list_file(only_config: str, tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    path = head_list(tmp_path / "heads.json", **changes)
    assert said in refused("heads|layers", "huatuo", "vgrefine", pretrained=only_config, heads=path)


def test_head_list_file_is_taken(checkpoint: Path, tmp_path: Path) -> None:
    answerer = build("llava", "vgrefine", pretrained=str(checkpoint), heads=head_list(tmp_path / "heads.json"))
    assert answerer.main.method == VGRefine(((1, 0),), (3,), 1)
    answerer.journal.close()


def test_llava_without_heads_says_how_to_obtain_them(only_config: str) -> None:
    message = refused("heads: none are known", "llava", "vgrefine", pretrained=only_config)
    assert only_config in message
    assert "lmms-vg heads calibrate" in message


@pytest.mark.parametrize("family", LLAVAS)
def test_the_command_in_that_message_is_one_that_is_taken(only_config: str, family: str) -> None:
    from lmms_vg.cli import main

    message = refused("lmms-vg heads calibrate", family, "vgrefine", pretrained=only_config)
    command = message.split("lmms-vg ", 1)[1].split(", then", 1)[0]
    given = main._parser().parse_args(command.split())
    assert (given.model, given.model_args) == (family, f"pretrained={only_config}")
    assert given.data in boxed_questions.CALIBRATION


BIG = {
    "model_type": "llava_llama",
    "mm_vision_tower": "./vit/clip_vit_large_patch14_336",
    "mm_projector_type": "mlp2x_gelu",
    "num_hidden_layers": 60,
    "num_attention_heads": 56,
    "num_key_value_heads": 8,
    "hidden_size": 7168,
    "vocab_size": 64000,
}


@pytest.fixture
def big(tmp_path: Path) -> str:
    folder = tmp_path / "HuatuoGPT-Vision-34B"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(BIG))
    return str(folder)


def test_34b_heads_must_be_calibrated(big: str) -> None:
    assert "lmms-vg heads calibrate" in refused("heads: none are known", "huatuo", "vgrefine", pretrained=big)
    assert shipped()["huatuo_vision_34b"].layers == [34, 35, 36]
    refused("no \\*.safetensors weights", "huatuo", "vgrefine", pretrained=big, heads="34-0+59-55", layers="34+35+36")


def test_34b_layers_are_known(big: str) -> None:
    method = METHODS["vgrefine"].for_checkpoint(Shape(big, 60, 56, BIG), heads="34-0+59-55")
    assert method == VGRefine(((34, 0), (59, 55)), (34, 35, 36), 2)


def test_7b_list_is_found_by_the_folders_name_and_shape() -> None:
    method = METHODS["vgrefine"].for_checkpoint(Shape("/x/HuatuoGPT-Vision-7B-hf", 28, 28, {}))
    assert isinstance(method, VGRefine)
    assert (method.heads[0], method.layers, method.k, method.p) == ((15, 4), (16,), 20, 50.0)
    with pytest.raises(ValueError, match="none are known"):
        METHODS["vgrefine"].for_checkpoint(Shape("/x/HuatuoGPT-Vision-7B-hf", 5, 4, {}))
