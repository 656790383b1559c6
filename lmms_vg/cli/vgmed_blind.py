"""Commands of a blinded study: which map do clinicians prefer, when they do not know whose it is?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from lmms_vg.cli.outputs import add_output
from lmms_vg.cli.printing import print_lines


def add(actions: Any) -> None:
    """Add `vgmed blind`."""
    blind = actions.add_parser(
        "blind", help="let people choose between the maps of two methods without knowing which is which"
    )
    parts = blind.add_subparsers(required=True, metavar="PART")
    page = parts.add_parser("page", help="write the page that raters open, and the key, from two finished runs")
    page.add_argument("plain", type=Path, metavar="PLAIN", help="finished run of the plain model")
    page.add_argument("method", type=Path, metavar="METHOD", help="finished run of a method on the same questions")
    page.add_argument("--task", required=True, help="measurement task of both runs, such as vgmed_localization")
    page.add_argument(
        "--arms",
        default="plain,method",
        help="maps: two or three of plain, method, cut (plain without its lowest patches, as many as the method hides), "
        "random (plain without random patches, as many); default: %(default)s",
    )
    page.add_argument(
        "--layer", type=int, help="layer of the maps, from 0; default: the plain run's layer of lowest mean KL"
    )
    page.add_argument(
        "-n", type=int, default=20, help="number of cases, each with a different image (default: %(default)s)"
    )
    page.add_argument("--seed", type=int, default=0, help="seed of the draw of questions (default: %(default)s)")
    add_output(page, "file", "--key", required=True, metavar="KEY.json", help="file for the key; keep it from raters")
    add_output(page, "new", required=True, help="new folder to write; give all of it to raters")
    page.set_defaults(command=_page)

    score = parts.add_parser("score", help="report which map raters prefer, with an interval over cases and raters")
    score.add_argument("key", type=Path, metavar="KEY.json", help="key that `blind page` wrote")
    score.add_argument("votes", type=Path, nargs="+", metavar="FILE", help="file that a rater exported from the page")
    score.set_defaults(command=_score)


def _page(args: argparse.Namespace) -> int:
    from lmms_vg.datasets.images import open_image
    from lmms_vg.runs.read import read
    from lmms_vg.tasks.registry import TASKS
    from lmms_vg.vgmed.blind_arms import run_maps
    from lmms_vg.vgmed.blind_key import secret_of, write_key
    from lmms_vg.vgmed.blind_page import PAGE, write_blind
    from lmms_vg.vgmed.blind_study import ArmChoice, blind_study, check_arms

    arms = args.arms.split(",")
    check_arms(arms)
    if args.n < 1:
        raise ValueError(f"-n {args.n}: allowed is a positive integer")
    if args.key.resolve().is_relative_to(args.out.resolve()):
        raise ValueError(f"--key {args.key} lies in the folder that raters get; name a file elsewhere")
    plain, method = read(args.plain), read(args.method)
    for run in (plain, method):
        if args.task not in run.measured:
            raise ValueError(f"--task {args.task}: {run.path} measured {', '.join(run.measured) or 'no task'}")
    label = method.method.label if method.method else method.model
    choice = ArmChoice(args.task, arms, label, args.layer, args.n, args.seed)
    samples = TASKS[args.task].read()
    maps = run_maps(plain, args.task), run_maps(method, args.task)
    study = blind_study(samples, *maps, choice, open_image, secret_of(args.key))
    write_key(study.key, args.key)
    write_blind(study.cases, study.key, args.out)
    print_lines(f"left out: {reason}" for reason in study.left_out)
    if len(study.cases) < args.n:
        print(f"{len(study.cases)} cases, not {args.n}: the questions have no more images")
    print(f"{args.out / PAGE}: {len(study.cases)} cases, layer {study.key.layer}; give the whole folder to each rater")
    print(f"{args.key}: keep it to yourself; then run lmms-vg vgmed blind score {args.key} votes-*.json")
    return 0


def _score(args: argparse.Namespace) -> int:
    from lmms_vg.vgmed.blind_key import read_key
    from lmms_vg.vgmed.blind_score import score_lines
    from lmms_vg.vgmed.blind_votes import read_votes

    key = read_key(args.key)
    return print_lines(score_lines(read_votes(args.votes, key), key))
