"""The command that makes the grounding study: every table and figure of where models look."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from lmms_vg.cli.printing import print_lines


def add(commands: Any) -> None:
    """Add `study`."""
    study = commands.add_parser("study", help="study where models look: tables and figures of finished runs")
    actions = study.add_subparsers(required=True, metavar="ACTION")
    build = actions.add_parser("build", help="make tables and figures of finished runs; needs no model and no network")
    build.add_argument(
        "runs",
        type=Path,
        nargs="+",
        metavar="RUN",
        help="--output_path of a run with --log_samples, its *_results.json, or a folder of LMMS_VG_HOME/journal",
    )
    build.add_argument("-o", "--out", type=Path, default=Path("study"), help="folder to write (default: %(default)s)")
    build.add_argument(
        "--images",
        action=argparse.BooleanOptionalAction,
        help="embed images in report.html, or do not (default: those whose licence allows to pass them on)",
    )
    build.set_defaults(command=_build)


def _build(args: argparse.Namespace) -> int:
    from lmms_vg.runs.read import read
    from lmms_vg.study.build import build

    paths, study = build([read(run) for run in args.runs], args.out, args.images)
    return print_lines([*(f"missing: {line}" for line in study.missing), *map(str, paths)])
