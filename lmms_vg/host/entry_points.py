"""Entry points of lmms-eval plugins, each loaded as lmms-eval does: after one that fails, lmms-eval skips all others."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from typing import NamedTuple

GROUP = "lmms_eval.models"
OURS = "lmms_vg.plugin:manifests"


class Loaded(NamedTuple):
    """An entry point and the result of loading it.

    Attributes:
        name: Its name in the group.
        of: The distribution that defines it, or its package if that is not known.
        ours: Whether it is this package's.
        failure: The exception it raised; None if it loads.
    """

    name: str
    of: str
    ours: bool
    failure: BaseException | None


def loaded() -> Iterator[Loaded]:
    """Load the entry point of every plugin, in lmms-eval's order."""
    for entry in metadata.entry_points(group=GROUP):
        of = entry.dist.name if entry.dist else entry.value.split(":")[0].split(".")[0]
        yield Loaded(entry.name, of, entry.value == OURS, _failure(entry))


def culprit() -> Loaded | None:
    """Find the entry point that hides our models from lmms-eval: the first that fails, unless ours comes before it."""
    for entry in loaded():
        if entry.failure is not None:
            return entry
        if entry.ours:
            return None
    return None


def _failure(entry: metadata.EntryPoint) -> BaseException | None:
    from lmms_eval.models.registry_v2 import ModelRegistryV2

    registry = ModelRegistryV2()
    registry._select_entry_points = lambda group: [entry]
    try:
        registry.load_entrypoint_manifests(overwrite=True)
    except (Exception, SystemExit) as failure:  # noqa: BLE001 - a plugin may raise anything
        return failure
    return None
