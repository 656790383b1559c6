"""lmms-eval with its own arguments; with `--methods`, several methods in one process."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lmms_vg.cli import method_files
from lmms_vg.cli.unknown_names import unknown_name
from lmms_vg.extensions.registered import families, methods

_ABOUT = """lmms-vg run: lmms-eval with its own arguments (below); exits non-zero when the run failed (3: results are saved,
but incomplete), goes on where it stopped.

With --methods, several methods in one process: --methods plain,vgrefine,pai --model FAMILY --output_path OUT. Weights and image
prefixes are shared, each method has its results in OUT/<method>, and hyper-parameters name their method: --model_args
pretrained=...,vgrefine.k=10,pai.alpha=.2. Methods: {}.

With --method_file FILE.py, a method of one's own, which the file defines, is known by its name; may be given several times.
"""


def add(commands: Any) -> None:
    """Add `run`, for the help text only: its arguments are lmms-eval's."""
    commands.add_parser(
        "run",
        help="lmms-eval with the same arguments; exits non-zero when the run failed. --methods plain,vgrefine,... with "
        "--model FAMILY runs several methods at once, sharing weights and image prefixes",
    )


def run(arguments: Sequence[str]) -> int:
    """The exit status: 1 when lmms-eval reported an error, 2 for wrong arguments of ours, 3 where results lack something."""
    files = argparse.ArgumentParser(prog="lmms-vg run", allow_abbrev=False, add_help=False)
    method_files.add(files)
    own, arguments = files.parse_known_args(arguments)
    joint = any(argument.split("=")[0] == "--methods" for argument in arguments)
    try:
        method_files.register(own.method_file)
        if message := unknown_name(arguments, family=joint):
            raise ValueError(message)
        if joint:
            return _run_together(arguments)
    except ValueError as problem:
        print(f"lmms-vg: {problem}", file=sys.stderr)
        return 2
    return _run_one(arguments)


def _run_one(arguments: Sequence[str]) -> int:
    from lmms_vg.experiments import lmms_eval_process

    if {"-h", "--help"} & set(arguments):
        print(_ABOUT.format(", ".join(methods())))
    return lmms_eval_process.run(arguments)


def _run_together(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="lmms-vg run", allow_abbrev=False)
    parser.add_argument("--methods", required=True, help=f"some of {', '.join(methods())}, joined by commas")
    parser.add_argument("--model", required=True, help=f"the family: {' or '.join(families())}")
    parser.add_argument("--model_args", default="", help="hyper-parameters as method.name=value")
    parser.add_argument("--output_path", type=Path, required=True, help="results go to a folder a method in it")
    method_files.add(parser)  # for --help; `run` has taken it
    own, rest = parser.parse_known_args(arguments)
    if own.model not in families():
        raise ValueError(f"--model {own.model!r}: with --methods it is the family: {', '.join(families())}")

    from lmms_vg.experiments.joint_run import run_together, settings_of
    from lmms_vg.experiments.lmms_eval_process import INCOMPLETE

    settings, common = settings_of(own.methods.split(","), own.model_args)
    status = run_together(own.model, settings, common, rest, own.output_path)
    results = {setting.label: status.get(setting.label, 1) for setting in settings}
    failed = [label for label, result in results.items() if result not in (0, INCOMPLETE)]
    incomplete = [label for label, result in results.items() if result == INCOMPLETE]
    if failed:
        print(f"lmms-vg: failed: {', '.join(failed)}", file=sys.stderr)
    if incomplete:
        folders = ", ".join(str(own.output_path / label) for label in incomplete)
        print(f"lmms-vg: saved, but incomplete: {folders}", file=sys.stderr)
    if not int(os.environ.get("RANK", 0)):
        done = [str(own.output_path / one.label) for one in settings if one.label not in failed]
        if len(done) > 1:
            print(f"Compare them: lmms-vg compare {' '.join(done)}")
    return 1 if failed else INCOMPLETE if incomplete else 0
