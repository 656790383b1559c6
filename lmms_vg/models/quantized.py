"""Quantised checkpoints: 4 and 8 bits through bitsandbytes, where it is installed. All others are refused.

What other packages do to weights, and in which version, cannot be named in a result without knowing each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from lmms_vg.models.checkpoint import CheckpointError

_LIBRARY = "bitsandbytes"
_FIELD = "quantization_config"


def require_known_quantization(pretrained: str, config: Mapping[str, Any]) -> None:
    """Refuse a checkpoint whose weights are stored in a form that is not read here; `config` is config.json.

    Raises:
        CheckpointError: The message names the method and says what to do.
    """
    for part in ("text_config", "vision_config"):
        nested = (config.get(part) or {}).get(_FIELD)
        if nested:
            raise _refused(pretrained, f"{part}.{_FIELD}={nested!r}", f"{_FIELD} at the top of config.json")
    stated = config.get(_FIELD)
    if not stated:
        return
    if not _bits(stated):
        raise _refused(
            pretrained,
            f"{_FIELD}={stated!r}",
            f"{_LIBRARY} with load_in_4bit or load_in_8bit, or none, as in the checkpoint that this one was made from",
        )
    if _installed() is None:
        raise _refused(
            pretrained,
            f"{_bits(stated)}-bit {_FIELD} of {_LIBRARY}, which is not installed",
            f"this after pip install {_LIBRARY}, or the checkpoint that it was made from",
        )


def quantization(config: Any) -> str:
    """Name how a model's weights were quantised, such as `bitsandbytes-0.48.1-4bit-nf4`; empty if they were not.

    Args:
        config: The model's configuration in transformers.
    """
    stated = getattr(config, _FIELD, None)
    if not stated:
        return ""
    if not isinstance(stated, Mapping):  # an object of transformers, once weights are read
        stated = stated.to_dict()
    bits = _bits(stated)
    kind = f"-{stated.get('bnb_4bit_quant_type', 'fp4')}" if bits == 4 else ""
    return f"{_LIBRARY}-{_installed()}-{bits}bit{kind}"


def _bits(stated: Any) -> int:
    """Bits of a weight under bitsandbytes; 0 for any other method. Old files leave the method's name out."""
    if not isinstance(stated, Mapping) or stated.get("quant_method") not in (None, "", _LIBRARY):
        return 0
    return 4 if stated.get("load_in_4bit") else 8 if stated.get("load_in_8bit") else 0


def _installed() -> str | None:
    try:
        return version(_LIBRARY)
    except PackageNotFoundError:
        return None


def _refused(pretrained: str, stated: str, allowed: str) -> CheckpointError:
    return CheckpointError(
        f"pretrained={pretrained!r}: config.json says {stated}; allowed is {allowed} (docs/checkpoints.md has every field)"
    )
