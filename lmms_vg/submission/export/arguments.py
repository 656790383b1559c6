"""Reconstruct `--model` and `--model_args` from what a submission says was run."""

from __future__ import annotations

from lmms_vg.submission.schema import Declaration, Provenance


def model_of(run: Provenance | Declaration) -> str:
    """Return `<family>_<method>`, or the name of a model that is not ours."""
    return run.model if isinstance(run, Declaration) else f"{run.family}_{run.method.name}"


def model_args(run: Provenance | Declaration) -> str:
    """Return the settings and every hyper-parameter as `name=value,...`.

    Of a declared model, a bundle knows neither which argument held its name nor the whole address of its endpoint.
    """
    if isinstance(run, Declaration):
        named = {"pretrained": run.name} if run.name else {}
        return ",".join(f"{name}={value}" for name, value in (named | run.arguments).items() if value is not None)
    stated = run.settings | (run.options or {})
    given = {name: value for name, value in stated.items() if value is not None}
    return ",".join(f"{name}={value}" for name, value in (given | run.method.arguments).items())
