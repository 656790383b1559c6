"""Commands on the demo model, and pictures of where a model looks."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from lmms_vg.cli import method_files
from lmms_vg.cli.outputs import add_output
from lmms_vg.cli.paths import existing, missing
from lmms_vg.cli.printing import announce, print_lines
from lmms_vg.cli.unknown_arguments import refuse, require, unknown_argument
from lmms_vg.experiments.boxed_tasks import BOXED_TASKS
from lmms_vg.extensions.registered import model_ids


def add(commands: Any) -> None:
    """Add `overlay` and `demo`."""
    overlay = commands.add_parser(
        "overlay", help="draw where models look, from finished runs or by asking a few questions"
    )
    overlay.add_argument(
        "runs",
        type=existing,
        nargs="*",
        metavar="RUN",
        help="finished runs, drawn in one row each without asking a model (docs/look.md)",
    )
    overlay.add_argument("--models", default="llava_plain,llava_vgrefine", help="models to ask (default: %(default)s)")
    overlay.add_argument("--model_args", default="", help="arguments of all models, in lmms-eval's syntax")
    asked = overlay.add_mutually_exclusive_group()
    asked.add_argument(
        "--task", default="vgmed_demo", help="measurement task to ask questions of (default: %(default)s)"
    )
    asked.add_argument(
        "--data", type=Path, metavar="FILE", help="JSON-lines file of your own questions to ask (docs/add_a_dataset.md)"
    )
    shown = overlay.add_mutually_exclusive_group()
    shown.add_argument("--uid", default="", metavar="UID", help="draw only the question with this uid")
    shown.add_argument(
        "--worst", type=int, default=0, metavar="N", help="with runs: the N questions whose boxes get least attention"
    )
    shown.add_argument(
        "--lost-against",
        type=existing,
        metavar="RUN",
        help="with runs: questions that RUN answers correctly and the first run does not",
    )
    overlay.add_argument(
        "--layer",
        type=int,
        metavar="N",
        help="layer to draw, from 0; default: the layer of lowest KL, or several layers if runs are given",
    )
    overlay.add_argument("-n", type=int, default=4, help="number of questions to draw at random (default: %(default)s)")
    overlay.add_argument("--seed", type=int, default=0, help="seed of the sample (default: %(default)s)")
    add_output(overlay, "folder", required=True, help="folder for the pictures")
    method_files.add(overlay)
    overlay.set_defaults(command=_overlay)

    demo = commands.add_parser("demo", help="train the demo model again").add_subparsers(
        required=True, metavar="ACTION"
    )
    train = demo.add_parser(
        "train", help="train the demo model again from its seed; resumes a training that was stopped"
    )
    add_output(train, "folder", required=True, help="folder for the trained model")
    train.add_argument("--seed", type=int, default=0, help="seed of weights and data (default: %(default)s)")
    train.set_defaults(command=_train)


def _overlay(args: argparse.Namespace) -> int:
    if args.n < 1 or args.worst < 0:
        raise ValueError(f"-n {args.n}, --worst {args.worst}: allowed are positive integers")
    if args.runs:
        return _of_runs(args)
    if args.worst or args.lost_against:
        raise ValueError(
            "--worst and --lost-against need finished runs; name them: lmms-vg overlay RUN RUN --worst 4 -o DIR"
        )
    method_files.register(args.method_file)

    models = args.models.split(",")
    require("--models", models, model_ids())
    if args.data is None:
        require("--task", [args.task], BOXED_TASKS)
    else:
        refuse(missing(args.data))
    for family, method in (model_ids()[model] for model in models):
        refuse(unknown_argument(args.model_args, family, [method]))
    announce("importing torch and lmms-eval")

    from lmms_vg.experiments.overlay import draw

    data = str(args.data or args.task)
    return print_lines(map(str, draw(models, args.model_args, data, args.n, args.seed, args.out, args.layer, args.uid)))


def _of_runs(args: argparse.Namespace) -> int:
    from lmms_vg.runs.read import read
    from lmms_vg.study.overlays import Wanted, draw

    others = args.runs[1:]
    runs = [args.runs[0], *([args.lost_against] if args.lost_against else []), *others]
    wanted = Wanted(args.uid, args.worst, args.lost_against is not None, args.n, args.seed)
    return print_lines(map(str, draw([read(run) for run in dict.fromkeys(runs)], args.out, wanted, args.layer)))


def _train(args: argparse.Namespace) -> int:
    from lmms_vg.demo.train import train

    train(args.out, seed=args.seed)
    return 0
