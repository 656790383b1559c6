"""Commands that have people rate the questions of a built data set, and combine their ratings."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from lmms_vg._util.atomic_files import replace_file
from lmms_vg.cli.outputs import add_output
from lmms_vg.cli.printing import print_lines


def add(actions: Any) -> None:
    """Add `vgmed rate`."""
    rate = actions.add_parser("rate", help="let people rate the questions on a page, and combine their ratings")
    parts = rate.add_subparsers(required=True, metavar="PART")
    page = parts.add_parser("page", help="write the page that raters open, with its images")
    page.add_argument("dataset", type=Path, metavar="FOLDER", help="built data set with questions")
    page.add_argument("-n", type=int, help="number of questions to draw (default: all)")
    page.add_argument(
        "--seed", type=int, default=0, help="seed of the draw and of the order for each rater (default: %(default)s)"
    )
    add_output(page, "new", required=True, help="new folder to write; give all of it to raters")
    page.set_defaults(command=_page)

    merge = parts.add_parser(
        "merge", help="combine exported ratings: questions that are kept, agreement of raters, Table R.6"
    )
    merge.add_argument("dataset", type=Path, metavar="FOLDER", help="data set that the page was made from")
    merge.add_argument("ratings", type=Path, nargs="+", metavar="FILE", help="file that a rater exported from the page")
    add_output(merge, "new", required=True, help="new folder to write: ratings.jsonl, report.md, table_r6.csv")
    merge.set_defaults(command=_merge)


def _page(args: argparse.Namespace) -> int:
    from lmms_vg.vgmed.dataset import read
    from lmms_vg.vgmed.rating_cases import PAGE, drawn, write_rating_folder
    from lmms_vg.vgmed.rating_page import SECONDS, repeats, workload

    built = read(args.dataset)
    print_lines(built.problems)
    questions = drawn(built, args.n, args.seed)
    count = len(questions)
    print(
        f"{count:,} questions, {repeats(count):,} of them twice: about {workload(count)} for each rater at {SECONDS} s each",
        flush=True,
    )
    write_rating_folder(built, questions, args.seed, args.out)
    print(f"{args.out / PAGE}: give the whole folder to each rater; then run")
    print(f"lmms-vg vgmed rate merge {args.dataset} ratings-*.json -o merged")
    return 0


def _merge(args: argparse.Namespace) -> int:
    from lmms_vg.vgmed.dataset import read
    from lmms_vg.vgmed.rate_merge import merge
    from lmms_vg.vgmed.rated_questions import write_rated
    from lmms_vg.vgmed.rating_tables import distribution_csv, report
    from lmms_vg.vgmed.ratings import read_ratings

    built = read(args.dataset)
    kinds = {question.id: question.kind for question in built.questions}
    ratings = read_ratings(args.ratings, built.card.hash, frozenset(kinds))
    if not ratings.files:
        raise ValueError("\n".join(["no file of ratings can be used", *ratings.problems]))
    merged = merge(kinds, ratings.files)
    problems = [*built.problems, *ratings.problems, *merged.problems]
    lines = [*report(merged), *(["## Left out", ""] if problems else []), *(f"- {problem}" for problem in problems)]
    write_rated(merged.questions, args.out)
    replace_file(args.out / "table_r6.csv", distribution_csv(merged.questions))
    replace_file(args.out / "report.md", "\n".join(lines).rstrip() + "\n")
    print_lines(lines)
    print(
        f"{args.out}: export the kept questions with lmms-vg vgmed export {args.dataset} --ratings {args.out} --to own -o OUT"
    )
    print("\n".join(f"lmms-vg: {problem}" for problem in problems), end="\n" if problems else "", file=sys.stderr)
    return int(bool(problems))
