"""The command that lists methods: what each edits, and where it comes from; and, apart from them, controls of the question."""

from __future__ import annotations

import argparse
from typing import Any

from lmms_vg._util.suggest import suggest
from lmms_vg.cli.printing import print_lines
from lmms_vg.extensions.registered import methods as registered


def add(commands: Any) -> None:
    """Add `methods`."""
    methods = commands.add_parser("methods", help="list the methods: their edits, hyper-parameters, papers and sources")
    methods.add_argument("name", nargs="?", metavar="NAME", help="show one method in full")
    methods.set_defaults(command=_methods)


def _methods(args: argparse.Namespace) -> int:
    if args.name is not None and args.name not in registered():
        raise ValueError(
            f"method {args.name!r}: {suggest(args.name, registered())}allowed is {', '.join(registered())}"
        )

    import inspect

    from lmms_vg.inference.image_controls import CONTROLS
    from lmms_vg.methods import METHODS
    from lmms_vg.methods.card import table

    if args.name is None:
        controls = [f"| {control.name} | {control.about} |" for control in CONTROLS.values()]
        title = "Controls, with any of them: lmms-vg run --control NAME, or --model_args control=NAME"
        return print_lines(
            [*table(METHODS.usable()), "", title, "", "| control | question |", "| --- | --- |", *controls]
        )
    return print_lines([args.name, "", inspect.getdoc(METHODS[args.name]) or ""])
