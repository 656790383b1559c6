"""The models of the paper's rows: which family runs them here, or why none does, and which model of lmms-eval has them."""

from __future__ import annotations

from typing import NamedTuple


class Elsewhere(NamedTuple):
    """A model of lmms-eval's own that loads a checkpoint: it gives accuracy, never an attention map.

    Attributes:
        model: lmms-eval's `--model`.
        model_args: its `--model_args`.
        remark: what its user has to know; empty if nothing.
    """

    model: str
    model_args: str
    remark: str = ""


class Checkpoint(NamedTuple):
    """A model on the hub that a family of ours runs.

    Attributes:
        family: name of the family, which need not be installed.
        pretrained: its id on the hub.
        billions: parameters in billions, vision tower included.
        layers: layers of the text model.
        heads: heads per layer of the text model.
        image_tokens: tokens of an image of 640 x 480 pixels, for the cost model.
        settings: the family's settings that the paper's numbers need, with their values.
        elsewhere: lmms-eval's own model for it; None if it has none.
    """

    family: str
    pretrained: str
    billions: float
    layers: int
    heads: int
    image_tokens: int = 576
    settings: tuple[tuple[str, int], ...] = ()
    elsewhere: Elsewhere | None = None


class NotHere(NamedTuple):
    """A row of the paper whose model no family of ours runs.

    Attributes:
        name: the paper's name of the row.
        why: why no family runs it, in one sentence.
        elsewhere: lmms-eval's own model for it; None if it has none.
    """

    name: str
    why: str
    elsewhere: Elsewhere | None = None


HUATUO_7B = Checkpoint("huatuo", "FreedomIntelligence/HuatuoGPT-Vision-7B-hf", 7.9, 28, 28)
HUATUO_34B = Checkpoint("huatuo", "FreedomIntelligence/HuatuoGPT-Vision-34B-hf", 34.8, 60, 56)
LLAVA_7B = Checkpoint("llava", "llava-hf/llava-1.5-7b-hf", 7.1, 32, 32)

_VICUNA, _YI = "llava-hf/llava-v1.6-vicuna-7b-hf", "llava-hf/llava-v1.6-34b-hf"
LLAVA_NEXT_7B = Checkpoint(
    "llava_next", _VICUNA, 7.1, 32, 32, 2_340, elsewhere=Elsewhere("llava_hf", f"pretrained={_VICUNA}")
)
LLAVA_NEXT_34B = Checkpoint(
    "llava_next", _YI, 34.8, 60, 56, 2_340, elsewhere=Elsewhere("llava_hf", f"pretrained={_YI}")
)
LLAVA_MED = Checkpoint(
    "llava_med",
    "microsoft/llava-med-v1.5-mistral-7b",
    7.6,
    32,
    32,
    elsewhere=Elsewhere(
        "llava_hf",
        "pretrained=chaoyinshe/llava-med-v1.5-mistral-7b-hf",
        "a conversion made by others, which was not compared with the original",
    ),
)

_VILA, _NEEDS_VILA = "MONAI/Llama3-VILA-M3", "which needs VILA's own package"
VILA_M3_8B = Checkpoint(
    "vila_m3",
    f"{_VILA}-8B",
    8.5,
    32,
    32,
    196,
    elsewhere=Elsewhere("vila", f"pretrained={_VILA}-8B,conv_template=llama_3", _NEEDS_VILA),
)
VILA_M3_13B = Checkpoint(
    "vila_m3",
    f"{_VILA}-13B",
    13.5,
    40,
    40,
    196,
    elsewhere=Elsewhere("vila", f"pretrained={_VILA}-13B,conv_template=vicuna_v1", _NEEDS_VILA),
)

#: The authors' code caps an image at 50,176 pixels (64 tokens), and sets the lower limit below that.
QWEN25_VL_7B = Checkpoint(
    "qwen_vl",
    "Qwen/Qwen2.5-VL-7B-Instruct",
    8.3,
    28,
    28,
    54,
    (("min_pixels", 784), ("max_pixels", 50_176)),
)
INTERNVL3_8B = Checkpoint("internvl", "OpenGVLab/InternVL3-8B-hf", 7.9, 28, 28, 3_328)

_NO_GRID = "so no token stands for a place in the image, and there is no map"

QWEN_VL_CHAT = NotHere(
    "Qwen-VL-Chat",
    f"a resampler turns the image into 256 learned queries, {_NO_GRID}",
    Elsewhere("qwen_vl", "pretrained=Qwen/Qwen-VL-Chat"),
)
MED_FLAMINGO = NotHere("Med-Flamingo", f"the image enters through cross-attention, {_NO_GRID}")
RADFM = NotHere("RadFM", f"a perceiver turns the image into 32 learned latents, {_NO_GRID}")
LLAVA_TRI = NotHere(
    "LLaVA-Tri",
    "its authors publish fine-tunes for single data sets, and which weights the paper ran is not known",
)
MEDPLIB = NotHere("MedPLIB", "its model is code of its own repository, which transformers does not have")
MEDREGA = NotHere(
    "MedRegA-34B",
    "its model is InternVL-Chat-V1-2, code of its own repository, which transformers does not have",
    Elsewhere("internvl", "pretrained=Luxuriant16/medrega", "which needs InternVL's own package"),
)
HUATUO_BIO = NotHere("HuatuoGPT-V-Bio", "the authors trained it for the paper and have not published its weights")
