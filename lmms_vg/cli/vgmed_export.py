"""The command that writes a built data set in the formats of others."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from lmms_vg.cli.outputs import add_output
from lmms_vg.cli.printing import print_lines

_FORMATS = {
    "vgmed": "VGMED's JSON lines, a folder for LMMS_VG_DATA/vgmed",
    "own": "JSON lines of own questions, with masks and patients",
    "hub": "a folder for the Hugging Face hub with data card",
    "coco": "COCO JSON, for pycocotools, FiftyOne and Label Studio",
}


def add(actions: Any) -> None:
    """Add `vgmed export`."""
    export = actions.add_parser("export", help="write a built data set in a format that other tools read")
    export.add_argument("dataset", type=Path, metavar="FOLDER", help="built data set with questions")
    told = "; ".join(f"{name}: {what}" for name, what in _FORMATS.items())
    export.add_argument("--to", required=True, choices=_FORMATS, help=told)
    export.add_argument(
        "--ratings",
        type=Path,
        metavar="MERGED",
        help="folder that `rate merge` wrote: export only the questions that it kept",
    )
    add_output(export, "new", required=True, help="new folder to write")
    export.set_defaults(command=_export)


def _export(args: argparse.Namespace) -> int:
    from lmms_vg.vgmed.dataset import read
    from lmms_vg.vgmed.export import export
    from lmms_vg.vgmed.rated_questions import read_rated

    built = read(args.dataset)
    print_lines(built.problems)
    questions = built.questions
    if args.ratings is not None:
        rated = read_rated(args.ratings)
        if {question.uid for question in rated} != {question.id for question in questions}:
            raise ValueError(
                f"--ratings {args.ratings} rates other questions than those of {args.dataset}; merge the ratings again"
            )
        kept = {question.uid for question in rated if not question.reasons}
        questions = [question for question in questions if question.id in kept]
    print(f"{export(built, questions, args.to, args.out)}: {len(questions)} of {len(built.questions)} questions")
    closed = [source.name for source in built.card.sources if source.redistribution is not True]
    if closed:
        print(
            f"the licence of {', '.join(closed)} does not clearly allow to pass images on: keep them to yourself, or check it"
        )
    return int(bool(built.problems))
