"""The command that builds the leaderboard, a static site, from a folder of bundles."""

from __future__ import annotations

import argparse
from typing import Any

from lmms_vg.cli.outputs import add_output
from lmms_vg.cli.paths import existing
from lmms_vg.cli.printing import print_lines
from lmms_vg.cli.unknown_arguments import data_sets, require


def add(commands: Any) -> None:
    """Add `leaderboard`."""
    leaderboard = commands.add_parser("leaderboard", help="build a static site that ranks submissions")
    actions = leaderboard.add_subparsers(required=True, metavar="ACTION")
    build = actions.add_parser("build", help="validate bundles, and write a site of the valid ones")
    build.add_argument("folder", type=existing, metavar="DIR", help="folder with <id>/bundle.zip for every submission")
    add_output(build, "folder", required=True, metavar="SITE", help="new folder to write, or a site to replace")
    build.add_argument(
        "--withhold",
        default="",
        metavar="NAME,...",
        help="hide questions, options and references of these data sets (lmms-vg data status)",
    )
    build.set_defaults(command=_build)


def _build(args: argparse.Namespace) -> int:
    require("--withhold", filter(None, args.withhold.split(",")), data_sets())

    from lmms_vg.leaderboard.site import build

    built = build(args.folder, args.out, frozenset(filter(None, args.withhold.split(","))))
    for bundle in built.refused:
        print_lines([f"{bundle.path}: refused", *(f"  {reason}" for reason in bundle.reasons)])
    print_lines(f"{folder} contains no bundle.zip" for folder in built.empty)
    for id, alike in built.alike.items():
        others = ", ".join(f"{match.other}{f' (came {match.came})' if match.came else ''}" for match in alike)
        print_lines([f"{id}: its scores are nearly those of {others}"])
    if built.alike and built.unordered:
        print_lines([f"which of them came first is not known: {built.unordered}"])
    away = len(built.refused) + len(built.empty)
    left_out = f", {away} left out" if away else ""
    print_lines(
        [f"{args.out}: {built.submissions} submissions{left_out}; a page of tables loads {built.initial:,} bytes"]
    )
    return int(bool(built.refused))
