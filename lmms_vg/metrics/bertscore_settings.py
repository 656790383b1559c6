"""Settings of BERTScore: model, layer, rescaling and weights, by default from `LMMS_VG_BERTSCORE`."""

from __future__ import annotations

import os
from dataclasses import dataclass

#: Name of the environment variable that changes the defaults.
BERTSCORE_ENV = "LMMS_VG_BERTSCORE"

#: The form of its value.
VALUES = "model=<hub id or folder>,layer=<number>,rescale=<true|false>,idf=<true|false>"


@dataclass(frozen=True)
class BertScoreSettings:
    """Settings of BERTScore.

    Attributes:
        model: hub id or folder.
        layer: counted from 1.
        rescale: use the library's English baseline, which exists for some models only.
        idf: give rare words more weight; a score then depends on all references of the call.

    Raises:
        ValueError: the layer is below 1, or bert-score would download the model by shell commands.
    """

    model: str = "emilyalsentzer/Bio_ClinicalBERT"
    layer: int = 12
    rescale: bool = False
    idf: bool = False

    def __post_init__(self) -> None:
        if not self.model or self.model.startswith("scibert"):
            raise ValueError(
                f"model {self.model!r}: allowed is a hub id like allenai/scibert_scivocab_uncased, or a folder"
            )
        if self.layer < 1:
            raise ValueError(f"layer {self.layer}: layers count from 1")

    @classmethod
    def from_environment(cls) -> BertScoreSettings:
        """Read settings from `LMMS_VG_BERTSCORE`, e.g. `model=roberta-large,layer=17`; missing ones are the defaults.

        Raises:
            ValueError: a name or value is not allowed; the message has those that are.
        """
        values: dict[str, str | int | bool] = {}
        for part in filter(None, os.environ.get(BERTSCORE_ENV, "").split(",")):
            name, _, value = (text.strip() for text in part.partition("="))
            if name in values:
                raise ValueError(f"{BERTSCORE_ENV}: {name} is given twice")
            if name == "model" and value:
                values[name] = value
            elif name == "layer" and value.isdecimal():
                values[name] = int(value)
            elif name in ("rescale", "idf") and value in ("true", "false"):
                values[name] = value == "true"
            else:
                raise ValueError(f"{BERTSCORE_ENV}: {part!r}: allowed is {VALUES}")
        return cls(**values)  # type: ignore[arg-type]
