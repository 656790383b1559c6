"""The real small files of seven checkpoints: configuration, tensors, prompts, image tokens, stop ids, methods' defaults.

Their weights are never there: models lie on the meta device. Their tokenizers are too large to be stored beside them, so a
vocabulary of the same size is made up of single bytes and fillers; the files that say where every control token is are true.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from checkpoints import edit
from llavas import LLAVAS
from pixels import pixels_of
from tokenizers.pre_tokenizers import ByteLevel
from transformers import GenerationConfig, LlavaForConditionalGeneration

from lmms_vg.inference.build import resolve
from lmms_vg.methods import METHODS
from lmms_vg.models import FAMILIES
from lmms_vg.models.checkpoint import CheckpointError
from lmms_vg.models.llava import Llava
from lmms_vg.models.llava_med import LlavaMed
from lmms_vg.models.original_layout import RENAMING
from lmms_vg.vision.images import open_picture

#: Family, folder, number of tensors, bytes in bfloat16 (sum of the hub's shards), ordinary tokens of the vocabulary.
MODELS = [
    ("huatuo", "HuatuoGPT-Vision-7B", 734, 15.871e9, 151_643),
    ("huatuo", "HuatuoGPT-Vision-7B-hf", 734, 15.871e9, 151_643),
    ("huatuo", "HuatuoGPT-Vision-34B", 938, 69.50e9, 64_000),
    ("huatuo", "HuatuoGPT-Vision-34B-hf", 938, 69.50e9, 64_000),
    ("llava", "llava-1.5-7b-hf", 686, 14.127e9, 32_000),
]
MASKS = {"vgrefine", "random_mask", "inverse_mask"}
QUESTION = "Where is the nodule?"


@pytest.fixture
def real(shared_data: Path, tmp_path: Path) -> Callable[[str], Path]:
    def copy(name: str) -> Path:
        source = shared_data / "checkpoints" / name
        if not source.is_dir():
            pytest.skip(f"{source} is not there")
        folder = tmp_path / name
        shutil.copytree(source, folder)
        if name == "HuatuoGPT-Vision-34B-hf":  # two of its files could not be obtained
            shutil.copy(source.parent / "HuatuoGPT-Vision-7B-hf" / "preprocessor_config.json", folder)
            edit(
                folder,
                "config.json",
                _as_hf(json.loads((source.parent / "HuatuoGPT-Vision-34B/config.json").read_text())),
            )
        return folder

    return copy


def _as_hf(raw: dict[str, Any]) -> dict[str, Any]:
    """The configuration that transformers' conversion script writes for an original layout."""
    text = {key: value for key, value in raw.items() if not key.startswith(("mm_", "image_", "tune_", "use_", "_"))}
    text |= {"model_type": "llama", "vocab_size": raw["vocab_size"] + 64}
    return {"model_type": "llava", "image_token_index": raw["vocab_size"], "pad_token_id": 32_001, "text_config": text}


def on_meta(family: str, folder: Path) -> tuple[dict[str, Any], LlavaForConditionalGeneration, Any]:
    kind = FAMILIES[family]
    assert issubclass(kind, Llava)
    raw, config, renaming = kind.read_configuration(str(folder), None)
    with torch.device("meta"):
        model = LlavaForConditionalGeneration(config)
    return raw, model, renaming


@pytest.mark.parametrize(("family", "name", "tensors", "size", "words"), MODELS, ids=[row[1] for row in MODELS])
def test_tensors_are_those_of_the_hub(
    real: Callable[[str], Path], family: str, name: str, tensors: int, size: float, words: int
) -> None:
    _, model, renaming = on_meta(family, real(name))
    state = model.state_dict()
    assert len(state) == tensors
    assert sum(weight.numel() for weight in state.values()) * 2 == pytest.approx(size, rel=1e-3)
    assert (renaming is RENAMING) == (not name.endswith("-hf"))


@pytest.mark.parametrize("name", ["HuatuoGPT-Vision-7B", "HuatuoGPT-Vision-34B"])
def test_every_name_of_the_original_layout_finds_its_place(real: Callable[[str], Path], name: str) -> None:
    """The names are written down from LLaVA's code, not derived from ours."""
    _, model, renaming = on_meta("huatuo", real(name))
    qwen = name.endswith("7B")
    tower = "model.vision_tower.vision_tower.vision_model"
    stored = ["model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"]
    stored += [f"model.mm_projector.{i}.{kind}" for i in (0, 2) for kind in ("weight", "bias")]
    for layer in range(28 if qwen else 60):
        stored += [f"model.layers.{layer}.{norm}_layernorm.weight" for norm in ("input", "post_attention")]
        stored += [f"model.layers.{layer}.mlp.{part}_proj.weight" for part in ("gate", "up", "down")]
        stored += [f"model.layers.{layer}.self_attn.{part}_proj.weight" for part in "qkvo"]
        stored += [f"model.layers.{layer}.self_attn.{part}_proj.bias" for part in "qkv" * qwen]
    parts = [f"self_attn.{part}" for part in ("q_proj", "k_proj", "v_proj", "out_proj")]
    parts += ["mlp.fc1", "mlp.fc2", "layer_norm1", "layer_norm2"]
    for kind in ("weight", "bias"):
        stored += [f"{tower}.encoder.layers.{layer}.{part}.{kind}" for layer in range(24) for part in parts]
        stored += [f"{tower}.{norm}.{kind}" for norm in ("pre_layrnorm", "post_layernorm")]
    stored += [f"{tower}.embeddings.{part}_embedding{end}" for part, end in EMBEDDINGS]
    renamed = set()
    for tensor in stored:
        for pattern, replacement in renaming.items():
            tensor = re.sub(pattern, replacement, tensor)
        renamed.add(tensor)
    assert renamed == set(model.state_dict())


EMBEDDINGS = [("class", ""), ("patch", ".weight"), ("position", ".weight")]


def fill(folder: Path, words: int) -> None:
    """A byte-level vocabulary of this size; control tokens among tokens 0 to 2 keep their ids."""
    stored = (
        json.loads((folder / "tokenizer_config.json").read_text())
        if (folder / "tokenizer_config.json").exists()
        else {}
    )
    first = {int(i): token["content"] for i, token in stored.get("added_tokens_decoder", {}).items() if int(i) < words}
    names = [first[i] for i in sorted(first)] + sorted(ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate(names + [f"filler{i}" for i in range(words - len(names))])}
    if stored.get("tokenizer_class") == "Qwen2Tokenizer":
        (folder / "vocab.json").write_text(json.dumps(vocabulary))
        (folder / "merges.txt").write_text("#version: 0.2\n")
        return
    added = [
        {
            "id": i,
            "content": text,
            "special": True,
            **dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False),
        }
        for i, text in first.items()
    ]
    bytelevel = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    bos = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": first.get(1, ""), "type_id": 0}}],
        "pair": [],
    }
    bos["single"].append({"Sequence": {"id": "A", "type_id": 0}})
    bos["pair"] = [*bos["single"], {"Sequence": {"id": "B", "type_id": 1}}]
    bos["special_tokens"] = {first.get(1, ""): {"id": first.get(1, ""), "ids": [1], "tokens": [first.get(1, "")]}}
    tokenizer = {
        "version": "1.0",
        "added_tokens": added,
        "pre_tokenizer": bytelevel,
        "decoder": bytelevel,
        "post_processor": bos if stored.get("add_bos_token") else None,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": []},
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))


def family_of(family: str, folder: Path) -> Llava:
    raw, model, _ = on_meta(family, folder)
    kind = FAMILIES[family]
    assert issubclass(kind, Llava)
    if (folder / "generation_config.json").exists():
        model.generation_config = GenerationConfig.from_pretrained(folder)
    return kind(model, *kind.read_processors(str(folder), None, raw, model.config))


@pytest.mark.parametrize(("family", "name", "tensors", "size", "words"), MODELS, ids=[row[1] for row in MODELS])
def test_prompt_image_tokens_and_stop_ids(
    real: Callable[[str], Path], family: str, name: str, tensors: int, size: float, words: int
) -> None:
    folder = real(name)
    fill(folder, words)
    loaded = family_of(family, folder)
    prompt = loaded.prompt([open_picture(tiny.picture(0, 640, 480)), QUESTION])
    if family == "huatuo":
        assert prompt.text == f"<|user|>\n<image>\n{QUESTION}\n<|assistant|>\n"
        before = len("<|user|>\n")  # one token per byte, no begin-of-text
    else:
        assert prompt.text == f"USER: <image>\n{QUESTION} ASSISTANT:"
        before = len("<s>USER: ") - len("<s>") + 1
    assert prompt.input_ids.tolist().count(loaded.image_id) == 576
    assert prompt.image_tokens.tolist() == list(range(before, before + 576))
    start, stop = prompt.question
    assert loaded.tokenizer.decode(prompt.input_ids[start:stop].tolist()) == QUESTION
    assert prompt.images
    assert pixels_of(prompt).shape == (1, 3, 336, 336)
    known = {"HuatuoGPT-Vision-7B-hf": 151_665, "HuatuoGPT-Vision-34B-hf": 64_000, "llava-1.5-7b-hf": 32_000}
    assert loaded.image_id == known.get(name, loaded.image_id)
    assert loaded.stop_ids == ({151_643} if "7B" in name else {2})


def test_the_towers_own_image_settings_are_those_of_the_hf_repository(real: Callable[[str], Path]) -> None:
    """The original repository has them in vit/, in CLIP's oldest form (`size: 336`)."""
    processors = []
    for name in ("HuatuoGPT-Vision-7B", "HuatuoGPT-Vision-7B-hf"):
        folder = real(name)
        fill(folder, 151_643)
        processors.append(family_of("huatuo", folder).image_processor)
    pixels = [
        processor(images=tiny.picture(1, 500, 400), return_tensors="pt")["pixel_values"] for processor in processors
    ]
    assert torch.equal(*pixels)


#: Qwen2.5's template for messages without tools; with it the file is as long as the hub says.
QWEN = (
    "{%- if messages[0]['role'] == 'system' %}{{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}"
    "{%- else %}{{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}{%- endif %}"
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)


def test_llava_asks_huatuogpt_vision_in_its_tokenizers_template(real: Callable[[str], Path]) -> None:
    """Before the template was tried it failed with a TypeError, after all weights had been read."""
    folder = real("HuatuoGPT-Vision-7B-hf")
    fill(folder, 151_643)
    edit(folder, "tokenizer_config.json", {"chat_template": QWEN})
    prompt = family_of("llava", folder).prompt([open_picture(tiny.picture()), QUESTION])
    assert prompt.text.endswith(f"<|im_start|>user\n<image>\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n")
    assert len(prompt.image_tokens) == 576


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("family", "name"), [(row[0], row[1]) for row in MODELS], ids=[row[1] for row in MODELS])
def test_defaults_of_every_method(real: Callable[[str], Path], family: str, name: str, method: str) -> None:
    """Heads are published for 7B, layers for 34B too; for other models the error says how to obtain them."""
    folder = real(name)
    wanting = MASKS if "34B" in name else MASKS | {"oracle_mask", "moved_mask"} if family == "llava" else set()
    if method in wanting:
        with pytest.raises(ValueError, match=r"heads: none are known|layers: no knockout layers are known"):
            resolve(family, method, {"pretrained": str(folder)})
    else:
        assert resolve(family, method, {"pretrained": str(folder)}).name == method


@pytest.mark.parametrize("family", LLAVAS)
@pytest.mark.parametrize(
    ("name", "named", "own"),
    [
        ("llava-med-v1.5-mistral-7b", "llava_mistral", "llava_med"),
        ("llava-v1.6-mistral-7b-hf", "llava_next", "llava_next"),
    ],
)
def test_what_another_family_loads_is_refused_by_its_model_type(
    real: Callable[[str], Path], family: str, name: str, named: str, own: str
) -> None:
    """The family that loads it has no heads for it, which is another message."""
    message = "heads: none are known" if family == own else f"model_type.*'{named}'"
    with pytest.raises(ValueError, match=message):
        resolve(family, "vgrefine", {"pretrained": str(real(name))})


def test_tensors_of_llava_med_are_those_of_the_hub(real: Callable[[str], Path]) -> None:
    """As many tensors and bytes as the index of the hub's four shards states."""
    _, config, renaming = LlavaMed.read_configuration(str(real("llava-med-v1.5-mistral-7b")), None)
    with torch.device("meta"):
        state = LlavaForConditionalGeneration(config).state_dict()
    assert renaming is RENAMING
    assert len(state) == 686
    assert sum(weight.numel() for weight in state.values()) * 2 == pytest.approx(15.132e9, rel=1e-3)


def test_llava_is_refused_by_the_huatuo_family(real: Callable[[str], Path]) -> None:
    folder = real("llava-1.5-7b-hf")
    with pytest.raises(
        CheckpointError, match=f"vocabulary of 32064.*--model llava_plain --model_args pretrained={folder}"
    ):
        resolve("huatuo", "plain", {"pretrained": str(folder)})


def test_an_original_layout_is_refused_by_the_llava_family(real: Callable[[str], Path]) -> None:
    with pytest.raises(CheckpointError, match=r"llava_qwen2.*--model huatuo_plain"):
        resolve("llava", "plain", {"pretrained": str(real("HuatuoGPT-Vision-7B"))})
