"""Commands that build a data set like VGMED out of segmentation masks. Each subcommand has its parser in one function."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmms_vg._util.atomic_files import replace_file
from lmms_vg.cli import vgmed_blind, vgmed_export, vgmed_rating
from lmms_vg.cli.outputs import add_output
from lmms_vg.cli.paths import existing
from lmms_vg.cli.printing import print_lines

if TYPE_CHECKING:
    from lmms_vg.vgmed.dataset import BuiltDataset
    from lmms_vg.vgmed.frames import Tally
    from lmms_vg.vgmed.schema import DatasetCard


def add(commands: Any) -> None:
    """Add `vgmed`."""
    vgmed = commands.add_parser("vgmed", help="build a data set of questions and boxes from segmentation masks")
    actions = vgmed.add_subparsers(required=True, metavar="ACTION")
    _add_build(actions)
    _add_questions(actions)
    _add_validate(actions)
    for topic in (vgmed_rating, vgmed_blind, vgmed_export):
        topic.add(actions)


def _add_build(actions: Any) -> None:
    build = actions.add_parser(
        "build", help="turn masks into boxes, filter and balance them, and list everything that was dropped"
    )
    build.add_argument(
        "manifests",
        nargs="+",
        type=existing,
        metavar="MANIFEST",
        help="YAML file that describes a source (docs/vgmed.md)",
    )
    add_output(build, "folder", required=True, metavar="FOLDER", help="folder to write; it must not hold a data set")
    build.add_argument("--name", help="name of the data set (default: the name of the folder)")
    build.add_argument(
        "--most", type=int, metavar="N", help="keep at most N items per modality and body part (default: all)"
    )
    build.add_argument("--seed", type=int, default=0, help="seed of the draw with --most (default: %(default)s)")
    build.add_argument(
        "--allow-burned-in",
        action="store_true",
        help="read DICOM files that declare text burned into their pixels, although it may name the patient",
    )
    build.set_defaults(command=_build)


def _build(args: argparse.Namespace) -> int:
    from lmms_vg.vgmed.build import build

    if args.most is not None and args.most < 1:
        raise ValueError(f"--most {args.most}: allowed are positive integers")
    card, tallies = build(
        args.manifests,
        args.out,
        name=args.name or args.out.resolve().name,
        seed=args.seed,
        most=args.most,
        allow_burned_in=args.allow_burned_in,
    )
    return print_lines(_built(args.out, card, tallies))


def _built(out: Path, card: DatasetCard, tallies: dict[str, Tally]) -> Iterator[str]:
    """Yield the numbers of items that were read, lost and kept."""
    for tally in tallies.values():
        yield from tally.problems
    for source in card.sources:
        yield f"{source.name}: {source.items} items ({source.licence})"
        yield from (f"  dropped {number}: {reason}" for reason, number in source.dropped.items())
    counts = card.counts
    yield (
        f"{out}: {counts['items']} items on {counts['images']} images of {counts['patients']} patients; next: "
        f"lmms-vg vgmed questions {out}"
    )


def _add_questions(actions: Any) -> None:
    questions = actions.add_parser(
        "questions", help="write a localization and an attribute question per item; resume an endpoint's answers"
    )
    questions.add_argument("dataset", type=Path, metavar="FOLDER", help="data set that `lmms-vg vgmed build` wrote")
    questions.add_argument("--seed", type=int, default=0, help="seed of templates and draws (default: %(default)s)")
    questions.add_argument(
        "--absent",
        type=int,
        default=0,
        metavar="K",
        help="also write K questions per item about labels that its image does not show; only for sources whose manifest says "
        "`exhaustive: true` (default: %(default)s)",
    )
    questions.add_argument(
        "--endpoint",
        metavar="URL",
        help="base address of an OpenAI-compatible endpoint that writes the attribute questions; its key is read from "
        "OPENAI_API_KEY (default: rules, offline)",
    )
    questions.add_argument("--model", metavar="NAME", help="name of the model at the endpoint")
    questions.add_argument(
        "--per-minute",
        type=int,
        default=60,
        metavar="N",
        help="highest number of requests per minute (default: %(default)s)",
    )
    questions.add_argument(
        "--dry-run", action="store_true", help="print the requests to the endpoint and their cost, and stop"
    )
    questions.add_argument(
        "--price", metavar="IN,OUT", help="prices per million input and output tokens, for --dry-run"
    )
    questions.set_defaults(command=_questions)


def _questions(args: argparse.Namespace) -> int:
    if bool(args.endpoint) != bool(args.model):
        raise ValueError("--endpoint, --model: allowed are both, or neither for questions by rules")
    if args.absent < 0 or args.per_minute < 1:
        raise ValueError(
            f"--absent {args.absent}, --per-minute {args.per_minute}: allowed are 0 or more, and 1 or more"
        )
    if args.dry_run and not args.endpoint:
        raise ValueError("--dry-run: allowed with --endpoint; rules ask nobody and cost nothing")
    price = None if args.price is None else _price(args.price)
    if args.endpoint and not re.match(r"https?://[^/]", args.endpoint):
        raise ValueError(
            f"--endpoint {args.endpoint}: allowed is an address that begins with http:// or https://, such as "
            "http://localhost:8000/v1"
        )

    from lmms_vg.vgmed import questions as asking
    from lmms_vg.vgmed.dataset import read
    from lmms_vg.vgmed.endpoint import Endpoint, estimate
    from lmms_vg.vgmed.prompts import prompt

    built = read(args.dataset)
    print_lines(built.problems)
    items = list(built.items.values())
    if args.endpoint:
        endpoint = Endpoint(args.endpoint, args.model, args.dataset / "answers", args.per_minute)
        if args.dry_run:
            texts = [prompt(*pair) for pair in asking.pairs(items)]
            left = [text for text in texts if not endpoint.kept(text)]
            print(f"{len(texts) - len(left)} of {len(texts)} answers are kept; to ask: {estimate(left, price)}")
            return 0
        written = asking.by_endpoint(items, endpoint)
    else:
        written = asking.by_rules(items)
    asked = asking.write(built, written, seed=args.seed, k=args.absent)
    print_lines([*written.problems, *_asked(asked, args.absent)])
    return 1 if written.problems else 0


def _price(text: str) -> tuple[float, float]:
    try:
        prompts, answers = map(float, text.split(","))
    except ValueError:
        prompts = answers = math.nan
    if not (0 <= prompts < math.inf and 0 <= answers < math.inf):
        raise ValueError(f"--price {text!r}: allowed are two numbers from 0 on, such as 2.5,10")
    return prompts, answers


def _asked(built: BuiltDataset, absent: int) -> Iterator[str]:
    from lmms_vg.vgmed.validate import distinct_share, flagged

    without = sorted(source.name for source in built.card.sources if not source.exhaustive)
    if absent and without:
        yield f"no absent questions about {', '.join(without)}: their manifests do not say `exhaustive: true`"
    for kind in ("localization", "attribute"):
        questions = [question for question in built.questions if question.kind == kind]
        negatives = sum(question.answer == "no" for question in questions)
        more = f", {negatives} of them about what is absent" if negatives else ""
        different = f"; {distinct_share(questions):.0%} of their texts are different" if questions else ""
        yield f"{kind}: {len(questions)} questions{more}{different}"
    for code, number in flagged(built.questions).most_common():
        yield f"  flagged {number}: {code}"


def _add_validate(actions: Any) -> None:
    validate = actions.add_parser("validate", help="check a built data set, and show its distributions")
    validate.add_argument("dataset", type=Path, metavar="FOLDER", help="data set that `lmms-vg vgmed build` wrote")
    add_output(validate, "folder", metavar="FOLDER", help="folder for boxes.png and distributions.png")
    validate.set_defaults(command=_validate)


def _validate(args: argparse.Namespace) -> int:
    from lmms_vg.vgmed.dataset import read
    from lmms_vg.vgmed.validate import distributions, problems

    built = read(args.dataset)
    faults = list(problems(built))
    print_lines([*faults, *_distributed(built), *_asked(built, 0)])
    print(f"{args.dataset}: {len(faults)} problems" if faults else f"{args.dataset}: nothing is wrong")
    if args.out is not None:
        from lmms_vg.vgmed.figures import draw_boxes, draw_distributions

        replace_file(args.out / "boxes.png", draw_boxes(built))
        title = f"{built.card.name}: {len(built.items)} items, hash {built.card.hash[:12]}"
        replace_file(args.out / "distributions.png", draw_distributions(distributions(built), title))
        print_lines(str(args.out / name) for name in ("boxes.png", "distributions.png"))
    return 1 if faults else 0


def _distributed(built: BuiltDataset) -> Iterator[str]:
    from lmms_vg.vgmed.validate import distributions

    for name, counter in distributions(built).items():
        yield f"{name}: " + ", ".join(f"{value} {number}" for value, number in counter.items())
