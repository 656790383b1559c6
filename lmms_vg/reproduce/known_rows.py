"""Rows that several of the paper's tables and figures have, and what must be said of them."""

from __future__ import annotations

from lmms_vg.reproduce.checkpoints import HUATUO_7B, LLAVA_7B, LLAVA_MED, LLAVA_NEXT_7B, VILA_M3_8B, VILA_M3_13B
from lmms_vg.reproduce.target import TargetRow

MMMU = (
    "MMMU: the paper's averages weight the subjects by the size of the test split, whose answers are hidden. Ours use the "
    "validation split, 30 questions per subject, with the same weights: other questions, and wide intervals"
)
VICUNA = "LLaVA-v1.6-7B: the paper does not say which text model it has; this is the one on Vicuna"

BASE = TargetRow("HuatuoGPT-V-7B", "plain", HUATUO_7B)
OURS = TargetRow("VGRefine (Ours)", "vgrefine", HUATUO_7B, {"k": 20, "p": 50.0, "layers": "16"})
LLAVA = TargetRow("LLaVA-v1.5-7B", "plain", LLAVA_7B)
NEXT = TargetRow("LLaVA-v1.6-7B", "plain", LLAVA_NEXT_7B)
MED = TargetRow("LLaVA-Med-7B", "plain", LLAVA_MED)
VILA_8B = TargetRow("VILA-M3-8B", "plain", VILA_M3_8B)
VILA_13B = TargetRow("VILA-M3-13B", "plain", VILA_M3_13B)
