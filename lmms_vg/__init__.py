"""lmms_vg: does a medical multimodal model look where it should, and does it answer better when it is made to look?

The names in `__all__` are imported on first use (docs/api.md).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmms_vg.inference.look import Look, Looks
    from lmms_vg.inference.model import AskError, Model, load
    from lmms_vg.metrics.alignment import attention_ratio, js_divergence, kl_divergence
    from lmms_vg.metrics.bertscore import bertscore
    from lmms_vg.metrics.choice import choice
    from lmms_vg.metrics.closed import closed
    from lmms_vg.metrics.open_ended import bleu1, open_recall
    from lmms_vg.runs.compare import compare
    from lmms_vg.runs.comparison import Comparison
    from lmms_vg.runs.read import read
    from lmms_vg.runs.results import Run

__version__ = "0.1.0"

_MODULES = {
    "AskError": "inference.model",
    "Look": "inference.look",
    "Looks": "inference.look",
    "Model": "inference.model",
    "load": "inference.model",
    "Run": "runs.results",
    "read": "runs.read",
    "Comparison": "runs.comparison",
    "compare": "runs.compare",
    "attention_ratio": "metrics.alignment",
    "kl_divergence": "metrics.alignment",
    "js_divergence": "metrics.alignment",
    "bertscore": "metrics.bertscore",
    "bleu1": "metrics.open_ended",
    "choice": "metrics.choice",
    "closed": "metrics.closed",
    "open_recall": "metrics.open_ended",
}

__all__ = [
    "AskError",
    "Comparison",
    "Look",
    "Looks",
    "Model",
    "Run",
    "attention_ratio",
    "bertscore",
    "bleu1",
    "choice",
    "closed",
    "compare",
    "js_divergence",
    "kl_divergence",
    "load",
    "open_recall",
    "read",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
