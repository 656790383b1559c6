"""Reading finished runs: one in full, or several against a first one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from lmms_vg.commands.printing import print_lines


def add(commands: Any) -> None:
    """Add `report` and `compare`."""
    report = commands.add_parser("report", help="a finished run in full: intervals, micro and macro, every category")
    report.add_argument("run", type=Path, help="--output_path of a run with --log_samples, or its *_results.json")
    report.set_defaults(command=_report)

    compare = commands.add_parser(
        "compare", help="runs against a first one: differences, intervals, corrected p-values"
    )
    compare.add_argument("base", type=Path, help="as for report")
    compare.add_argument("runs", type=Path, nargs="+")
    compare.set_defaults(command=_compare)


def _report(args: argparse.Namespace) -> int:
    from lmms_vg.study.report import report
    from lmms_vg.study.runs import read_run

    return print_lines([report(read_run(args.run))])


def _compare(args: argparse.Namespace) -> int:
    from lmms_vg.study.compare import show
    from lmms_vg.study.runs import read_run

    return print_lines([show(read_run(args.base), [read_run(run) for run in args.runs])])
