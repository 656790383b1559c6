"""Entry points of lmms-eval plugins, each loaded as lmms-eval does it: the first that fails switches off all behind it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from typing import NamedTuple

GROUP = "lmms_eval.models"
OURS = "lmms_vg.plugin:manifests"


class Loaded(NamedTuple):
    """An entry point and what came of loading it.

    Attributes:
        of: the distribution that brings it, or the package where that is not known.
        failure: what it raised; None where it loads.
    """

    name: str
    of: str
    ours: bool
    failure: BaseException | None


def loaded() -> Iterator[Loaded]:
    """Every plugin's, in lmms-eval's order."""
    for entry in metadata.entry_points(group=GROUP):
        of = entry.dist.name if entry.dist else entry.value.split(":")[0].split(".")[0]
        yield Loaded(entry.name, of, entry.value == OURS, _failure(entry))


def culprit() -> Loaded | None:
    """The one that keeps lmms-eval from knowing our models: the first that fails, unless ours comes before it."""
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
    except (Exception, SystemExit) as failure:  # noqa: BLE001 - code of others
        return failure
    return None
