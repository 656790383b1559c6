"""What can be reproduced: rows of the paper's tables and Figure 3 as checkpoints and methods.

Rows have their names in `paper/published.json`. Hyper-parameters are those that the paper states (Supplement L). The paper
prints none for the other methods of Table F.4, so they run with our defaults (`lmms-vg methods NAME` names their sources); if
the authors' own command has other values, a separate row runs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Checkpoint(NamedTuple):
    """A model on the hub.

    Attributes:
        family: name of our family.
        pretrained: its id on the hub.
        billions: parameters in billions, vision tower included.
        layers: layers of the text model.
        heads: heads per layer of the text model.
    """

    family: str
    pretrained: str
    billions: float
    layers: int
    heads: int


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
        table: the paper's number; empty for the figure.
        rows: the rows that can be run.
        not_run: rows of models that have no family here.
        note: what a reader of the results must know.
    """

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

#: Kind of question -> the task on medical images and the task on COCO images (Figure 3).
FIGURE = {
    "localization": ("vgmed_localization", "vgmed_coco_localization"),
    "attribute": ("vgmed_attribute", "vgmed_coco_attribute"),
}
