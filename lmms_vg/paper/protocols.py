"""The protocols of the numbers; code, command line, bundles, pages and docs/protocols.md take their names from here.

A protocol fixes questions, prompt, rule and decoding together. Measurements of where a model looks have no protocol: there is
only one way to make them, and they are shown beside the numbers of every protocol.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

ProtocolName = Literal["vgrefine", "test", "chen", "chen-greedy"]


class Protocol(NamedTuple):
    """A protocol.

    Attributes:
        name: its name, as in `--protocol`.
        title: the questions that it asks, in half a sentence.
        about: the rules that it fixes, in a few sentences.
    """

    name: ProtocolName
    title: str
    about: str


_ALL = (
    Protocol(
        "vgrefine",
        "the questions that the paper pools",
        "The questions of the VGRefine paper (Liu et al., ICLR 2026): everything that VQA-RAD and SLAKE hold, the test parts "
        "of PathVQA and PMC-VQA, MMMU's medical subjects and OmniMedVQA. The model answers in a word, a phrase or a letter and "
        "always gives its likeliest answer, so nothing is left to chance.",
    ),
    Protocol(
        "test",
        "the official test splits, asked and scored as in the paper",
        "Asked and scored as under vgrefine, but of VQA-RAD and SLAKE the official test parts only, which are meant to be kept "
        "out of training.",
    ),
    Protocol(
        "chen",
        "HuatuoGPT-Vision's questions, prompt, rule and sampled decoding",
        "HuatuoGPT-Vision's own evaluation (Chen et al., 2024): every question, yes-or-no ones too, is asked with lettered "
        "options. Answers are drawn by chance from a fixed seed; with another seed some would differ.",
    ),
    Protocol(
        "chen-greedy",
        "HuatuoGPT-Vision's questions, prompt and rule, decoded without chance",
        "The questions, options and rule of chen, but the model always gives its likeliest answer.",
    ),
)

#: Name -> protocol, in the order of preference: if tasks may belong to several, the first of them counts.
PROTOCOLS: dict[ProtocolName, Protocol] = {protocol.name: protocol for protocol in _ALL}
