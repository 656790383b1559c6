"""VILA-M3's layout with tiny random weights: three folders, and their parts run as VILA's code runs them."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from checkpoints import edit
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM, SiglipImageProcessor, SiglipVisionConfig, SiglipVisionModel

from lmms_vg.demo.model import build_tokenizer

SIDE, PATCH, WIDTH = 45, 9, 32  # 5 x 5 patches, so 3 x 3 tokens
CELLS = 3


class VilaParts:
    """The three parts with random weights, run as VILA's code runs them."""

    def __init__(self, side: int = SIDE, patch: int = PATCH) -> None:
        torch.manual_seed(0)
        self.side = side
        small = {"hidden_size": WIDTH, "intermediate_size": 64, "num_attention_heads": 4, "num_hidden_layers": 3}
        tokenizer = build_tokenizer()
        text = LlamaConfig(
            **small, vocab_size=len(tokenizer) + 8, initializer_range=0.25, bos_token_id=0, eos_token_id=1
        )
        self.llama = LlamaForCausalLM(text).eval()
        vision = SiglipVisionConfig(**small, image_size=side, patch_size=patch)
        self.siglip = SiglipVisionModel(vision).eval()
        for weight in self.siglip.parameters():
            nn.init.normal_(weight, std=0.2)
        self.mlp = nn.Sequential(
            nn.LayerNorm(4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH)
        )

    def save(self, folder: Path) -> Path:
        self.llama.save_pretrained(folder / "llm")
        build_tokenizer().save_pretrained(folder / "llm")
        edit(folder / "llm", "tokenizer_config.json", {"bos_token": "<pad>"})
        self.siglip.save_pretrained(folder / "vision_tower")
        older = {f"vision_model.{name}": weight for name, weight in self.siglip.state_dict().items()}
        save_file(older, folder / "vision_tower" / "model.safetensors")  # transformers 4.36, which VILA used
        SiglipImageProcessor(size={"height": self.side, "width": self.side}).save_pretrained(folder / "vision_tower")
        (folder / "mm_projector").mkdir()
        tensors = {f"layers.{int(name[0]) + 1}{name[1:]}": weight for name, weight in self.mlp.state_dict().items()}
        save_file(tensors, folder / "mm_projector" / "model.safetensors")
        kind = {"model_type": "v2l_projector", "mm_projector_type": "mlp_downsample"}
        (folder / "mm_projector" / "config.json").write_text(json.dumps(kind))
        root = {
            "model_type": "llava_llama",
            "architectures": ["LlavaLlamaModel"],
            "image_aspect_ratio": "resize",
            "mm_use_im_start_end": False,
            "mm_vision_select_feature": "cls_patch",
            "mm_vision_select_layer": -2,
            "llm_cfg": {},
            "vision_tower_cfg": {},
            "mm_projector_cfg": {},
        }
        (folder / "config.json").write_text(json.dumps(root))
        return folder

    @torch.no_grad()
    def cell(self, image: Image.Image) -> dict[tuple[int, int], Tensor]:
        """Row and column on the image -> the projected feature of the four patches there."""
        stretched = image.resize((SIDE, SIDE))
        processor = SiglipImageProcessor(size={"height": SIDE, "width": SIDE})
        pixels = processor(images=stretched, return_tensors="pt")["pixel_values"]
        seen = self.siglip(pixels, output_hidden_states=True).hidden_states[-2][0]
        side = SIDE // PATCH

        def patch(row: int, col: int) -> Tensor:
            return seen[row * side + col] if row < side and col < side else torch.zeros(WIDTH)

        return {
            (row, col): self.mlp(
                torch.cat([patch(2 * row + down, 2 * col + right) for down in (0, 1) for right in (0, 1)])
            )
            for row in range(CELLS)
            for col in range(CELLS)
        }
