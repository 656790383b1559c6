"""Tensors of a model whose parts lie in folders of their own."""

from __future__ import annotations

from safetensors.torch import load_file
from torch import Tensor

from lmms_vg.models.checkpoint import CheckpointError, path_of, read_json, reading


def read_tensors(pretrained: str, revision: str | None, folder: str) -> dict[str, Tensor]:
    """Read all tensors in a folder of a checkpoint, from one safetensors file or from those that an index names.

    Raises:
        CheckpointError: A file is missing or cannot be read.
    """
    index = read_json(pretrained, revision, f"{folder}/model.safetensors.index.json")
    files = sorted(set(index["weight_map"].values())) if index else ["model.safetensors"]
    tensors: dict[str, Tensor] = {}
    for file in files:
        path = path_of(pretrained, revision, f"{folder}/{file}")
        if path is None:
            raise CheckpointError(f"pretrained={pretrained!r}: {folder}/{file} is not there")
        with reading(pretrained, f"{folder}/{file}"):
            tensors |= load_file(path)
    return tensors
