"""`--method_file`: methods under development, for commands that run methods."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from lmms_vg.cli.paths import existing


def add(parser: argparse.ArgumentParser) -> None:
    """Add the argument."""
    parser.add_argument(
        "--method_file",
        action="append",
        default=[],
        type=existing,
        metavar="FILE.py",
        help="Python file that defines a method, which can then be used by its name; can be repeated",
    )


def register(paths: Iterable[Path]) -> None:
    """Register the methods of all files, before lmms-eval asks for our models.

    Raises:
        ValueError: as `method_file.register`.
    """
    for path in paths:
        from lmms_vg.inference.source_hash import method_hash
        from lmms_vg.methods import method_file

        for method in method_file.register(path):
            method_hash(method)  # now, because the file may be edited while weights are loaded
