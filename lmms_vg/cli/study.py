"""The command that makes the grounding study: every table and figure of where models look."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lmms_vg.cli.outputs import add_output
from lmms_vg.cli.paths import existing
from lmms_vg.cli.printing import announce, print_lines
from lmms_vg.cli.unknown_arguments import refuse, require, unknown_argument
from lmms_vg.extensions.registered import model_ids
from lmms_vg.study.short_names import DATA


def add(commands: Any) -> None:
    """Add `study`."""
    study = commands.add_parser("study", help="study where models look: make tables and figures from runs")
    actions = study.add_subparsers(required=True, metavar="ACTION")
    ask = actions.add_parser(
        "run",
        help="ask models, then make tables and figures; print the cost first, and resume a study that was stopped",
        epilog="Further arguments go to lmms-eval, such as --batch_size 8.",
        allow_abbrev=False,
    )
    ask.add_argument(
        "--models",
        required=True,
        metavar="MODEL,...",
        help="models to ask: huatuo_plain,huatuo_vgrefine,llava_plain, ...",
    )
    ask.add_argument(
        "--model_args",
        default="",
        help="arguments of all models; write each hyper-parameter with its method: vgrefine.k=10",
    )
    ask.add_argument(
        "--data",
        required=True,
        metavar="DATA,...",
        help="vgmed, vgmed_coco, slake_grounded, demo, measurement tasks, or your own JSON-lines files with boxes",
    )
    ask.add_argument(
        "--heads", action="store_true", help="keep the values of every head, 8 kB per question for 28 x 28 heads"
    )
    ask.add_argument(
        "--causal",
        action="store_true",
        help="ask plain models again with the box filled, and with a region elsewhere filled",
    )
    ask.add_argument(
        "--templates",
        action="store_true",
        help="ask about up to 100 boxes of each data set in all ten wordings of the paper: does attention depend on them?",
    )
    ask.add_argument("--dry-run", action="store_true", help="print the cost and stop")
    add_output(ask, "folder", default="study", help="folder to write (default: %(default)s)")
    ask.set_defaults(command=_run, takes_more=True)
    build = actions.add_parser(
        "build", help="make tables and figures from finished runs; needs no model and no network"
    )
    build.add_argument(
        "runs",
        type=existing,
        nargs="+",
        metavar="RUN",
        help="--output_path of a run with --log_samples, its *_results.json, or a folder of LMMS_VG_HOME/journal",
    )
    build.add_argument(
        "--released",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a result list of the paper's code, for comparison: DATA_KIND_attention_METRIC_normalized.pt; can be repeated",
    )
    add_output(build, "folder", default="study", help="folder to write (default: %(default)s)")
    build.add_argument(
        "--images",
        action=argparse.BooleanOptionalAction,
        help="embed images in report.html, or leave them out (default: embed those whose licence allows redistribution)",
    )
    build.set_defaults(command=_build)


def _run(args: argparse.Namespace) -> int:
    data = args.data.split(",")
    _check_names(args.models.split(","), data, args.model_args)
    announce("importing torch and lmms-eval")

    from lmms_vg.study import templates
    from lmms_vg.study.asking import ask, asks_of, cost, tasks_of

    asks, tasks = asks_of(args.models.split(","), args.causal), tasks_of(data)
    if args.templates and args.dry_run:
        print(f"--templates: ten wordings of up to {templates.BOXES} boxes of each task as well")
    elif args.templates:
        files, missing = templates.write(tasks, args.out / "templates")
        tasks = tasks_of([*data, *map(str, files)])
        print(
            "\n".join(
                [*missing, *(f"{file}: asked as own questions; study build finds it by LMMS_VG_OWN" for file in files)]
            )
        )
    for line in cost(asks, tasks):
        print(line, flush=True)
    if args.dry_run:
        return 0
    model_args = ",".join(filter(None, (args.model_args, "per_head=true" if args.heads else "")))
    done, failed = ask(asks, tasks, model_args, args.more, args.out)
    for line in failed:
        print(f"lmms-vg: failed or incomplete: {line}", file=sys.stderr)
    if os.environ.get("RANK", "0") == "0" and done:
        _write(done, [], args.out)
    return int(bool(failed))


def _check_names(models: Sequence[str], data: Sequence[str], model_args: str) -> None:
    """Refuse what is misspelt before torch is imported."""
    from lmms_vg.tasks.yaml_files import tasks

    ids = model_ids()
    require("--models", models, ids)
    require("--data", [name for name in data if not Path(name).is_file()], [*DATA, *sorted(tasks())])
    for family in {ids[model][0] for model in models}:
        methods = [method for of, method in map(ids.__getitem__, models) if of == family]
        refuse(unknown_argument(model_args, family, methods, joint=True))


def _build(args: argparse.Namespace) -> int:
    return _write(args.runs, args.released, args.out, args.images)


def _write(runs: Sequence[Path], lists: Sequence[Path], out: Path, images: bool | None = None) -> int:
    from lmms_vg.runs.read import read
    from lmms_vg.study.build import build
    from lmms_vg.study.released import read_released

    paths, study = build([read(run) for run in runs], out, [read_released(path) for path in lists], images)
    return print_lines([*(f"missing: {line}" for line in study.missing), *map(str, paths)])
