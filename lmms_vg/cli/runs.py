"""Commands that read finished runs: report on one, or compare several with a base run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from lmms_vg.cli.outputs import add_output
from lmms_vg.cli.paths import existing
from lmms_vg.cli.printing import print_lines

_SUFFIXES = {".md": "markdown", ".csv": "csv", ".tex": "latex"}


def add(commands: Any) -> None:
    """Add `report` and `compare`."""
    run = "--output_path of a run with --log_samples, its *_results.json, or a folder of LMMS_VG_HOME/journal"
    report = commands.add_parser(
        "report", help="report on a finished run, or summarize runs that differ only in the seed"
    )
    report.add_argument(
        "runs", type=existing, nargs="+", metavar="RUN", help=f"{run}; several: a summary of repeats of one setting"
    )
    report.add_argument(
        "--layer",
        type=int,
        metavar="N",
        help="layer, from 0; default: the layer of lowest mean KL, chosen on the other half of the images",
    )
    report.set_defaults(command=_report)

    compare = commands.add_parser(
        "compare", help="compare runs on the same questions: differences, intervals, corrected p-values"
    )
    compare.add_argument(
        "runs", type=existing, nargs="+", metavar="RUN", help=f"{run}; the first plain run is the base"
    )
    compare.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="NAME",
        help="allow runs to differ in NAME, such as dtype or questions; can be repeated",
    )
    compare.add_argument(
        "--base",
        default="",
        metavar="NAME",
        help="run to compare the others with: its label or method, or the name or path of its folder",
    )
    compare.add_argument(
        "--unit", default="image", metavar="UNIT", help="unit of resampling: image (default), patient or source"
    )
    compare.add_argument(
        "--layer",
        type=int,
        metavar="N",
        help="layer, from 0; default: the base run's layer of lowest KL, chosen on the other half of the images",
    )
    compare.add_argument(
        "--format",
        choices=_SUFFIXES.values(),
        help="format of the table (default: from the suffix of FILE, else markdown)",
    )
    add_output(compare, "new", metavar="FILE", help="new file to write: .md, .csv or .tex")
    compare.set_defaults(command=_compare)


def _report(args: argparse.Namespace) -> int:
    from lmms_vg.runs.read import read
    from lmms_vg.runs.repeated_report import repeated_report
    from lmms_vg.runs.report import report

    if len(args.runs) > 1 and args.layer is not None:
        raise ValueError(f"--layer {args.layer} applies to a single run; leave it out, or give one RUN")
    runs = [read(run) for run in args.runs]
    return print_lines([report(runs[0], args.layer) if len(runs) == 1 else repeated_report(runs)])


def _compare(args: argparse.Namespace) -> int:
    from lmms_vg._util.atomic_files import write_new
    from lmms_vg.runs.agreement import check_names
    from lmms_vg.runs.units import check_unit

    kind: Any = args.format or _kind_of(args.out)
    check_names(args.allow)
    check_unit(args.unit)

    from lmms_vg.runs.compare import compare  # late: what is wrong above is said first
    from lmms_vg.runs.comparison_tables import beside
    from lmms_vg.runs.read import read

    comparison = compare([read(run) for run in args.runs], args.allow, base=args.base, unit=args.unit, layer=args.layer)
    text = comparison.table(kind)
    if kind == "csv":
        print("\n".join(beside(comparison)), file=sys.stderr)
    if args.out is None:
        sys.stdout.write(text)
        return 0
    write_new(args.out, text)
    return print_lines([str(args.out)])


def _kind_of(out: Path | None) -> str:
    if out is None:
        return "markdown"
    if out.suffix not in _SUFFIXES:
        raise ValueError(
            f"-o {out}: its suffix is no known format; allowed are {', '.join(_SUFFIXES)}, or add --format"
        )
    return _SUFFIXES[out.suffix]
