"""Commands on what can be asked: tasks, data sets, and the paper's tables."""

from __future__ import annotations

import argparse
from typing import Any

from lmms_vg.cli.paths import existing
from lmms_vg.cli.printing import print_lines
from lmms_vg.cli.unknown_arguments import data_sets, require
from lmms_vg.plugin import TASK_FOLDER


def add(commands: Any) -> None:
    """Add `tasks`, `data` and `published`."""
    tasks = commands.add_parser("tasks", help="list the tasks with number of questions, protocol and licence")
    tasks.add_argument(
        "--path", action="store_true", help="print the folder of the task files, for lmms-eval --include_path"
    )
    tasks.set_defaults(command=_tasks)

    data = commands.add_parser("data", help="show which data sets are here, download others, check your own questions")
    actions = data.add_subparsers(required=True, metavar="ACTION")
    actions.add_parser("status", help="list the data sets: files, licence, number of questions").set_defaults(
        command=_data_status
    )
    fetch = actions.add_parser("fetch", help="download data sets into LMMS_VG_DATA; resume a download that was stopped")
    fetch.add_argument(
        "names", nargs="+", metavar="NAME", help="a data set; or a task or group, for all data sets it uses"
    )
    fetch.set_defaults(command=_data_fetch)

    check = actions.add_parser(
        "check", help="check a file of your own questions: its errors, line by line, and the metrics that it allows"
    )
    check.add_argument("file", type=existing, help="JSON-lines file (docs/add_a_dataset.md)")
    check.set_defaults(command=_data_check)

    published = commands.add_parser("published", help="print the paper's tables")
    published.add_argument(
        "--check", action="store_true", help="compare the printed averages with averages of the printed cells"
    )
    published.set_defaults(command=_published)


def _tasks(args: argparse.Namespace) -> int:
    if args.path:
        print(TASK_FOLDER)
        return 0
    from lmms_vg.tasks import catalogue

    return print_lines(catalogue.tasks())


def _data_status(args: argparse.Namespace) -> int:
    from lmms_vg.tasks.catalogue import looked_in, status

    print(looked_in())
    return print_lines(line for dataset in status() for line in dataset.lines())


def _data_fetch(args: argparse.Namespace) -> int:
    from lmms_vg.tasks.yaml_files import groups, tasks

    require("data set", args.names, [*data_sets(), *groups(), *sorted(tasks())])

    from lmms_vg.tasks.catalogue import fetch

    return print_lines(fetch(args.names))


def _data_check(args: argparse.Namespace) -> int:
    from lmms_vg.datasets import own, own_notes
    from lmms_vg.tasks.own_tasks import measured

    problems = 0
    for line in own.check(args.file):
        print(line, flush=True)
        problems += 1
    print_lines([*own_notes.notes(args.file), *measured(args.file)])
    return 1 if problems else 0


def _published(args: argparse.Namespace) -> int:
    from lmms_vg.paper.published import show

    return print_lines([show(args.check)])
