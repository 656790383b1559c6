"""What can be reproduced: rows of the paper's tables and of its figures of attention, as checkpoints and methods.

Rows have their names in `paper/published.json`. Hyper-parameters are those that the paper states (Supplement L). The paper
prints none for the other methods of Table F.4, so they run with our defaults (`lmms-vg methods NAME` names their sources); if
the authors' own command has other values, a separate row runs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from lmms_vg.reproduce.checkpoints import (
    HUATUO_7B,
    HUATUO_34B,
    HUATUO_BIO,
    INTERNVL3_8B,
    LLAVA_7B,
    LLAVA_MED,
    LLAVA_NEXT_7B,
    LLAVA_NEXT_34B,
    LLAVA_TRI,
    MED_FLAMINGO,
    MEDPLIB,
    MEDREGA,
    QWEN25_VL_7B,
    QWEN_VL_CHAT,
    RADFM,
    VILA_M3_8B,
    VILA_M3_13B,
    Checkpoint,
    NotHere,
)


class TargetRow(NamedTuple):
    """A row that can be run.

    Attributes:
        name: our name of the row.
        method: name of the method.
        checkpoint: the model.
        hyper_parameters: those that differ from the method's defaults, as Python values.
        calibrate: whether heads have to be ranked first, because the paper does not publish them.
        printed: the paper's name of the row, if it differs from `name`.
    """

    name: str
    method: str
    checkpoint: Checkpoint
    hyper_parameters: Mapping[str, int | float | bool | str] = MappingProxyType({})
    calibrate: bool = False
    printed: str = ""

    @property
    def published(self) -> str:
        """The paper's name of the row."""
        return self.printed or self.name


class Target(NamedTuple):
    """One table or figure of the paper.

    Attributes:
        table: the paper's number; empty for a figure.
        rows: the rows of models that a family runs, once it is installed.
        not_here: the rows of all other models.
        title: of a figure; tables have the paper's.
        note: what a reader of the results must know.
    """

    table: str
    rows: tuple[TargetRow, ...]
    not_here: tuple[NotHere, ...] = ()
    title: str = ""
    note: str = ""


_PAPER = {"k": 20, "p": 50.0}
_PAI_README = {"alpha": 0.2, "cfg": True, "gamma": 1.1, "faithful": True}
_MMMU = (
    "MMMU: the paper's averages weight the subjects by the size of the test split, whose answers are hidden. Ours use the "
    "validation split, 30 questions per subject, with the same weights: other questions, and wide intervals"
)
_OPEN = (
    "Open questions: the paper does not say which BERTScore it uses, nor whether it asks only the open questions or all; "
    "do not expect the same digits"
)
_DEFAULTS = (
    "The paper prints no hyper-parameters of PAI, AdaptVis and ViCrop. They run with our defaults. PAI also runs as in its "
    "authors' README: alpha .2 with guidance of 1.1, which reads the prompt without the boost"
)
_VICUNA = "LLaVA-v1.6-7B: the paper does not say which text model it has; this is the one on Vicuna"
_ATTENTION = (
    "The figure has no numbers. The authors' code takes at most 50,176 pixels of Qwen's images and resizes them twice, where "
    "ours resizes once. Which tiles of InternVL they measured is not known"
)
_DRAWN = "The paper does not say how its examples were chosen; ours are drawn by a rule (docs/study.md)"
_BASE = TargetRow("HuatuoGPT-V-7B", "plain", HUATUO_7B)
_OURS = TargetRow("VGRefine (Ours)", "vgrefine", HUATUO_7B, _PAPER | {"layers": "16"})
_NEXT = TargetRow("LLaVA-v1.6-7B", "plain", LLAVA_NEXT_7B)
_MED = TargetRow("LLaVA-Med-7B", "plain", LLAVA_MED)
_VILA_8B = TargetRow("VILA-M3-8B", "plain", VILA_M3_8B)
_VILA_13B = TargetRow("VILA-M3-13B", "plain", VILA_M3_13B)

TARGETS = {
    "table1": Target("1", (_BASE, _OURS, _NEXT, _MED), (QWEN_VL_CHAT, MED_FLAMINGO, RADFM, LLAVA_TRI), note=_VICUNA),
    "table2": Target(
        "2",
        (_BASE, _OURS, _NEXT, _MED, _VILA_8B),
        (QWEN_VL_CHAT, MED_FLAMINGO, RADFM, LLAVA_TRI),
        note=f"{_MMMU}. {_VICUNA}",
    ),
    "table3": Target(
        "3", (_BASE, _OURS, _NEXT, _MED, _VILA_8B), (QWEN_VL_CHAT, MED_FLAMINGO, RADFM, MEDPLIB), note=_VICUNA
    ),
    "tableE3": Target(
        "E.3",
        (_BASE, _OURS._replace(name="VGRefine-7B (Ours)"), _NEXT, _MED),
        (QWEN_VL_CHAT, MED_FLAMINGO, RADFM),
        note=f"{_OPEN}. {_VICUNA}",
    ),
    "tableF4": Target(
        "F.4",
        (
            _BASE._replace(name="HuatuoGPT-V-7B (Baseline)"),
            TargetRow("PAI", "pai", HUATUO_7B),
            TargetRow("PAI, as its README runs it", "pai", HUATUO_7B, _PAI_README, printed="PAI"),
            TargetRow("AdaptVis", "adaptvis", HUATUO_7B),
            TargetRow("ViCrop", "vicrop", HUATUO_7B),
            _OURS,
        ),
        note=_DEFAULTS,
    ),
    "tableG5": Target(
        "G.5",
        (
            TargetRow("HuatuoGPT-V-34B", "plain", HUATUO_34B),
            TargetRow("VGRefine-34B (Ours)", "vgrefine", HUATUO_34B, _PAPER | {"layers": "34+35+36"}, calibrate=True),
            TargetRow("LLaVA-v1.6-34B", "plain", LLAVA_NEXT_34B),
            _VILA_13B,
        ),
        (MEDREGA,),
        note=f"{_MMMU}. {_OPEN}",
    ),
    "fig3": Target(
        "",
        (
            _BASE,
            TargetRow("HuatuoGPT-V-34B", "plain", HUATUO_34B),
            TargetRow("LLaVA-v1.5-7B", "plain", LLAVA_7B),
            _MED._replace(name="LLaVA-Med"),
            _VILA_8B,
            _VILA_13B,
        ),
        (LLAVA_TRI, MEDREGA._replace(name="MedRegA"), HUATUO_BIO),
        "Figure 3: where models look, by layer",
    ),
    "fig1": Target(
        "",
        (_BASE, _MED._replace(name="LLaVA-Med"), _VILA_8B, TargetRow("LLaVA-v1.5-7B", "plain", LLAVA_7B)),
        (LLAVA_TRI, MEDREGA._replace(name="MedRegA")),
        "Figure 1: maps of several models, each at its own layer (study/figures/own_layers_*)",
        note=_DRAWN,
    ),
    "figD1": Target(
        "",
        (_BASE,),
        title="Figure D.1: the heads on medical and natural images (study/figures/heads_*); add --model_args per_head=true",
    ),
    "figJ": Target(
        "",
        (_BASE, TargetRow("HuatuoGPT-V-34B", "plain", HUATUO_34B), TargetRow("LLaVA-v1.5-7B", "plain", LLAVA_7B)),
        (HUATUO_BIO,),
        title="Figures J.15 to J.23: maps over the layers (study/figures/strip_*)",
        note=_DRAWN,
    ),
    "figQ24": Target(
        "",
        (_BASE, TargetRow("LLaVA-v1.5-7B", "plain", LLAVA_7B)),
        (LLAVA_TRI, MEDREGA._replace(name="MedRegA")),
        title="Figure Q.24: medical models on natural images, and LLaVA on medical ones (study/figures/own_layers_*)",
        note=_DRAWN,
    ),
    "figQ25": Target(
        "",
        (TargetRow("LLaVA-v1.5-7B", "plain", LLAVA_7B),),
        title="Figure Q.25: LLaVA-v1.5-7B on medical images, by layer (study/figures/curves_*)",
    ),
    "figQ27": Target(
        "",
        (_BASE, _OURS),
        title="Figure Q.27: before and after VGRefine, hidden patches hatched (study/figures/before_after_*)",
        note=_DRAWN,
    ),
    "figQ26": Target(
        "",
        (TargetRow("Qwen2.5-VL-7B", "plain", QWEN25_VL_7B), TargetRow("InternVL3-8B", "plain", INTERNVL3_8B)),
        title="Figure Q.26: where general-purpose models look, by layer",
        note=_ATTENTION,
    ),
}

#: Kind of question -> the task on medical images and the task on COCO images (Figures 3 and Q.26).
FIGURE = {
    "localization": ("vgmed_localization", "vgmed_coco_localization"),
    "attribute": ("vgmed_attribute", "vgmed_coco_attribute"),
}
