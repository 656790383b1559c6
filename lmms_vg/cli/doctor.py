"""The command that checks whether a run can start here."""

from __future__ import annotations

import argparse
from typing import Any

from lmms_vg.cli.printing import print_lines


def add(commands: Any) -> None:
    """Add `doctor`."""
    doctor = commands.add_parser(
        "doctor",
        help="find what a run lacks, and how to fix it: versions, lmms-eval's plugins, devices, data sets, folders, "
        "offline switches; exit with 1 if there is a problem",
    )
    doctor.set_defaults(command=_doctor)


def _doctor(args: argparse.Namespace) -> int:
    from lmms_vg.doctor.examination import Examination

    examination = Examination()
    print_lines(examination.lines())
    return int(examination.problems > 0)
