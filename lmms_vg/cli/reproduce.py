"""The command that reproduces the paper's tables and its figures of attention."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from lmms_vg.cli.outputs import add_output
from lmms_vg.cli.printing import announce, print_lines
from lmms_vg.cli.unknown_arguments import require, unknown_argument
from lmms_vg.extensions.registered import families
from lmms_vg.reproduce.targets import TARGETS

#: The table that no model answers, but people.
RATINGS = "tableR6"

#: The figure of what the data set is about, which no model answers either.
CONTENT = "fig2"


def add(commands: Any) -> None:
    """Add `reproduce`; arguments it does not know are lmms-eval's."""
    reproduce = commands.add_parser(
        "reproduce",
        help="reproduce a table or figure of the paper: print the plan and its cost, run it, compare cells with the paper's",
        epilog="Further arguments go to lmms-eval, such as --batch_size 8.",
        allow_abbrev=False,
    )
    targets = (*TARGETS, CONTENT, RATINGS)
    reproduce.add_argument("target", choices=targets, metavar="TARGET", help=f"table or figure: {', '.join(targets)}")
    reproduce.add_argument("--dry-run", action="store_true", help="print the plan and stop")
    reproduce.add_argument(
        "--model",
        metavar="FAMILY",
        help="run the target's methods on your own checkpoint of this family, with --model_args pretrained=...; or demo, for "
        "the demo model",
    )
    reproduce.add_argument("--model_args", default="", help="model arguments for all rows, such as device_map=auto")
    reproduce.add_argument("--data", choices=["demo"], help="use phantoms instead of the paper's data")
    add_output(
        reproduce, "folder", help="folder for the runs, one folder per row, and the results (default: reproduce/TARGET)"
    )
    reproduce.add_argument(
        "--ratings", type=Path, metavar="MERGED", help=f"folder that vgmed rate merge wrote, for {RATINGS}"
    )
    reproduce.set_defaults(command=_reproduce, takes_more=True)


def _reproduce(args: argparse.Namespace) -> int:
    if args.target == RATINGS:
        from lmms_vg.reproduce.rating_table import rating_table

        return print_lines(rating_table(args.ratings, args.out or Path("reproduce") / RATINGS))
    if args.target == CONTENT:
        from lmms_vg.study.content_report import content_report

        return print_lines(content_report(args.data, args.out or Path("reproduce") / CONTENT))
    if args.model is not None:
        require("--model", [args.model], ["demo", *families()])
    of = args.model if args.model in families() else "llava"  # what all rows take is the same for every family
    if problem := unknown_argument(args.model_args, of, ["plain"]):
        raise ValueError(f"{problem}; every row sets its own hyper-parameters")
    announce("importing torch and lmms-eval")

    from lmms_vg.reproduce import plan_report
    from lmms_vg.reproduce.plan import make, require_ours

    require_ours(args.more)
    plan = make(args.target, args.model, args.data, args.model_args, args.out)
    if not int(os.environ.get("RANK", 0)):
        print(plan_report.announce(plan), flush=True)
    if args.dry_run:
        return 0
    from lmms_vg.reproduce.reproduce import reproduce
    from lmms_vg.study.build import build

    text, failed = reproduce(plan, args.more, build)
    if text:
        print(f"\n{text}")
        print(f"{plan.out / plan.name}.md and .csv hold the results")
    if failed:
        print(f"lmms-vg: not run: {'; '.join(failed)}", file=sys.stderr)
    return int(bool(failed))
