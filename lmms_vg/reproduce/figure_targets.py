"""The paper's figures of models as targets; most have no printed numbers."""

from __future__ import annotations

from lmms_vg.reproduce.checkpoints import (
    HUATUO_34B,
    HUATUO_BIO,
    INTERNVL3_8B,
    LLAVA_TRI,
    MED_FLAMINGO,
    MEDPLIB,
    MEDREGA,
    QWEN25_VL_7B,
    QWEN_VL_CHAT,
    RADFM,
)
from lmms_vg.reproduce.known_rows import BASE, LLAVA, MED, MMMU, NEXT, OURS, VICUNA, VILA_8B, VILA_13B
from lmms_vg.reproduce.target import Target, TargetRow

_ATTENTION = (
    "The figure has no numbers. The authors' code takes at most 50,176 pixels of Qwen's images and resizes them twice, where "
    "ours resizes once. Which tiles of InternVL they measured is not known"
)
_DRAWN = "The paper does not say how its examples were chosen; ours are drawn by a rule (docs/study.md)"

FIGURES = {
    "fig3": Target(
        "",
        (
            BASE,
            TargetRow("HuatuoGPT-V-34B", "plain", HUATUO_34B),
            LLAVA,
            MED._replace(name="LLaVA-Med"),
            VILA_8B,
            VILA_13B,
        ),
        (LLAVA_TRI, MEDREGA._replace(name="MedRegA"), HUATUO_BIO),
        "Figure 3: where models look, by layer",
    ),
    "fig1": Target(
        "",
        (BASE, MED._replace(name="LLaVA-Med"), VILA_8B, LLAVA),
        (LLAVA_TRI, MEDREGA._replace(name="MedRegA")),
        "Figure 1: maps of several models, each at its own layer (study/figures/own_layers_*)",
        note=_DRAWN,
    ),
    "figA1": Target(
        "",
        (BASE, OURS, NEXT, MED, VILA_8B),
        (QWEN_VL_CHAT, MED_FLAMINGO, RADFM, LLAVA_TRI, MEDPLIB),
        "Figure A.1: accuracy by subject and by modality (radar.png), the cells of Tables 2 and 3",
        f"{MMMU}. {VICUNA}",
        radar={"2": "MMMU", "3": "OmniMedVQA"},
    ),
    "figD1": Target(
        "",
        (BASE._replace(settings={"per_head": "true"}),),
        title="Figure D.1: the heads on medical and natural images (study/figures/heads_*)",
    ),
    "figJ": Target(
        "",
        (BASE, TargetRow("HuatuoGPT-V-34B", "plain", HUATUO_34B), LLAVA),
        (HUATUO_BIO,),
        title="Figures J.15 to J.23: maps over the layers (study/figures/strip_*)",
        note=_DRAWN,
    ),
    "figQ24": Target(
        "",
        (BASE, LLAVA),
        (LLAVA_TRI, MEDREGA._replace(name="MedRegA")),
        title="Figure Q.24: medical models on natural images, and LLaVA on medical ones (study/figures/own_layers_*)",
        note=_DRAWN,
    ),
    "figQ25": Target(
        "",
        (LLAVA,),
        title="Figure Q.25: LLaVA-v1.5-7B on medical images, by layer (study/figures/curves_*)",
    ),
    "figQ27": Target(
        "",
        (BASE, OURS),
        title="Figure Q.27: before and after VGRefine, hidden patches hatched (study/figures/before_after_*)",
        note=_DRAWN,
    ),
    "figQ26": Target(
        "",
        (TargetRow("Qwen2.5-VL-7B", "plain", QWEN25_VL_7B), TargetRow("InternVL3-8B", "plain", INTERNVL3_8B)),
        title="Figure Q.26: where general-purpose models look, by layer",
        note=_ATTENTION,
    ),
    "figQ28": Target(
        "",
        tuple(row._replace(settings={"rows": "last+question+all"}) for row in (BASE, LLAVA)),
        title="Figure Q.28: attention of the last, the question's and all tokens (study/figures/tokens_*)",
        note='The paper does not say whether "all" has the rows of the image; ours has every row of the prompt',
    ),
}
