"""Families: prompts token for token, images pixel for pixel, and checkpoints in every layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from checkpoints import edit, load, original_layout, read_tensors
from PIL import Image
from pixels import pixels_of
from safetensors.torch import save_file
from transformers import LlavaProcessor

from lmms_vg.models import Family
from lmms_vg.models.checkpoint import CheckpointError, shape_of
from lmms_vg.models.llava import Llava
from lmms_vg.models.weights import fingerprint
from lmms_vg.vision.images import Picture, open_picture

QUESTION = "Where is the nodule?\nAnswer the question using a single word or phrase."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture(scope="module")
def llava(folder: Path) -> Llava:
    return load("llava", folder)


@pytest.fixture(scope="module")
def huatuo(folder: Path) -> Llava:
    return load("huatuo", folder)


@pytest.mark.parametrize("size", [(60, 44), (44, 60), (48, 48), (31, 97)])
def test_llava_equals_transformers_processor(llava: Llava, size: tuple[int, int]) -> None:
    """Ids and pixels equal those of LlavaProcessor on the text that its users write."""
    picture = tiny.picture(0, *size)
    processor = LlavaProcessor(
        llava.image_processor,
        llava.tokenizer,
        patch_size=tiny.PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )
    expected = processor(images=picture, text=f"USER: <image>\n{QUESTION} ASSISTANT:", return_tensors="pt")
    prompt = llava.prompt([open_picture(picture), QUESTION])
    assert prompt.input_ids.tolist() == expected["input_ids"][0].tolist()
    assert prompt.images
    assert torch.equal(pixels_of(prompt), expected["pixel_values"])


def test_huatuo_prompt_is_plain_text(huatuo: Llava) -> None:
    prompt = huatuo.prompt([open_picture(tiny.picture()), QUESTION])
    assert prompt.text == f"<|user|>\n<image>\n{QUESTION}\n<|assistant|>\n"
    words = huatuo.tokenizer.convert_ids_to_tokens(prompt.input_ids.tolist())
    assert words[0] == "<|user|>"
    assert words[-1] == "<|assistant|>"
    assert words.count("<image>") == 36
    assert prompt.prefix == 37
    start, stop = prompt.question
    assert words[start:stop] == [
        "where",
        "is",
        "the",
        "nodule",
        "?",
        "answer",
        "the",
        "question",
        "using",
        "a",
        "single",
        "word",
        "or",
        "phrase",
        ".",
    ]


def test_huatuo_pads_to_a_square_with_the_mean_colour(huatuo: Llava) -> None:
    """The pixels equal those of a square padded by hand in numpy, and the geometry is that of padding."""
    picture = tiny.picture(3, 60, 44)
    square = np.empty((60, 60, 3), dtype=np.uint8)
    square[:] = [int(mean * 255) for mean in huatuo.image_processor.image_mean]
    square[8:52] = np.asarray(picture)
    expected = huatuo.image_processor(images=Image.fromarray(square), return_tensors="pt")["pixel_values"]
    prompt = huatuo.prompt([open_picture(picture), QUESTION])
    assert prompt.images
    assert torch.equal(pixels_of(prompt), expected)
    assert prompt.images[0].views[0].patch_mask([(0, 0, 60, 44)]).sum(1).tolist() == [6, 6, 6, 6, 6, 6]
    assert prompt.images[0].views[0].patch_mask([(0, 0, 60, 2)]).sum(1).tolist() == [6, 0, 0, 0, 0, 0]
    stretched = load("huatuo", Path(huatuo.model.name_or_path), geometry="stretch")
    assert stretched.lay(60, 44)[0].patch_mask([(0, 0, 60, 8)]).sum(1).tolist() == [6, 6, 0, 0, 0, 0]
    assert huatuo.lay(60, 44)[0].patch_mask([(0, 0, 60, 8)]).sum(1).tolist() == [6, 6, 0, 0, 0, 0]
    assert (
        huatuo.lay(60, 44)[0].patch_mask([(0, 0, 60, 1)]).tolist()
        != stretched.lay(60, 44)[0].patch_mask([(0, 7, 60, 9)]).tolist()
    )


@pytest.mark.parametrize("mean", [None, 0.5, [0.5], [122.7, 116.7, 104.0]])
def test_huatuo_needs_a_colour_to_pad_with(tmp_path: Path, mean: object) -> None:
    folder = tiny.save(tmp_path / "checkpoint")
    edit(folder, "preprocessor_config.json", {"image_mean": mean})
    with pytest.raises(CheckpointError, match=r"image_mean=.*three numbers from 0 to 1"):
        load("huatuo", folder)


def test_a_chat_template_of_the_checkpoint_is_used(folder: Path, tmp_path: Path) -> None:
    """The template is stored as llava-hf stores it; begin-of-text and images-first come from it."""
    template = (
        "{% for m in messages %}{{ m['role'].upper() }}: {% for c in m['content'] %}"
        "{% if c['type'] == 'image' %}<image>\n{% else %}{{ c['text'] }}{% endif %}{% endfor %} {% endfor %}"
        "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
    )
    copy = tmp_path / "templated"
    copy.mkdir()
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / "chat_template.json").write_text(json.dumps({"chat_template": template}))
    prompt = load("llava", copy).prompt([open_picture(tiny.picture()), QUESTION])
    assert prompt.text == f"USER: <image>\n{QUESTION} ASSISTANT:"


@pytest.mark.parametrize("name", ["llava", "huatuo"])
@pytest.mark.parametrize(
    "mark", ["<image>", "<|user|>", "<|assistant|>", "<eos>", "<pad>", "<IMAGE>", "<image><image>"]
)
def test_a_question_cannot_inject_control_tokens(name: str, mark: str, request: pytest.FixtureRequest) -> None:
    family: Llava = request.getfixturevalue(name)
    prompt = family.prompt([open_picture(tiny.picture()), f"Is {mark} a nodule?"])
    plain = family.prompt([open_picture(tiny.picture()), "Is a nodule?"])
    ids = prompt.input_ids.tolist()
    assert ids.count(family.image_id) == 36
    assert prompt.prefix == plain.prefix
    special = {family.tokenizer.eos_token_id, family.tokenizer.pad_token_id}
    assert special.isdisjoint(ids)
    roles = [family.tokenizer.convert_tokens_to_ids(role) for role in ("<|user|>", "<|assistant|>")]
    if name == "huatuo":
        assert [ids.count(role) for role in roles] == [1, 1]


def test_an_empty_question_and_a_prompt_too_long_are_refused(llava: Llava) -> None:
    picture = open_picture(tiny.picture())
    for empty in ("", "  \n"):
        with pytest.raises(ValueError, match="empty question"):
            llava.prompt([picture, empty])
    with pytest.raises(ValueError, match=r"prompt of \d+ tokens: the model takes fewer than 512"):
        llava.prompt([picture, "nodule " * 600])


def test_class_token_kept_by_the_full_strategy_is_not_an_image_patch(tmp_path: Path) -> None:
    family = load("llava", tiny.save(tmp_path / "full", strategy="full"))
    prompt = family.prompt([open_picture(tiny.picture()), QUESTION])
    assert (prompt.input_ids == family.image_id).sum() == 37
    assert len(prompt.image_tokens) == 36
    assert prompt.image_tokens[0] == int((prompt.input_ids == family.image_id).nonzero()[0]) + 1
    assert family.embed([prompt]).hidden.shape == (1, prompt.prefix, 32)


@pytest.mark.parametrize("kind", ["qwen2", "llama"])
def test_the_original_layout_is_the_same_model(kind: str, tmp_path: Path) -> None:
    """Conversion in memory gives the logits of the transformers layout, the same shape before weights, and the rope base."""
    source = tiny.save(tmp_path / "hf", kind)
    stored = json.loads((source / "config.json").read_text())
    stored["text_config"]["rope_parameters"] = {"rope_type": "default", "rope_theta": 1_000_000.0}
    (source / "config.json").write_text(json.dumps(stored))
    old = original_layout(source, tmp_path / "old", kind)
    assert "model.mm_projector.0.weight" in read_tensors(old / "model.safetensors")
    assert shape_of(str(old)).layers == tiny.LAYERS
    original, converted = load("huatuo", source), load("huatuo", old)
    assert converted.text_model.config.rope_parameters["rope_theta"] == 1_000_000.0
    picture = open_picture(tiny.picture())
    prompts = [family.prompt([picture, QUESTION]) for family in (original, converted)]
    assert prompts[0].input_ids.tolist() == prompts[1].input_ids.tolist()
    # Without a preprocessor_config.json the processor is CLIP's default at the tower's size, which has the same settings here.
    hidden = [family.embed([prompt]).hidden for family, prompt in zip((original, converted), prompts, strict=True)]
    assert torch.equal(hidden[0], hidden[1])
    logits = [
        f.lm_head(f.text_model(inputs_embeds=h).last_hidden_state)
        for f, h in zip((original, converted), hidden, strict=True)
    ]
    assert torch.equal(logits[0], logits[1])


def test_the_hf_repositories_traps(folder: Path, tmp_path: Path) -> None:
    """They have a pad token beyond the vocabulary, and a processor that neither knows its patches nor pads."""
    copy = tmp_path / "HuatuoGPT-Vision-7B-hf"
    copy.mkdir()
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    config = json.loads((copy / "config.json").read_text())
    config["pad_token_id"] = config["text_config"]["pad_token_id"] = 32001
    (copy / "config.json").write_text(json.dumps(config))
    (copy / "processor_config.json").write_text(json.dumps({"processor_class": "LlavaProcessor", "patch_size": None}))
    family = load("huatuo", copy)
    assert family.model.config.text_config.pad_token_id == family.model.config.text_config.eos_token_id
    prompt = family.prompt([open_picture(tiny.picture()), QUESTION])
    assert len(prompt.image_tokens) == 36


def test_what_is_not_loaded_is_refused(folder: Path, tmp_path: Path) -> None:
    def copy(name: str) -> Path:
        target = tmp_path / name
        target.mkdir()
        for file in folder.iterdir():
            (target / file.name).write_bytes(file.read_bytes())
        return target

    def refused(family: str, place: Path, message: str) -> None:
        with pytest.raises(CheckpointError, match=message):
            load(family, place)

    bert = copy("bert")
    (bert / "config.json").write_text(
        json.dumps({"model_type": "bert", "num_hidden_layers": 2, "num_attention_heads": 2})
    )
    refused("llava", bert, "model_type 'bert'.*allowed is 'llava'")
    empty = copy("empty")
    (empty / "model.safetensors").unlink()
    refused("llava", empty, r"no \*\.safetensors weights")
    pickled = copy("pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    refused("llava", pickled, r"no \*\.safetensors weights.*pickles")
    partial = copy("partial")
    weights = read_tensors(partial / "model.safetensors")
    gone = next(name for name in weights if "layers.2.self_attn.q_proj.weight" in name and "language" in name)
    save_file({name: weight for name, weight in weights.items() if name != gone}, partial / "model.safetensors")
    refused("llava", partial, "1 weights are missing")
    damaged = copy("damaged")
    (damaged / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:1000])
    refused("llava", damaged, "weights cannot be loaded")
    refused("llava", tmp_path / "nowhere", "nowhere")
    (copy("configless") / "config.json").unlink()
    refused("llava", tmp_path / "configless", "no config.json there")


def test_fingerprint_sees_one_changed_bit_and_swapped_values(llava: Llava) -> None:
    before = fingerprint(llava.model)
    assert before == fingerprint(llava.model)
    weight = llava.text_model.layers[1].mlp.up_proj.weight
    kept = weight.detach().clone()
    with torch.no_grad():
        weight[3, 4] = torch.nextafter(weight[3, 4], torch.tensor(9.0))
    one_bit = fingerprint(llava.model)
    with torch.no_grad():
        weight.copy_(kept)
        weight[[0, 1]] = weight[[1, 0]]
    swapped = fingerprint(llava.model)
    with torch.no_grad():
        weight.copy_(kept)
    assert len({before, one_bit, swapped}) == 3
    assert fingerprint(llava.model) == before


def test_answers_end_at_the_checkpoints_own_tokens(llava: Llava) -> None:
    assert llava.tokenizer.eos_token_id in llava.stop_ids
    assert isinstance(llava, Family)


def test_pixels_are_those_of_prompts_in_use(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    family: Any = load("huatuo", folder)
    times: list[Any] = []
    real = family.pixels
    monkeypatch.setattr(family, "pixels", lambda image: times.append(1) or real(image))
    first, second = (open_picture(tiny.picture(seed)) for seed in (1, 2))

    def asked(*pictures: Picture) -> Any:
        return family.prompt([*pictures, "Is it bright?"]).images

    one, two = asked(first), asked(second)
    assert asked(first) == one
    assert asked(first, second) == (*one, *two)
    assert asked(second, first) == (*two, *one)
    assert len(times) == 2
    del one, two
    asked(second)
    asked(second)
    assert len(times) == 2, "those of the last prompt are kept, though it is gone"
    asked(first)
    asked(second)
    assert len(times) == 4
