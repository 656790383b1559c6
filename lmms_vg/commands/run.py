"""lmms-eval itself, with an exit status that tells failure."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any


def add(commands: Any) -> None:
    """Add `run`, for the help text only: its arguments are lmms-eval's."""
    commands.add_parser("run", help="lmms-eval with the same arguments; exits non-zero when the run failed")


def run(arguments: Sequence[str]) -> int:
    """lmms-eval itself, in this process; 1 when it reported an error, which lmms-eval alone answers with status 0."""
    import lmms_eval.__main__ as host

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
