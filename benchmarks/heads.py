"""Heads and layer of VGRefine on a random model: the paper's for HuatuoGPT-Vision-7B, scaled in proportion.

They determine its cost: triage runs the layers up to the last head, knockout runs all layers from its own on.
"""

from __future__ import annotations

from lmms_vg.methods.head_lists import shipped


def in_proportion(layers: int, heads: int) -> tuple[tuple[tuple[int, int], ...], int]:
    """(layer, head) pairs, best first, and the knockout layer; in the paper layer 16 of 28, with the last head in layer 19."""
    paper = shipped()["huatuo_vision_7b"]
    scaled = [(layer * layers // paper.num_layers, head * heads // paper.num_heads) for layer, head in paper.heads]
    return tuple(dict.fromkeys(scaled)), paper.layers[0] * layers // paper.num_layers
