"""Methods: what is done to a model's attention while it answers. One published method a file."""

from lmms_vg.methods.adaptvis import AdaptVis
from lmms_vg.methods.attention_lens import AttentionLens
from lmms_vg.methods.base import Method
from lmms_vg.methods.inverse_mask import InverseMask
from lmms_vg.methods.oracle_mask import OracleMask
from lmms_vg.methods.pai import PAI
from lmms_vg.methods.plain import Plain
from lmms_vg.methods.random_mask import RandomMask
from lmms_vg.methods.scalingvis import ScalingVis
from lmms_vg.methods.vaf import VAF
from lmms_vg.methods.vcd import VCD
from lmms_vg.methods.vgrefine import VGRefine
from lmms_vg.methods.vicrop import ViCrop

#: Every method by the name it has in `<family>_<method>`.
METHODS: dict[str, type[Method]] = {
    method.name: method
    for method in (
        Plain,
        VGRefine,
        RandomMask,
        InverseMask,
        OracleMask,
        PAI,
        AdaptVis,
        ScalingVis,
        VAF,
        AttentionLens,
        VCD,
        ViCrop,
    )
}

__all__ = [
    "METHODS",
    "PAI",
    "VAF",
    "VCD",
    "AdaptVis",
    "AttentionLens",
    "InverseMask",
    "Method",
    "OracleMask",
    "Plain",
    "RandomMask",
    "ScalingVis",
    "VGRefine",
    "ViCrop",
]
