"""Varying a method's hyper-parameters."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from lmms_vg.cli import method_files


def add(commands: Any) -> None:
    """Add `sweep`; arguments it does not know are lmms-eval's."""
    sweep = commands.add_parser(
        "sweep",
        help="vary a method's hyper-parameters on the same questions: table, CSV and curves with intervals",
        epilog="Further arguments go to lmms-eval, such as --batch_size 8.",
        allow_abbrev=False,
    )
    sweep.add_argument("--model", required=True, metavar="FAMILY_METHOD", help="huatuo_vgrefine, ...")
    sweep.add_argument(
        "--model_args", default="", help="as lmms-eval takes them; hyper-parameters hold where not varied"
    )
    sweep.add_argument("--tasks", required=True, help="as lmms-eval takes them")
    sweep.add_argument(
        "--grid", required=True, nargs="+", metavar="NAME=V,V", help="k=1,2,5 p=30,50: one after the other"
    )
    sweep.add_argument("--cross", action="store_true", help="every combination instead")
    sweep.add_argument("--output_path", type=Path, required=True, help="a folder a setting, and the sweep's own files")
    method_files.add(sweep)
    sweep.set_defaults(command=_sweep, takes_more=True)


def _sweep(args: argparse.Namespace) -> int:
    method_files.register(args.method_file)

    from lmms_vg.experiments.sweep import sweep

    arguments = ["--tasks", args.tasks, *args.more]
    text, failed = sweep(args.model, args.model_args, args.grid, args.cross, arguments, args.output_path)
    if text:
        print(text)
        print(f"{args.output_path / 'sweep.md'}, sweep.csv and sweep.png beside it")
    if failed:
        print(f"lmms-vg: failed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))
