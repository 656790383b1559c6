"""Load every tensor of a checkpoint or none, from safetensors, and tell weights apart by their bits."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from lmms_vg.models.checkpoint import CheckpointError, locate, reading
from lmms_vg.models.quantized import quantization

#: Buffers that older releases saved, although they follow from the configuration.
_COMPUTED = ("rotary_emb.inv_freq", "embeddings.position_ids")


def require_weights(pretrained: str) -> None:
    """Refuse a folder without safetensors before anything is loaded from it.

    Raises:
        CheckpointError: The folder has no `*.safetensors` file.
    """
    folder = Path(locate(pretrained))
    if folder.is_dir() and not list(folder.glob("*.safetensors")):
        raise CheckpointError(
            f"pretrained={pretrained!r}: the folder has a config.json but no *.safetensors weights "
            "(.bin files are pickles and are not read; convert them with safetensors first)"
        )


def load_weights(
    model_class: Any,
    pretrained: str,
    revision: str | None,
    config: Any,
    dtype: torch.dtype,
    device: str,
    device_map: str | None,
    renaming: dict[str, str] | None = None,
    tensors: dict[str, torch.Tensor] | None = None,
) -> Any:
    """Load weights into a model of a transformers class, from safetensors only.

    `renaming` maps regular expressions to replacements, for tensor names of another layout. `tensors` are those of a
    checkpoint that is no single model; then no file is read.

    Raises:
        CheckpointError: A tensor cannot be read, is missing or left over, or has another shape.
    """
    place = locate(pretrained)
    moved = device_map is None and not quantization(config)  # bitsandbytes places weights while it reads them
    with reading(pretrained, "weights"):
        loaded: Any = model_class.from_pretrained(
            None if tensors is not None else place,
            revision=revision or "main",
            config=config,
            state_dict=tensors,
            dtype=dtype,
            device_map=device_map if moved or device_map else {"": device},
            use_safetensors=True,
            trust_remote_code=False,
            key_mapping=renaming,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # so that they are reported and can be refused by name
        )
    model, report = loaded
    _require_every_tensor(pretrained, report["unexpected_keys"])
    missing, mismatched = sorted(report["missing_keys"]), sorted(map(str, report.get("mismatched_keys", ())))
    if missing or mismatched:
        raise CheckpointError(
            f"pretrained={pretrained!r}: {len(missing)} weights are missing and {len(mismatched)} have another shape "
            f"than config.json says (first: {[*missing, *mismatched][0]}); the answers would be random"
        )
    if moved:
        model.to(device)
    # Only methods that ask for gradients of attention want any.
    return model.eval().requires_grad_(False)


def _require_every_tensor(pretrained: str, unexpected: Collection[str]) -> None:
    """Refuse tensors that have no place in the model: they were part of the model that was trained or measured."""
    strange = sorted(name for name in unexpected if not name.endswith(_COMPUTED))
    if strange:
        shown = ", ".join(strange[:3]) + (", ..." if strange[3:] else "")
        raise CheckpointError(
            f"pretrained={pretrained!r}: {len(strange)} tensors of the checkpoint have no place in the model that config.json "
            f"describes: {shown}. Allowed is a checkpoint whose every tensor is used: correct config.json (number of layers, "
            "quantization_config), merge adapters (lora_A, lora_B), convert scaled float8 weights to bfloat16"
        )


@torch.inference_mode()
def fingerprint(model: PreTrainedModel, chunk: int = 1 << 20) -> str:
    """Hash all weights as loaded: names, shapes, dtypes, and order-sensitive sums of the bits of each chunk.

    Each weight is read once, on its own device, so a 7B model costs milliseconds on a GPU. A checkpoint that was
    overwritten in place gets another hash.

    Raises:
        CheckpointError: A weight was not loaded.
    """
    digest = hashlib.sha256()
    words = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    for name, weight in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(weight.shape)} {weight.dtype};".encode())
        if weight.is_meta:
            raise CheckpointError(
                f"weight {name} was not loaded (disk offload is not supported); spread the model over more GPUs"
            )
        bits = weight.detach().contiguous().view(-1).view(words[weight.element_size()])
        sums = [torch.stack([part.sum(dtype=torch.int64), _weighted(part)]) for part in bits.split(chunk)]
        if sums:
            digest.update(torch.stack(sums).cpu().numpy().tobytes())
    return digest.hexdigest()


def _weighted(part: torch.Tensor) -> torch.Tensor:
    weights = torch.arange(1, len(part) + 1, device=part.device, dtype=torch.int64)
    return (part.to(torch.int64) * weights).sum()
