"""The command that runs lmms-eval with its own arguments, or several methods in one process with `--methods`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from lmms_vg.cli import method_files
from lmms_vg.cli.dry_run import forecasts, methods_of
from lmms_vg.cli.outputs import add_output
from lmms_vg.cli.parser import unknown_option
from lmms_vg.cli.paths import missing, told
from lmms_vg.cli.printing import announce, print_lines
from lmms_vg.cli.run_summary import forget_earlier, print_summary
from lmms_vg.cli.unknown_arguments import refuse, require, unknown_argument, unknown_control
from lmms_vg.extensions.registered import families, methods
from lmms_vg.host.local_time import local_zone
from lmms_vg.host.options import OPTIONS
from lmms_vg.host.quiet import quiet

_ABOUT = """lmms-vg run: lmms-eval with its own arguments (below). It exits non-zero when the run failed (3: results are saved,
but incomplete), and resumes a run that was stopped.

With --methods, several methods run in one process: --methods plain,vgrefine,pai --model FAMILY --output_path OUT. They share
weights and image prefixes, the results of each are in OUT/<method>, and each hyper-parameter is written with its method:
--model_args pretrained=...,vgrefine.k=10,pai.alpha=.2. Methods: {}.

With --control blank_image, shuffled_image, no_image, box_filled or elsewhere_filled, every question is changed before it is
asked (lmms-vg methods says how); it is short for --model_args control=NAME.

With --data mine.jsonl, your own questions are asked (docs/add_a_dataset.md): short for LMMS_VG_OWN=mine.jsonl and --tasks own.
Several files are joined like a PATH. lmms-vg data check mine.jsonl says what is wrong with a file, and what is measured.

It ends with a summary: scores with intervals, where the model looked beside chance, what was asked, the time, and what to type
next. --quiet prints nothing else but warnings; --dry-run prints questions, downloads, memory and time, and runs nothing.
Without --output_path, results go to LMMS_VG_HOME/runs/<model>. Samples are always saved, and files carry the local time.

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
    """Run lmms-eval, once or with several methods, and print a summary.

    Returns:
        Exit status: 1 if lmms-eval reported an error, 2 for wrong arguments of ours, 3 if results are saved but incomplete.
    """
    from lmms_vg.cli.unknown_names import unknown_name

    start = time.monotonic()
    own = argparse.ArgumentParser(prog="lmms-vg run", allow_abbrev=False, add_help=False)
    _add_own(own)
    try:
        args, arguments = own.parse_known_args(arguments)
        with quiet() if args.quiet and not args.dry_run else nullcontext():  # before reading questions imports tqdm
            joint = any(argument.split("=")[0] == "--methods" for argument in arguments)
            method_files.register(args.method_file)
            arguments = _with_data(_with_control(arguments, args.control), args.data)
            refuse(_unknown_argument(arguments, joint) or unknown_name(arguments, family=joint))
            _check_output(arguments)
            if args.data is not None:
                _check_data()
            if args.dry_run:
                return print_lines(forecasts(arguments))
            if not args.quiet:
                announce("importing torch and lmms-eval")
            forget_earlier()
            status = _run_together(arguments) if joint else _run_one(arguments)
    except (ValueError, OSError) as problem:
        print(f"lmms-vg: {told(problem)}", file=sys.stderr)
        return 2
    if not int(os.environ.get("RANK", 0)):
        print_summary(time.monotonic() - start)
    return status


def _add_own(parser: argparse.ArgumentParser) -> None:
    method_files.add(parser)
    parser.add_argument("--data", metavar="FILES", help="ask your own questions: JSON-lines files, joined like a PATH")
    parser.add_argument(
        "--control", metavar="NAME", help="change every question before it is asked, such as blank_image"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print questions, downloads, memory and time, and run nothing"
    )
    parser.add_argument("--quiet", action="store_true", help="print the summary and warnings only")


def _with_control(arguments: Sequence[str], control: str | None) -> list[str]:
    """Add a control to `--model_args`.

    Raises:
        ValueError: the control is not known, is given twice, or the arguments are in a file.
    """
    if control is None:
        return list(arguments)
    refuse(unknown_control(control))
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    parser.add_argument("--model_args", default="")
    parser.add_argument("--config")
    given, rest = parser.parse_known_args(arguments)
    if given.config is not None:
        raise ValueError(f"--control {control}: with --config, write control={control} into model_args of the file")
    if any(part.partition("=")[0].strip() == "control" for part in given.model_args.split(",")):
        raise ValueError(f"--control {control}: --model_args {given.model_args!r} has a control, too; give one of them")
    return [*rest, "--model_args", ",".join(filter(None, (given.model_args, f"control={control}")))]


def _with_data(arguments: Sequence[str], files: str | None) -> list[str]:
    """Make these files the own questions of the run, and add `--tasks own` if no task is named.

    Raises:
        ValueError: a file is missing.
    """
    if files is None:
        return list(arguments)
    for part in filter(None, files.split(os.pathsep)):
        if absent := missing(Path(part)):
            raise ValueError(f"--data {absent}")
    os.environ["LMMS_VG_OWN"] = files
    named = any(argument.split("=")[0] in ("--tasks", "--config") for argument in arguments)
    return [*arguments, *([] if named else ["--tasks", "own"])]


def _check_data() -> None:
    """Refuse files of which nothing can be measured, before anything is loaded, but after all that takes no time."""
    from lmms_vg.tasks.own_tasks import own_tasks

    own_tasks()


def _unknown_argument(arguments: Sequence[str], joint: bool) -> str:
    """Return a message about the first unknown option, method or argument of a model of ours; empty if there may be none."""
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    for option in ("--model", "--model_args", "--methods", "--config"):
        parser.add_argument(option, default="")
    given, rest = parser.parse_known_args(arguments)
    if problem := unknown_option(rest, ["--help", *(f"--{name}" for name in OPTIONS)]):
        return problem
    if given.config or {"-h", "--help"} & set(rest):
        return ""
    if joint:
        require("--model (with --methods, a family)", [given.model], families())
        require("--methods", given.methods.split(","), methods())
        return unknown_argument(given.model_args, given.model, given.methods.split(","), joint=True)
    family, *names = methods_of(given.model, "")
    return unknown_argument(given.model_args, family, names) if names else ""


def _check_output(arguments: Sequence[str]) -> None:
    """Refuse a place for the results that cannot be written: lmms-eval would find out when all is answered."""
    parser = argparse.ArgumentParser(prog="lmms-vg run", allow_abbrev=False, add_help=False)
    add_output(parser, "folder", "--output_path")
    parser.parse_known_args(arguments)


def _run_one(arguments: Sequence[str]) -> int:
    if {"-h", "--help"} & set(arguments):
        print(_ABOUT.format(", ".join(methods())))
    from lmms_vg.experiments import lmms_eval_process

    return lmms_eval_process.run([*_defaults(arguments), *arguments])


def _defaults(arguments: Sequence[str]) -> list[str]:
    """Return what stands before lmms-eval's arguments, which override it: where results go, with samples and in local time."""
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    parser.add_argument("--model", default="model")
    parser.add_argument("--config")
    given, _ = parser.parse_known_args(arguments)
    if given.config is not None:  # arguments override the file's
        return []
    from lmms_vg.journal import home  # late: it imports numpy and pydantic

    out = home() / "runs" / given.model
    return ["--output_path", str(out), "--log_samples", "--timezone", local_zone()]


def _run_together(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="lmms-vg run", allow_abbrev=False)
    parser.add_argument("--methods", required=True, help=f"some of {', '.join(methods())}, joined by commas")
    parser.add_argument("--model", required=True, help=f"the family: {' or '.join(families())}")
    parser.add_argument("--model_args", default="", help="hyper-parameters as method.name=value")
    parser.add_argument(
        "--output_path", type=Path, required=True, help="folder for the results, with one folder per method"
    )
    _add_own(parser)  # only for --help; `run` has parsed these
    args, rest = parser.parse_known_args(arguments)

    from lmms_vg.experiments.joint_run import run_together
    from lmms_vg.experiments.lmms_eval_process import INCOMPLETE
    from lmms_vg.experiments.method_settings import settings_of

    settings, common = settings_of(args.model, args.methods.split(","), args.model_args)
    status = run_together(args.model, settings, common, ["--timezone", local_zone(), *rest], args.output_path)
    results = {setting.label: status.get(setting.label, 1) for setting in settings}
    failed = [label for label, result in results.items() if result not in (0, INCOMPLETE)]
    incomplete = [label for label, result in results.items() if result == INCOMPLETE]
    if failed:
        print(f"lmms-vg: failed: {', '.join(failed)}", file=sys.stderr)
    if incomplete:
        folders = ", ".join(str(args.output_path / label) for label in incomplete)
        print(f"lmms-vg: saved, but incomplete: {folders}", file=sys.stderr)
    return 1 if failed else INCOMPLETE if incomplete else 0
