"""Make VGMED-format questions from images and masks, and scaled-down 7B models to ask.

    python -m examples.real_slices --source data_demo --out first_run

`--source` is a folder in the layout of SAM-Med2D's `data_demo` (github.com/OpenGVLab/SAM-Med2D): images/NAME.png and
masks/NAME_LABEL_000.png. Boxes are the tight boxes of the masks. The program writes `OUT/data/vgmed/` (set LMMS_VG_DATA to
OUT/data) and two checkpoints of random weights with the true depth, heads and patch grid, but 8 channels per head:
`OUT/HuatuoGPT-Vision-7B/` in the original repository's layout, so that the published head list fits, and
`OUT/llava-1.5-7b-hf/` in transformers' layout.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    Qwen2Config,
)

from lmms_vg.demo.model import build_tokenizer

LOCALIZATION = "Where is the {} in this image?"
ATTRIBUTE = "Is the {} bright or dark?"


def boxes_of(image: Path, masks: Path) -> Iterator[dict[str, Any]]:
    """Label and tight xyxy box in pixels (x2, y2 exclusive) of every mask of an image."""
    for path in sorted(masks.glob(f"{image.stem}_*.png")):
        rows, columns = np.nonzero(np.asarray(Image.open(path).convert("L")))
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        label = path.stem.removeprefix(f"{image.stem}_").rsplit("_", 1)[0].replace("_", " ")
        yield {"image": f"images/{image.name}", "label": label, "bbox": [[int(edge) for edge in box]]}


def write_questions(source: Path, out: Path) -> int:
    """Write both jsonl files and the images; returns the number of boxes."""
    rows = [row for image in sorted((source / "images").glob("*.png")) for row in boxes_of(image, source / "masks")]
    if not rows:
        raise SystemExit(f"--source {source}: it has no images/NAME.png with masks/NAME_LABEL_000.png")
    out.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source / "images", out / "images", dirs_exist_ok=True)
    for name, template in (("localization", LOCALIZATION), ("attribute", ATTRIBUTE)):
        lines = [
            {
                "image": row["image"],
                "question": template.format(row["label"]),
                "label": row["label"],
                "bbox": row["bbox"],
            }
            for row in rows
        ]
        (out / f"VGMED_{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return len(rows)


def vision_tower() -> CLIPVisionConfig:
    """A small CLIP tower with the true 24 x 24 patches of 14 pixels."""
    return CLIPVisionConfig(
        hidden_size=64, intermediate_size=128, num_hidden_layers=4, num_attention_heads=4, image_size=336, patch_size=14
    )


def make_model(text: Qwen2Config | LlamaConfig, seed: int = 0) -> LlavaForConditionalGeneration:
    """A model of random weights behind a small CLIP tower."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlavaForConditionalGeneration(
            LlavaConfig(vision_config=vision_tower(), text_config=text, image_token_index=3)
        )


def write_llava(out: Path) -> None:
    """Write LLaVA-1.5-7B: 32 layers of 32 heads, transformers' layout, centre-cropped images."""
    tokenizer = build_tokenizer()
    text = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=256,
        intermediate_size=512,
        num_hidden_layers=32,
        num_attention_heads=32,
        initializer_range=0.1,
        eos_token_id=tokenizer.eos_token_id,
    )
    for part in (make_model(text), tokenizer, CLIPImageProcessor(size={"shortest_edge": 336}, crop_size=336)):
        part.save_pretrained(out)


def write_huatuo(out: Path) -> None:
    """Write HuatuoGPT-Vision-7B: 28 layers of 28 heads on 4 key-value heads, in the original repository's layout."""
    tokenizer = build_tokenizer()
    text = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=224,
        intermediate_size=448,
        num_hidden_layers=28,
        num_attention_heads=28,
        num_key_value_heads=4,
        initializer_range=0.1,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = make_model(text)
    older = {
        "model.language_model.": "model.",
        "model.vision_tower.": "model.vision_tower.vision_tower.vision_model.",
        "model.multi_modal_projector.linear_1.": "model.mm_projector.0.",
        "model.multi_modal_projector.linear_2.": "model.mm_projector.2.",
        "lm_head.": "lm_head.",
    }
    weights = {}
    for name, weight in model.state_dict().items():
        new = next(prefix for prefix in older if name.startswith(prefix))
        weights[older[new] + name.removeprefix(new)] = weight.contiguous()
    out.mkdir(parents=True, exist_ok=True)
    save_file(weights, out / "model.safetensors")
    tokenizer.save_pretrained(out)
    flat = {
        **text.to_dict(),
        "model_type": "llava_qwen2",
        "architectures": ["LlavaQwen2ForCausalLM"],
        "mm_projector_type": "mlp2x_gelu",
        "mm_vision_tower": "./vit/clip_vit_large_patch14_336",
        "mm_vision_select_layer": -2,
    }
    (out / "config.json").write_text(json.dumps(flat, indent=1), encoding="utf-8")
    tower = out / "vit" / "clip_vit_large_patch14_336"
    tower.mkdir(parents=True, exist_ok=True)
    (tower / "config.json").write_text(json.dumps({"vision_config": vision_tower().to_dict()}), encoding="utf-8")


def main() -> None:
    """Write questions and models."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    boxes = write_questions(args.source, args.out / "data" / "vgmed")
    write_huatuo(args.out / "HuatuoGPT-Vision-7B")
    write_llava(args.out / "llava-1.5-7b-hf")
    print(f"{args.out}: {2 * boxes} questions about {boxes} boxes, and two scaled-down models")


if __name__ == "__main__":
    main()
