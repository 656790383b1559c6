"""Checkpoints that a family does not load: which family does, or why none can, and the nearest thing that works.

Add a row to `NOWHERE` for a model that people ask for and that no family can load.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lmms_vg.models import FAMILIES
from lmms_vg.models.checkpoint import CheckpointError
from lmms_vg.models.original_layout import is_original


class Refusal(NamedTuple):
    """A kind of model that no family loads.

    Attributes:
        model: What it is called.
        types: `model_type` of its config.json.
        names: Regular expression of its repository's name in lower case, for repositories without a usable config.json.
        reason: Why it is not loaded.
        instead: The nearest thing that works.
    """

    model: str
    types: tuple[str, ...]
    names: str
    reason: str
    instead: str


_LLAVA_MED = "the nearest medical model with a map is LLaVA-Med: --model llava_med_plain"
_LINGSHU = "the nearest medical model is Lingshu: --model lingshu_plain"

#: Matched in this order; a row matches by name or by model type.
NOWHERE = (
    Refusal(
        "Med-Flamingo",
        ("flamingo",),
        r"(med|open)-?flamingo.*",
        "its images enter through cross-attention to 64 latents, so that no image tokens lie on a grid, and there is no map",
        _LLAVA_MED,
    ),
    Refusal(
        "RadFM",
        (),
        r"radfm.*",
        "its images become 32 latents of a perceiver, which lie on no grid, so that there is no map",
        _LLAVA_MED,
    ),
    Refusal(
        "Qwen-VL-Chat",
        ("qwen",),
        r"qwen-vl(-chat.*)?",
        "its images become 256 queries of a resampler, which lie on no grid, so that there is no map",
        "its successor: --model qwen_vl_plain --model_args pretrained=Qwen/Qwen2.5-VL-7B-Instruct; lmms-eval's own model "
        "qwen_vl answers without maps",
    ),
    Refusal(
        "HuatuoGPT-V-Bio",
        (),
        r"huatuogpt-v(ision)?-.*bio.*",
        "its authors have not published the weights",
        "the same model with CLIP: --model huatuo_plain --model_args pretrained=FreedomIntelligence/HuatuoGPT-Vision-7B-hf",
    ),
    Refusal(
        "LLaVA-Tri (LLaVA-Med++)",
        (),
        r"llava-?(tri|med\+\+).*",
        "its vision tower joins three scales of an image, and it is not established which published weights belong to it",
        _LLAVA_MED,
    ),
    Refusal(
        "MedRegA",
        (),
        r"medrega.*",
        "it is stored in InternVL 1.2's own layout, whose conversion has not been checked against its code",
        "the nearest is InternVL3: --model internvl_plain --model_args pretrained=OpenGVLab/InternVL3-38B-hf",
    ),
    Refusal(
        "Hulu-Med",
        ("hulumed", "hulumed_qwen2", "hulumed_qwen3"),
        r"hulu-?med.*",
        "it needs code of its repository, which is never run, and its conversion has not been checked",
        _LINGSHU,
    ),
    Refusal(
        "InternVL in its authors' own layout",
        ("internvl_chat",),
        r"internvl[\d._]+-\d+b(?!.*-hf).*",
        "it needs code of its repository, which is never run",
        "the repository with -hf at the end of its name holds the same weights: --model internvl_plain --model_args "
        "pretrained={hf}",
    ),
    Refusal(
        "a Gemma 3 without vision",
        ("gemma3_text",),
        r"medgemma-.*-text.*",
        "it takes no images",
        "with vision: --model medgemma_plain --model_args pretrained=google/medgemma-27b-it",
    ),
    Refusal(
        "a model with linear attention",
        ("qwen3_next", "qwen3_5", "qwen3_5_text", "qwen3_5_moe", "qwen3_5_moe_text", "kimi_linear"),
        "",
        "most of its layers have no map of attention to look at",
        "the nearest is Qwen3-VL: --model qwen_vl_plain --model_args pretrained=Qwen/Qwen3-VL-8B-Instruct; lmms-eval's own "
        "model qwen3_5 answers without maps",
    ),
)

_ORIGINAL = Refusal(
    "LLaVA in its original layout",
    (),
    "",
    "that layout is converted for HuatuoGPT-Vision and LLaVA-Med only",
    "a conversion to transformers' layout (LlavaForConditionalGeneration) is loaded with --model llava_plain --model_args "
    "pretrained=CONVERSION",
)


def takers(pretrained: str, revision: str | None, raw: Mapping[str, Any]) -> list[str]:
    """Names of the registered families that load a checkpoint, judged by its config.json, `raw`."""
    names = []
    for name, family in FAMILIES.usable().items():
        require_own = getattr(family, "require_own", None)  # families that are no ImageText may not have it
        if require_own is None:
            continue
        try:
            require_own(pretrained, revision, raw)
        except CheckpointError:
            continue
        names.append(name)
    return names


def instead(pretrained: str, revision: str | None, raw: Mapping[str, Any]) -> str:
    """Advise, in one sentence, on a checkpoint that a family refused; empty if nothing is known about it."""
    families = takers(pretrained, revision, raw) if raw else []
    if families:
        others = f" (or {', '.join(f'{name}_plain' for name in families[1:])})" if families[1:] else ""
        return f"It is loaded with --model {families[0]}_plain{others} --model_args pretrained={pretrained}"
    row = nowhere(pretrained, raw)
    return "" if row is None else f"This is {row.model}: {row.reason}; {row.instead.format(hf=_converted(pretrained))}"


def nowhere(pretrained: str, raw: Mapping[str, Any]) -> Refusal | None:
    """Return the row of a checkpoint that no family can load; None if there is none."""
    name, kind = Path(pretrained).name.lower(), raw.get("model_type")
    for row in NOWHERE:
        if kind in row.types or (row.names and re.fullmatch(row.names, name)):
            return row
    return _ORIGINAL if is_original(raw) else None


def _converted(pretrained: str) -> str:
    """Return the conversion of an InternVL to transformers' layout; its makers write the ending differently in 3.5."""
    if re.fullmatch(r"OpenGVLab/InternVL3-[\w.]+", pretrained):
        return f"{pretrained}-hf"
    return (
        f"{pretrained}-HF" if re.fullmatch(r"OpenGVLab/InternVL3_5-[\w.]+", pretrained) else "OpenGVLab/InternVL3-8B-hf"
    )
