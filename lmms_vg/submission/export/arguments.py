"""By which ``--model`` and ``--model_args`` a submission was run, told from what it is signed with."""

from __future__ import annotations

from lmms_vg.submission.schema import Provenance


def model_of(run: Provenance) -> str:
    """``<family>_<method>``."""
    return f"{run.family}_{run.method.name}"


def model_args(run: Provenance) -> str:
    """Settings, and every hyper-parameter."""
    given = {name: value for name, value in run.settings.items() if value is not None}
    return ",".join(f"{name}={value}" for name, value in (given | run.method.arguments).items())
