"""Commands that build a data set like VGMED out of segmentation masks. Each subcommand has its parser in one function."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from lmms_vg.cli import vgmed_blind, vgmed_export, vgmed_rating
from lmms_vg.cli.printing import print_lines


def add(commands: Any) -> None:
    """Add `vgmed`."""
    vgmed = commands.add_parser("vgmed", help="build a data set with boxes out of masks, and ask about it")
    actions = vgmed.add_subparsers(required=True, metavar="ACTION")
    for subcommand in (_add_validate, vgmed_rating.add, vgmed_blind.add, vgmed_export.add):
        subcommand(actions)


def _add_validate(actions: Any) -> None:
    validate = actions.add_parser("validate", help="check a built data set, and show how it is distributed")
    validate.add_argument("dataset", type=Path, metavar="FOLDER", help="what `lmms-vg vgmed build` wrote")
    validate.set_defaults(command=_validate)


def _validate(args: argparse.Namespace) -> int:
    from lmms_vg.vgmed.dataset import read

    made = read(args.dataset)
    print_lines(made.problems)
    return 1 if made.problems else 0
