"""The command that runs lmms-eval with its own arguments, or several methods in one process with `--methods`."""

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

_ABOUT = """lmms-vg run: lmms-eval with its own arguments (below). It exits non-zero when the run failed (3: results are saved,
but incomplete), and resumes a run that was stopped.

With --methods, several methods run in one process: --methods plain,vgrefine,pai --model FAMILY --output_path OUT. They share
weights and image prefixes, the results of each are in OUT/<method>, and hyper-parameters name their method: --model_args
pretrained=...,vgrefine.k=10,pai.alpha=.2. Methods: {}.

With --control blank_image, shuffled_image, no_image, box_filled or elsewhere_filled, every question is changed before it is
asked (lmms-vg methods says how); it is short for --model_args control=NAME.

With --data mine.jsonl, your own questions are asked (docs/add_a_dataset.md): short for LMMS_VG_OWN=mine.jsonl and --tasks own.
Several files are joined like a PATH. lmms-vg data check mine.jsonl says what is wrong with a file, and what is measured.

With --method_file FILE.py, you can use a method of your own, which the file defines, by its name; can be repeated.
"""


def add(commands: Any) -> None:
    """Add `run` for the help text only: its arguments are lmms-eval's."""
    commands.add_parser(
        "run",
        help="run lmms-eval with its own arguments; exits non-zero when the run failed. --methods plain,vgrefine,... with "
        "--model FAMILY runs several methods at once, with shared weights and image prefixes",
    )


def run(arguments: Sequence[str]) -> int:
    """Run lmms-eval, once or with several methods.

    Returns:
        Exit status: 1 if lmms-eval reported an error, 2 for wrong arguments of ours, 3 if results are saved but incomplete.
    """
    files = argparse.ArgumentParser(prog="lmms-vg run", allow_abbrev=False, add_help=False)
    method_files.add(files)
    _add_control(files)
    _add_data(files)
    args, arguments = files.parse_known_args(arguments)
    joint = any(argument.split("=")[0] == "--methods" for argument in arguments)
    try:
        method_files.register(args.method_file)
        arguments = _with_data(_with_control(arguments, args.control), args.data)
        if message := unknown_name(arguments, family=joint):
            raise ValueError(message)
        if joint:
            return _run_together(arguments)
    except (ValueError, OSError) as problem:
        print(f"lmms-vg: {problem}", file=sys.stderr)
        return 2
    return _run_one(arguments)


def _add_control(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--control", metavar="NAME", help="change every question before it is asked, such as blank_image"
    )


def _with_control(arguments: Sequence[str], control: str | None) -> list[str]:
    """Add a control to `--model_args`.

    Raises:
        ValueError: the control is not known, is given twice, or the arguments are in a file.
    """
    if control is None:
        return list(arguments)
    from lmms_vg.inference.image_controls import control_named

    control_named(control)
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    parser.add_argument("--model_args", default="")
    parser.add_argument("--config")
    given, rest = parser.parse_known_args(arguments)
    if given.config is not None:
        raise ValueError(f"--control {control}: with --config, write control={control} into model_args of the file")
    if any(part.partition("=")[0].strip() == "control" for part in given.model_args.split(",")):
        raise ValueError(f"--control {control}: --model_args {given.model_args!r} has a control, too; give one of them")
    return [*rest, "--model_args", ",".join(filter(None, (given.model_args, f"control={control}")))]


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", metavar="FILES", help="ask your own questions: JSON-lines files, joined like a PATH")


def _with_data(arguments: Sequence[str], files: str | None) -> list[str]:
    """Make these files the own questions of the run, and add `--tasks own` if no task is named.

    Raises:
        ValueError: a file is missing or has nothing that can be measured.
    """
    if files is None:
        return list(arguments)
    from lmms_vg.datasets.own_images import use
    from lmms_vg.tasks.own_tasks import own_tasks

    use(files)
    own_tasks()  # what is wrong with a file is said before anything is loaded
    named = any(argument.split("=")[0] in ("--tasks", "--config") for argument in arguments)
    return [*arguments, *([] if named else ["--tasks", "own"])]


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
    parser.add_argument(
        "--output_path", type=Path, required=True, help="folder for the results, with one folder per method"
    )
    method_files.add(parser)  # only for --help; `run` has parsed these two
    _add_control(parser)
    _add_data(parser)
    args, rest = parser.parse_known_args(arguments)
    if args.model not in families():
        raise ValueError(f"--model {args.model!r}: with --methods, allowed is a family: {', '.join(families())}")

    from lmms_vg.experiments.joint_run import run_together
    from lmms_vg.experiments.lmms_eval_process import INCOMPLETE
    from lmms_vg.experiments.method_settings import settings_of

    settings, common = settings_of(args.methods.split(","), args.model_args)
    status = run_together(args.model, settings, common, rest, args.output_path)
    results = {setting.label: status.get(setting.label, 1) for setting in settings}
    failed = [label for label, result in results.items() if result not in (0, INCOMPLETE)]
    incomplete = [label for label, result in results.items() if result == INCOMPLETE]
    if failed:
        print(f"lmms-vg: failed: {', '.join(failed)}", file=sys.stderr)
    if incomplete:
        folders = ", ".join(str(args.output_path / label) for label in incomplete)
        print(f"lmms-vg: saved, but incomplete: {folders}", file=sys.stderr)
    if not int(os.environ.get("RANK", 0)):
        done = [str(args.output_path / setting.label) for setting in settings if setting.label not in failed]
        if len(done) > 1:
            print(f"Compare them: lmms-vg compare {' '.join(done)}")
    return 1 if failed else INCOMPLETE if incomplete else 0
