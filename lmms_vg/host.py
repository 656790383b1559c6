"""lmms-eval itself, in this process, with an exit status that tells failure."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import lmms_eval.__main__ as host


def run(arguments: Sequence[str]) -> int:
    """lmms-eval with these arguments; 1 when it reported an error, which lmms-eval alone answers with status 0."""
    failures: list[BaseException] = []
    evaluate = host.cli_evaluate_single

    def watched(*args: Any, **kwargs: Any) -> Any:
        if args and getattr(args[0], "tasks", "") is None:  # lmms-eval says so too, and exits with 0
            raise SystemExit("lmms-vg: --tasks is missing; name some (lmms-vg tasks), or: --tasks list")
        try:
            return evaluate(*args, **kwargs)
        except BaseException as problem:
            failures.append(problem)
            raise

    argv, sys.argv = sys.argv, ["lmms-eval", *arguments]
    host.cli_evaluate_single = watched
    try:
        host.cli_evaluate()
    finally:
        sys.argv, host.cli_evaluate_single = argv, evaluate
    return 1 if failures else 0
