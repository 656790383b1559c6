"""Ask medical vision-language models with lmms-eval, measure where they look, and compare methods that change it.

Commands import what they need inside their functions, so that `lmms-vg --help` is instant.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from lmms_vg import __version__
from lmms_vg.cli import (
    data,
    demo,
    doctor,
    heads,
    journal,
    leaderboard,
    look,
    methods,
    models,
    reproduce,
    run,
    runs,
    study,
    submission,
    sweep,
    vgmed,
)
from lmms_vg.cli.parser import SuggestingParser, unknown_option
from lmms_vg.cli.paths import told
from lmms_vg.host.failure import RunFailed
from lmms_vg.host.options import OPTIONS


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _main(arguments)
    except KeyboardInterrupt:
        print("\nlmms-vg: stopped; run the same command again to resume", file=sys.stderr)
        return 130


def _main(arguments: Sequence[str]) -> int:
    if arguments[:1] == ["run"]:  # every further argument is lmms-eval's, --help included
        return run.run(arguments[1:])
    try:
        args = _parsed(arguments)
        status: int = args.command(args)
        return status
    except BrokenPipeError:  # the reader closed the pipe, as `| head` does
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - otherwise Python fails again at exit
        return 0
    except RunFailed as problem:
        print(f"lmms-vg: {problem}", file=sys.stderr)
        return 1
    except (ValueError, OSError) as problem:
        print(f"lmms-vg: {told(problem)}", file=sys.stderr)
        return 2


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _parser()
    args, more = parser.parse_known_args(arguments)
    takes_more = getattr(args, "takes_more", False)  # further arguments go to lmms-eval
    known = [*args.options, *(f"--{name}" for name in OPTIONS if takes_more)]
    if problem := unknown_option(more, known):
        parser.error(problem)
    if takes_more:
        args.more = more
    elif more:
        parser.error(f"unrecognized arguments: {' '.join(more)}")
    return args


def _parser() -> argparse.ArgumentParser:
    parser = SuggestingParser(prog="lmms-vg", description=__doc__.splitlines()[0])
    parser.add_argument("--version", action="version", version=f"lmms_vg {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for topic in (
        look,
        run,
        sweep,
        reproduce,
        study,
        data,
        runs,
        journal,
        submission,
        leaderboard,
        methods,
        models,
        heads,
        vgmed,
        demo,
        doctor,
    ):
        topic.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
