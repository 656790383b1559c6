"""The command that varies a method's hyper-parameters."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from lmms_vg.cli import method_files
from lmms_vg.cli.outputs import add_output
from lmms_vg.cli.printing import announce
from lmms_vg.cli.unknown_arguments import hyper_parameters, refuse, require, unknown_argument
from lmms_vg.extensions.registered import model_ids


def add(commands: Any) -> None:
    """Add `sweep`; arguments it does not know are lmms-eval's."""
    sweep = commands.add_parser(
        "sweep",
        help="vary a method's hyper-parameters on the same questions: table, CSV and curves with intervals",
        epilog="Further arguments go to lmms-eval, such as --batch_size 8.",
        allow_abbrev=False,
    )
    sweep.add_argument("--model", required=True, metavar="FAMILY_METHOD", help="model to ask: huatuo_vgrefine, ...")
    sweep.add_argument(
        "--model_args",
        default="",
        help="arguments of the model in lmms-eval's syntax; hyper-parameters that are not varied keep these values",
    )
    sweep.add_argument("--tasks", required=True, help="tasks to ask, in lmms-eval's syntax")
    sweep.add_argument(
        "--grid",
        required=True,
        nargs="+",
        metavar="NAME=V,V",
        help="values of each hyper-parameter, varied one at a time: k=1,2,5 p=30,50",
    )
    sweep.add_argument("--cross", action="store_true", help="run every combination of values instead")
    add_output(
        sweep,
        "folder",
        "--output_path",
        required=True,
        help="folder for the results: one folder per setting, and the table and curves",
    )
    sweep.add_argument(
        "--choose-on",
        choices=["half"],
        help="choose the best setting on half of the images, and report it on the other half",
    )
    method_files.add(sweep)
    sweep.set_defaults(command=_sweep, takes_more=True)


def _sweep(args: argparse.Namespace) -> int:
    from lmms_vg.cli.unknown_names import unknown_name

    method_files.register(args.method_file)
    require("--model", [args.model], model_ids())
    family, method = model_ids()[args.model]
    refuse(unknown_name(["--tasks", args.tasks]) or unknown_argument(args.model_args, family, [method]))
    if options := hyper_parameters(method):
        require(f"--grid of {method}:", (part.partition("=")[0] for part in args.grid), options)
    announce("importing torch and lmms-eval")

    from lmms_vg.experiments.sweep import sweep

    arguments = ["--tasks", args.tasks, *args.more]
    half = args.choose_on == "half"
    text, failed = sweep(args.model, args.model_args, args.grid, args.cross, arguments, args.output_path, half)
    if text:
        print(text)
        print(f"{args.output_path / 'sweep.md'}, with sweep.csv and sweep.png")
    if failed:
        print(f"lmms-vg: failed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))
