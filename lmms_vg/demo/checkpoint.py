"""Save and load the state of an unfinished training run, in one safetensors file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn


def save(
    path: Path, trainee: nn.Module, optimizers: dict[str, torch.optim.AdamW], recipe: dict[str, int], done: int
) -> None:
    """Write weights, optimizer states, recipe and number of steps done to `path`, atomically."""
    tensors = {f"weights/{name}": tensor.contiguous() for name, tensor in trainee.state_dict().items()}
    for stage, optimizer in optimizers.items():
        for index, slots in optimizer.state_dict()["state"].items():
            tensors |= {f"{stage}/{index}/{slot}": tensor for slot, tensor in slots.items()}
    scratch = path.with_suffix(".part")
    save_file(tensors, scratch, metadata={"recipe": json.dumps(recipe), "done": str(done)})
    os.replace(scratch, path)


def load(path: Path, trainee: nn.Module, optimizers: dict[str, torch.optim.AdamW], recipe: dict[str, int]) -> int:
    """Load a state into `trainee` and `optimizers`, and return the number of steps done.

    Raises:
        ValueError: the state belongs to another recipe.
    """
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        if json.loads(metadata["recipe"]) != recipe:
            raise ValueError(f"{path} belongs to a run with {metadata['recipe']}: remove it, or use the same settings")
        names = file.keys()
        tensors = {name: file.get_tensor(name) for name in names}
    trainee.load_state_dict({name.removeprefix("weights/"): t for name, t in tensors.items() if "weights/" in name})
    for stage, optimizer in optimizers.items():
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            owner, _, rest = name.partition("/")
            if owner == stage:
                index, _, slot = rest.partition("/")
                state.setdefault(int(index), {})[slot] = tensor
        optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    return int(metadata["done"])
