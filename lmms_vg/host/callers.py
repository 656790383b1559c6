"""Find the arguments of lmms-eval's running functions on the call stack.

lmms-eval passes few of its options to a model or a task. The others are in the frames of `simple_evaluate` and of its
command line, which are always on the stack while they run us. Nothing is patched; outside of a run the functions find nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any


def variables_of(module: str, function: str) -> Mapping[str, Any] | None:
    """Local variables of the innermost running call of a function in this thread; None if it is not running."""
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == function and module in _names_of(frame.f_globals):
            return frame.f_locals
        frame = frame.f_back  # type: ignore[assignment]
    return None


def _names_of(variables: Mapping[str, Any]) -> tuple[Any, Any]:
    """Names of the module with these variables; under `python -m lmms_eval` its `__name__` is `__main__`."""
    return variables.get("__name__"), getattr(variables.get("__spec__"), "name", None)


def evaluation() -> Mapping[str, Any] | None:
    """Variables of lmms-eval's running `simple_evaluate`, including its arguments."""
    return variables_of("lmms_eval.evaluator", "simple_evaluate")


def leaves_records() -> bool:
    """Return whether the evaluated model keeps records of its answers, as ours do; True outside of an evaluation."""
    model = (evaluation() or {}).get("lm")
    return model is None or getattr(model, "leaves_records", False)


def command_line() -> Mapping[str, Any] | None:
    """Variables of lmms-eval's running command line, which turns every exception into a traceback and status 0."""
    return variables_of("lmms_eval.__main__", "cli_evaluate")
