"""Family `vila_m3`: three folders with tiny weights, against Llama, SigLIP and VILA's projector put together by hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from checkpoints import edit, read_tensors
from PIL import Image
from safetensors.torch import save_file
from tiny_vila import CELLS, PATCH, SIDE, VilaParts

from lmms_vg.attention.self_check import self_check
from lmms_vg.demo.model import build_tokenizer
from lmms_vg.models.checkpoint import CheckpointError
from lmms_vg.models.vila_m3 import VilaM3
from lmms_vg.vision.images import open_picture

QUESTION = "where is the nodule?"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, VilaParts]:
    reference = VilaParts()
    return reference.save(tmp_path_factory.mktemp("vila")), reference


def load(folder: Path) -> VilaM3:
    family = VilaM3.load(str(folder), None, torch.float32, "cpu", None, "true", VilaM3.options())
    assert isinstance(family, VilaM3)
    return family


@pytest.mark.parametrize("size", [(60, 44), (31, 97)])
def test_three_folders_equal_their_parts_put_together(made: tuple[Path, VilaParts], size: tuple[int, int]) -> None:
    """VILA feeds its tokens column after column; the cells of the map are row after row."""
    folder, reference = made
    family = load(folder)
    image = tiny.picture(3, *size)
    prompt = family.prompt([open_picture(image), QUESTION])
    ids = prompt.input_ids.tolist()
    assert (ids[0], ids.count(0)) == (0, 1), "one begin-of-text token"
    assert prompt.text.endswith(f"questions. USER: <image>\n{QUESTION} ASSISTANT:")
    cells = reference.cell(image)
    with torch.inference_mode():
        prefix = family.embed([prompt]).hidden
        for place, token in enumerate(prompt.image_tokens.tolist()):
            assert torch.allclose(prefix[0, token], cells[divmod(place, CELLS)], atol=1e-5)
        start = ids.index(family.image_id)
        columns = [cells[row, col] for col in range(CELLS) for row in range(CELLS)]
        table = reference.llama.model.embed_tokens
        before, after = (table(torch.tensor(part)) for part in (ids[:start], ids[start + CELLS**2 :]))
        expected = reference.llama(inputs_embeds=torch.cat([before, torch.stack(columns), after])[None]).logits
        hidden = torch.cat([prefix, family.embed_text(prompt.input_ids[None, prompt.prefix :])], dim=1)
        logits = family.lm_head(family.text_model(inputs_embeds=hidden).last_hidden_state)
        stock = family.model(**family.stock_inputs(prompt)).logits
    assert torch.allclose(logits, expected, atol=1e-4)
    assert torch.allclose(stock, expected, atol=1e-4)
    self_check(family, str(folder))


def test_boxes_land_on_the_patches_that_show_them(made: tuple[Path, VilaParts]) -> None:
    """A bright spot changes the input of exactly the cells of its box; the last row and column hold one patch more of zeros."""
    family = load(made[0])
    for box in [(0, 0, 20, 15), (70, 10, 100, 30), (40, 40, 60, 80)]:
        dark, bright = (Image.new("RGB", (100, 80)) for _ in range(2))
        bright.paste((255, 255, 255), box)
        pixels = [family.prepare(open_picture(image)).pixels[0] for image in (dark, bright)]
        changed = (pixels[1] - pixels[0]).abs().sum(0) > 1  # without the faint rings of the interpolation
        canvas = torch.zeros(CELLS * 2 * PATCH, CELLS * 2 * PATCH, dtype=torch.bool)
        canvas[:SIDE, :SIDE] = changed
        shown = canvas.view(CELLS, 2 * PATCH, CELLS, 2 * PATCH).any(3).any(1)
        (view,) = family.views(100, 80)
        assert view.patch_mask([box]).tolist() == shown.tolist()


def test_shards_are_read_too(made: tuple[Path, VilaParts], tmp_path: Path) -> None:
    shutil.copytree(made[0], tmp_path / "c")
    llm = tmp_path / "c" / "llm"
    tensors = read_tensors(llm / "model.safetensors")
    (llm / "model.safetensors").unlink()
    index = {}
    for part, names in (("a", sorted(tensors)[::2]), ("b", sorted(tensors)[1::2])):
        save_file({name: tensors[name] for name in names}, llm / f"{part}.safetensors")
        index |= dict.fromkeys(names, f"{part}.safetensors")
    (llm / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    whole, sharded = load(made[0]).model.state_dict(), load(tmp_path / "c").model.state_dict()
    assert whole.keys() == sharded.keys()
    assert all(torch.equal(whole[name], sharded[name]) for name in whole)
    (llm / "b.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"llm/b\.safetensors is not there"):
        load(tmp_path / "c")


def test_llama_3_is_asked_in_its_own_prompt(made: tuple[Path, VilaParts], tmp_path: Path) -> None:
    shutil.copytree(made[0], tmp_path / "c")
    tokenizer = build_tokenizer()
    marks = ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>", *marks]})
    tokenizer.save_pretrained(tmp_path / "c" / "llm")
    edit(tmp_path / "c" / "llm", "tokenizer_config.json", {"bos_token": "<pad>"})
    family = load(tmp_path / "c")
    text = family.prompt([open_picture(tiny.picture()), QUESTION]).text
    assert text.startswith(
        "<|start_header_id|>system<|end_header_id|>\n\nYou are a helpful language and vision assistant."
    )
    assert text.endswith(
        f"<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n<image>\n{QUESTION}<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    )
    assert family.tokenizer.convert_tokens_to_ids("<|eot_id|>") in family.stop_ids


@pytest.mark.parametrize(
    ("file", "change", "named"),
    [
        ("config.json", {"s2": True}, "s2=True"),
        ("config.json", {"image_aspect_ratio": "anyres"}, "image_aspect_ratio='anyres'"),
        ("config.json", {"mm_vision_select_feature": "patch"}, "mm_vision_select_feature='patch'"),
        ("config.json", {"model_type": "llava_qwen2"}, "model_type 'llava_qwen2'"),
        ("llm/config.json", {"model_type": "qwen2"}, "model_type='qwen2'"),
        ("vision_tower/config.json", {"model_type": "clip_vision_model"}, "model_type='clip_vision_model'"),
        ("vision_tower/preprocessor_config.json", {"size": {"height": 50, "width": 50}}, "takes 45 x 45"),
        ("vision_tower/preprocessor_config.json", {"do_resize": False}, "do_resize=False"),
        ("mm_projector/config.json", {"mm_projector_type": "linear"}, "mm_projector_type='linear'"),
    ],
)
def test_what_the_conversion_does_not_know_is_refused_before_the_weights(
    made: tuple[Path, VilaParts], tmp_path: Path, file: str, change: dict[str, Any], named: str
) -> None:
    shutil.copytree(made[0], tmp_path / "c")
    edit(tmp_path / "c", file, change)
    (tmp_path / "c" / "llm" / "model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(CheckpointError, match=named):
        load(tmp_path / "c")


@pytest.mark.parametrize("folder", ["llm", "vision_tower", "mm_projector"])
def test_missing_and_foreign_tensors_are_refused(made: tuple[Path, VilaParts], tmp_path: Path, folder: str) -> None:
    shutil.copytree(made[0], tmp_path / "c")
    path = tmp_path / "c" / folder / "model.safetensors"
    tensors = read_tensors(path)
    gone = sorted(tensors)[0]
    save_file({name: tensors[name] for name in tensors if name != gone}, path, metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match="1 weights are missing"):
        load(tmp_path / "c")
    save_file({**tensors, "stray.weight": torch.ones(1)}, path, metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"stray\.weight"):
        load(tmp_path / "c")
    path.unlink()
    with pytest.raises(CheckpointError, match=rf"no \*\.safetensors weights in {folder}/"):
        load(tmp_path / "c")


def test_newer_names_of_the_tower_are_read_too(made: tuple[Path, VilaParts], tmp_path: Path) -> None:
    shutil.copytree(made[0], tmp_path / "c")
    path = tmp_path / "c" / "vision_tower" / "model.safetensors"
    save_file({name.removeprefix("vision_model."): weight for name, weight in read_tensors(path).items()}, path)
    first, second = (load(folder).model.state_dict() for folder in (made[0], tmp_path / "c"))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_layers_and_heads_are_read_from_the_text_model(made: tuple[Path, VilaParts]) -> None:
    shape = VilaM3.inspect(str(made[0]))
    assert (shape.layers, shape.heads, shape.family) == (3, 4, "vila_m3")
