"""Reconstruct `--model` and `--model_args` from a submission's provenance."""

from __future__ import annotations

from lmms_vg.submission.schema import Provenance


def model_of(run: Provenance) -> str:
    """Return `<family>_<method>`."""
    return f"{run.family}_{run.method.name}"


def model_args(run: Provenance) -> str:
    """Return the settings and every hyper-parameter as `name=value,...`."""
    given = {name: value for name, value in run.settings.items() if value is not None}
    return ",".join(f"{name}={value}" for name, value in (given | run.method.arguments).items())
