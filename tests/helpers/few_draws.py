"""Fewer random draws for each p-value of a simulation: such a p-value is right at any number of draws, and only coarser."""

from __future__ import annotations

from importlib import import_module

import pytest


def few_draws(patch: pytest.MonkeyPatch, draws: int = 400) -> None:
    """Let swaps and sign flips be drawn this many times at most."""
    flips = import_module("lmms_vg.metrics.statistics.sign_flips")
    for module in (flips, import_module("lmms_vg.metrics.statistics.label_swaps")):
        patch.setattr(module, "_DRAWS", draws)
    patch.setattr(flips, "_PER_TEST", draws)
