"""By which ``--model`` and ``--model_args`` a submission was run, told from what it is signed with."""

from __future__ import annotations

import ast
from typing import Any

from lmms_vg.extensions.registered import methods
from lmms_vg.submission.schema import Provenance


def model_of(run: Provenance) -> str:
    """``<family>_<method>``."""
    written = run.method.partition("(")[0].lower()
    return f"{run.family}_{next((name for name in methods() if name.replace('_', '') == written), written)}"


def model_args(run: Provenance) -> str:
    """Settings, and every hyper-parameter; those of a method that is no call of plain values are left out."""
    given = {name: value for name, value in run.settings.items() if value is not None}
    return ",".join(f"{name}={_written(value)}" for name, value in (given | _hyper_parameters(run.method)).items())


def _hyper_parameters(method: str) -> dict[str, Any]:
    """Of ``repr(method)``."""
    try:
        call = ast.parse(method, mode="eval").body
        keywords = call.keywords if isinstance(call, ast.Call) else []
        return {one.arg: ast.literal_eval(one.value) for one in keywords if one.arg}
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):  # all that the two raise
        return {}


def _written(value: Any) -> str:
    """As ``--model_args`` takes it: layers as ``34+35``, heads as ``15-4+16-5``.

    >>> _written(((15, 4), (16, 5)))
    '15-4+16-5'
    """
    if not isinstance(value, tuple):
        return str(value)
    return "+".join("-".join(map(str, one)) if isinstance(one, tuple) else str(one) for one in value)
