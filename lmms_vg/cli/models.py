"""The command that lists model families, and says whether a checkpoint will load."""

from __future__ import annotations

import argparse
from typing import Any

from lmms_vg.cli.printing import print_lines
from lmms_vg.cli.unknown_arguments import missing_checkpoint, refuse


def add(commands: Any) -> None:
    """Add `models`."""
    models = commands.add_parser(
        "models", help="list the families and their checkpoints, or tell whether a checkpoint will load"
    )
    models.add_argument(
        "pretrained",
        nargs="?",
        metavar="CHECKPOINT",
        help="folder or hub id of a checkpoint: tell whether it will load, and as which family",
    )
    models.add_argument("--revision", help="branch, tag or commit of the hub id")
    models.set_defaults(command=_models)


def _models(args: argparse.Namespace) -> int:
    if args.pretrained is None:
        from lmms_vg.models import FAMILIES
        from lmms_vg.models.card import table

        return print_lines(table(FAMILIES.usable()))

    refuse(missing_checkpoint(args.pretrained))

    from lmms_vg.models.checkpoint import explicit
    from lmms_vg.models.recognition import recognise

    pretrained, loads = explicit(args.pretrained), False
    at = f",revision={args.revision}" if args.revision else ""
    for family, about, problem in recognise(pretrained, args.revision):
        print(f"--model {family}_plain --model_args pretrained={pretrained}{at}", flush=True)
        print(f"    will not load: {problem}" if problem else f"    will load: {about}", flush=True)
        loads = loads or not problem
    return 0 if loads else 1
