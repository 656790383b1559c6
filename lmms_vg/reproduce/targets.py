"""What can be reproduced: rows of the paper's tables and Figure 3 as checkpoints and methods.

Rows go by their names in `paper/published.json`. Hyper-parameters are those the paper states (Supplement L). Of the other
methods of Table F.4 it prints none, so they run with our defaults (`lmms-vg methods NAME` says where each is from); where the
authors' own command has others, it has a row of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Checkpoint(NamedTuple):
    """A model on the hub; `billions` of parameters, vision tower included; `layers` and `heads` of its text model."""

    family: str
    pretrained: str
    billions: float
    layers: int
    heads: int


class TargetRow(NamedTuple):
    """A row that can be asked here.

    Attributes:
        hyper_parameters: those that differ from the method's defaults, as Python values.
        calibrate: the paper does not publish its heads, so they have to be ranked first.
        printed: the paper's row it is compared with, where that has another name.
    """

    name: str
    method: str
    checkpoint: Checkpoint
    hyper_parameters: Mapping[str, int | float | bool | str] = MappingProxyType({})
    calibrate: bool = False
    printed: str = ""

    @property
    def published(self) -> str:
        """Name of the paper's row."""
        return self.printed or self.name


class Target(NamedTuple):
    """`table` is the paper's number, empty for the figure; `not_run` are its rows of models that have no family here."""

    table: str
    rows: tuple[TargetRow, ...]
    not_run: tuple[str, ...] = ()
    note: str = ""


HUATUO_7B = Checkpoint("huatuo", "FreedomIntelligence/HuatuoGPT-Vision-7B-hf", 7.9, 28, 28)
HUATUO_34B = Checkpoint("huatuo", "FreedomIntelligence/HuatuoGPT-Vision-34B-hf", 34.8, 60, 56)
LLAVA_7B = Checkpoint("llava", "llava-hf/llava-1.5-7b-hf", 7.1, 32, 32)

_PAPER = {"k": 20, "p": 50.0}
_PAI_README = {"alpha": 0.2, "cfg": True, "gamma": 1.1, "faithful": True}
_MMMU = (
    "MMMU: the paper's averages weigh the subjects by the questions of the test split, whose answers are hidden. Ours are of "
    "the validation split, 30 questions a subject, under the same weights: other questions, and wide intervals"
)
_OPEN = (
    "Open questions: the paper says neither which BERTScore it takes nor whether it asks the open questions or all of them; "
    "do not expect its digits"
)
_DEFAULTS = (
    "The paper prints no hyper-parameters of PAI, AdaptVis and ViCrop. They run with our defaults; PAI also as its authors' "
    "README runs their code: alpha .2 with guidance of 1.1, under which the prompt is read without the boost"
)
_BASE = TargetRow("HuatuoGPT-V-7B", "plain", HUATUO_7B)
_OURS = TargetRow("VGRefine (Ours)", "vgrefine", HUATUO_7B, _PAPER | {"layers": "16"})

TARGETS = {
    "table1": Target(
        "1",
        (_BASE, _OURS),
        ("Qwen-VL-Chat", "LLaVA-v1.6-7B", "Med-Flamingo", "RadFM", "LLaVA-Med-7B", "LLaVA-Tri"),
    ),
    "table2": Target(
        "2",
        (_BASE, _OURS),
        ("Qwen-VL-Chat", "LLaVA-v1.6-7B", "Med-Flamingo", "RadFM", "LLaVA-Med-7B", "LLaVA-Tri", "VILA-M3-8B"),
        _MMMU,
    ),
    "table3": Target(
        "3",
        (_BASE, _OURS),
        ("Qwen-VL-Chat", "LLaVA-v1.6-7B", "Med-Flamingo", "RadFM", "LLaVA-Med-7B", "VILA-M3-8B", "MedPLIB"),
    ),
    "tableE3": Target(
        "E.3",
        (_BASE, _OURS._replace(name="VGRefine-7B (Ours)")),
        ("Qwen-VL-Chat", "LLaVA-v1.6-7B", "Med-Flamingo", "RadFM", "LLaVA-Med-7B"),
        _OPEN,
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
        ),
        ("LLaVA-v1.6-34B", "VILA-M3-13B", "MedRegA-34B"),
        f"{_MMMU}. {_OPEN}",
    ),
    "fig3": Target(
        "",
        (_BASE, TargetRow("HuatuoGPT-V-34B", "plain", HUATUO_34B), TargetRow("LLaVA-v1.5-7B", "plain", LLAVA_7B)),
        ("LLaVA-Med", "LLaVA-Tri", "VILA-M3-8B", "VILA-M3-13B", "MedRegA", "HuatuoGPT-V-Bio"),
    ),
}

FIGURE = {
    "localization": ("vgmed_localization", "vgmed_coco_localization"),
    "attribute": ("vgmed_attribute", "vgmed_coco_attribute"),
}
"""Kind of question -> the task on medical images and the one on COCO images (Figure 3)."""
