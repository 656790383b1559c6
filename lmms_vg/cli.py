"""Tools around lmms-eval: run it with an exit status that tells failure, get data, read and compare runs, rank heads.

Commands import what they need inside, so that `lmms-vg --help` is instant.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lmms_vg import __version__
from lmms_vg.plugin import TASKS, model_ids


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["run"]:  # every further argument is lmms-eval's, --help included
        return run(arguments[1:])
    args = _parser().parse_args(arguments)
    try:
        return args.command(args)
    except BrokenPipeError:  # the reader has seen enough, as with `| head`
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - else Python complains again at exit
        return 0
    except (ValueError, OSError) as problem:
        print(f"lmms-vg: {problem}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lmms-vg", description=__doc__.splitlines()[0])
    parser.add_argument("--version", action="version", version=f"lmms_vg {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("run", help="lmms-eval with the same arguments; exits non-zero when the run failed")

    tasks = commands.add_parser("tasks", help="our tasks with their number of questions, protocol and licence")
    tasks.add_argument("--path", action="store_true", help="print the folder, for lmms-eval --include_path")
    tasks.set_defaults(command=_tasks)

    data = commands.add_parser("data", help="data sets: what is here, and getting the rest")
    actions = data.add_subparsers(required=True, metavar="ACTION")
    actions.add_parser("status", help="every data set: files, licence, questions found").set_defaults(
        command=_data_status
    )
    fetch = actions.add_parser("fetch", help="download data sets into LMMS_VG_DATA; goes on where it stopped")
    fetch.add_argument("names", nargs="+", metavar="NAME", help="a data set, or a task or group for all that it uses")
    fetch.set_defaults(command=_data_fetch)

    report = commands.add_parser("report", help="a finished run in full: intervals, micro and macro, every category")
    report.add_argument("run", type=Path, help="--output_path of a run with --log_samples, or its *_results.json")
    report.set_defaults(command=_report)

    compare = commands.add_parser(
        "compare", help="runs against a first one: differences, intervals, corrected p-values"
    )
    compare.add_argument("base", type=Path, help="as for report")
    compare.add_argument("runs", type=Path, nargs="+")
    compare.set_defaults(command=_compare)

    published = commands.add_parser("published", help="the paper's tables")
    published.add_argument("--check", action="store_true", help="recompute every average from its cells")
    published.set_defaults(command=_published)

    heads = commands.add_parser("heads", help="head lists of VGRefine").add_subparsers(required=True, metavar="ACTION")
    calibrate = heads.add_parser("calibrate", help="rank all heads of a model by mean KL and write a head list")
    calibrate.add_argument("--family", default="llava", choices=sorted({name.split("_")[0] for name in model_ids()}))
    calibrate.add_argument("--pretrained", required=True, help="checkpoint folder, hub id, or demo")
    calibrate.add_argument(
        "--data",
        default="vgmed_coco_localization",
        help="measurement task whose questions rank the heads; not the one you will report (default: %(default)s; "
        "demo_calibration for the demo)",
    )
    calibrate.add_argument("-n", type=int, default=500, help="questions sampled (default: %(default)s)")
    calibrate.add_argument("--seed", type=int, default=0)
    calibrate.add_argument("--keep", type=int, default=20, help="heads kept, best first (default: %(default)s)")
    calibrate.add_argument("-o", "--out", type=Path, required=True, help="the .json file to write")
    calibrate.set_defaults(command=_calibrate)

    overlay = commands.add_parser("overlay", help="draw where models look: image, boxes, one attention map per model")
    overlay.add_argument("--models", default="llava_plain,llava_vgrefine", help="default: %(default)s")
    overlay.add_argument("--model_args", default="", help="for all of them, as lmms-eval takes them")
    overlay.add_argument("--task", default="vgmed_demo", help="a measurement task (default: %(default)s)")
    overlay.add_argument("-n", type=int, default=4, help="questions drawn, a seeded sample (default: %(default)s)")
    overlay.add_argument("--seed", type=int, default=0)
    overlay.add_argument("-o", "--out", type=Path, required=True, help="folder of the pictures")
    overlay.set_defaults(command=_overlay)

    demo = commands.add_parser("demo", help="the embedded model").add_subparsers(required=True, metavar="ACTION")
    train = demo.add_parser("train", help="train the demo model again from its seed; resumes when stopped")
    train.add_argument("-o", "--out", type=Path, required=True)
    train.add_argument("--seed", type=int, default=0)
    train.set_defaults(command=_train)
    return parser


def run(arguments: Sequence[str]) -> int:
    """lmms-eval itself, in this process; 1 when it reported an error, which lmms-eval alone answers with status 0."""
    import lmms_eval.__main__ as host

    failures: list[BaseException] = []
    evaluate = host.cli_evaluate_single

    def watched(*args: Any, **kwargs: Any) -> Any:
        if args and getattr(args[0], "tasks", "") is None:  # lmms-eval says so too, and exits with 0
            raise SystemExit("lmms-vg: --tasks is missing; name some (lmms-vg tasks), or: --tasks list")
        try:
            return evaluate(*args, **kwargs)
        except BaseException as problem:
            failures.append(problem)
            raise

    argv, sys.argv = sys.argv, ["lmms-eval", *arguments]
    host.cli_evaluate_single = watched
    try:
        host.cli_evaluate()
    finally:
        sys.argv, host.cli_evaluate_single = argv, evaluate
    return 1 if failures else 0


def _tasks(args: argparse.Namespace) -> int:
    if args.path:
        print(TASKS)
        return 0
    from lmms_vg.data import tasks

    return _print(tasks())


def _data_status(args: argparse.Namespace) -> int:
    from lmms_vg.data import status

    return _print(status())


def _data_fetch(args: argparse.Namespace) -> int:
    from lmms_vg.data import fetch

    return _print(fetch(args.names))


def _report(args: argparse.Namespace) -> int:
    from lmms_vg.study.report import report
    from lmms_vg.study.runs import read_run

    return _print([report(read_run(args.run))])


def _compare(args: argparse.Namespace) -> int:
    from lmms_vg.study.compare import show
    from lmms_vg.study.runs import read_run

    return _print([show(read_run(args.base), [read_run(run) for run in args.runs])])


def _published(args: argparse.Namespace) -> int:
    from lmms_vg.study.published import show

    return _print([show(args.check)])


def _print(lines: Iterable[str]) -> int:
    for line in lines:
        print(line, flush=True)
    return 0


def _calibrate(args: argparse.Namespace) -> int:
    from lmms_vg.calibration import calibrate
    from lmms_vg.measurement import questions

    if args.out.is_dir():
        raise ValueError(f"--out {args.out}: is a folder; name the .json file to write")
    if args.n < 1 or args.keep < 1:
        raise ValueError(f"-n {args.n}, --keep {args.keep}: allowed are positive integers")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    asked = questions(args.data, args.n, args.seed)
    made = calibrate(args.family, args.pretrained, args.data, asked, args.seed, args.keep)
    args.out.write_text(made.model_dump_json(indent=1) + "\n", encoding="utf-8")
    best = ", ".join(f"{layer}-{head}" for layer, head in made.heads[:5])
    print(
        f"{args.out}: {len(made.heads)} heads of n={made.provenance['n']} questions, best {best}; layer {made.layers[0]}"
    )
    return 0


def _overlay(args: argparse.Namespace) -> int:
    from lmms_vg.looking import draw

    for path in draw(args.models.split(","), args.model_args, args.task, args.n, args.seed, args.out):
        print(path)
    return 0


def _train(args: argparse.Namespace) -> int:
    from lmms_vg.demo.train import train

    train(args.out, seed=args.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
