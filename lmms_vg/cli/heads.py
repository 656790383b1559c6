"""Commands on head lists: which heads of a model ground best."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmms_vg._util.atomic_files import replace_file
from lmms_vg._util.suggest import suggest
from lmms_vg.cli.outputs import add_output
from lmms_vg.cli.paths import missing
from lmms_vg.cli.printing import announce, print_lines
from lmms_vg.cli.unknown_arguments import missing_heads, refuse, unknown_argument
from lmms_vg.experiments.boxed_tasks import BOXED_TASKS, CALIBRATION
from lmms_vg.extensions.registered import families

if TYPE_CHECKING:
    from lmms_vg.methods.head_list import HeadList, HeadOrders, HeadScores

#: Mark of a head that looks at everything alike, or worse.
_EVEN = "no better than even"

#: Width of each metric's column.
_WIDTHS = {"kl": 9, "ar": 9, "js": 9, "placement": 11}


def add(commands: Any) -> None:
    """Add `heads`."""
    heads = commands.add_parser("heads", help="make or show lists of attention heads").add_subparsers(
        required=True, metavar="ACTION"
    )
    calibrate = heads.add_parser(
        "calibrate", help="rank all heads of a model and write a head list; resume a run that was stopped"
    )
    calibrate.add_argument("--model", required=True, metavar="FAMILY", help="family of the model: huatuo, llava, ...")
    calibrate.add_argument(
        "--model_args", default="", help="arguments of the model in lmms-eval's syntax, such as pretrained=demo"
    )
    calibrate.add_argument(
        "--data",
        default="coco",
        help="questions to rank the heads with: coco, vgmed, demo, a measurement task, or a JSON-lines file of questions with "
        "boxes; not a data set whose results you will report (default: %(default)s)",
    )
    calibrate.add_argument("-n", type=int, default=500, help="number of questions to sample (default: %(default)s)")
    calibrate.add_argument("--seed", type=int, default=0, help="seed of the sample (default: %(default)s)")
    calibrate.add_argument(
        "--keep", type=int, default=20, help="number of heads to keep, best first (default: %(default)s)"
    )
    calibrate.add_argument(
        "--by",
        default="kl",
        choices=("kl", "ar", "js", "placement"),
        help="metric that ranks the heads (default: %(default)s)",
    )
    add_output(calibrate, "new", required=True, help="new .json file to write")
    calibrate.set_defaults(command=_calibrate)

    show = heads.add_parser("show", help="print a head list as a table, and draw its heat map")
    show.add_argument("list", help=".json file, or the name of a shipped list")
    add_output(show, "file", help=".png file to write: mean KL of each head, layers x heads")
    show.set_defaults(command=_show)


def _calibrate(args: argparse.Namespace) -> int:
    family = args.model.removesuffix("_plain")
    if family not in families():
        raise ValueError(
            f"--model {args.model!r}: {suggest(family, families())}allowed is {', '.join(families())}; heads are ranked on the "
            "plain model"
        )
    refuse(unknown_argument(args.model_args, family, ["plain"]) or _unknown_data(args.data))
    if args.out.suffix != ".json":
        raise ValueError(f"--out {args.out}: name the .json file to write")
    if args.n < 1 or args.keep < 1:
        raise ValueError(f"-n {args.n}, --keep {args.keep}: allowed are positive integers")
    announce("importing torch and lmms-eval")

    from lmms_eval.utils import simple_parse_args_string

    from lmms_vg.experiments.boxed_questions import annotated
    from lmms_vg.experiments.calibration import calibrate

    try:
        arguments = simple_parse_args_string(args.model_args)
    except ValueError:
        raise ValueError(
            f"--model_args {args.model_args!r}: allowed is name=value, joined by commas, such as pretrained=demo"
        ) from None
    sample = annotated(args.data, args.n, args.seed)
    if sample.without_boxes:
        named = ", ".join(sample.without_boxes[:5]) + (", ..." if len(sample.without_boxes) > 5 else "")
        print(f"{len(sample.without_boxes)} questions of {sample.data} have no box and are left out: {named}")
    head_list = calibrate(family, arguments, sample, args.seed, args.keep, args.by)
    head_list.write(args.out)
    best = ", ".join(f"{layer}-{head}" for layer, head in head_list.heads[:5])
    n = head_list.provenance["n"]
    print(f"{args.out}: {len(head_list.heads)} heads of n={n} questions, best {best}; layer {head_list.layers[0]}")
    return print_lines(_remarks(head_list))


def _unknown_data(data: str) -> str:
    """Return a message about data that are no known name and no file; empty if there are some."""
    known = [*CALIBRATION, *BOXED_TASKS]
    if data in known or not (problem := missing(Path(data))):
        return ""
    meant = suggest(data, known)
    return f"--data {data}: {meant}allowed is {', '.join(known)}, or a JSON-lines file{'' if meant else f'; {problem}'}"


def _show(args: argparse.Namespace) -> int:
    refuse(missing_heads(args.list))

    from lmms_vg.methods.head_lists import load

    head_list = load(args.list)
    print_lines([*_table(head_list), *_remarks(head_list), *_provenance(head_list)])
    if args.out is None:
        return 0
    if head_list.scores is None:
        raise ValueError(
            f"--out {args.out}: {args.list} has no scores to draw; lists from `lmms-vg heads calibrate` have them"
        )

    import numpy as np

    from lmms_vg.runs.plots.heat_map import draw_heat_map

    title = f"{', '.join(head_list.models)}, {head_list.provenance['data']}, n={head_list.provenance['n']}"
    replace_file(args.out, draw_heat_map(np.array(head_list.scores.all_kl), head_list.heads, head_list.layers, title))
    print(args.out)
    return 0


def _table(head_list: HeadList) -> Iterator[str]:
    yield f"{', '.join(head_list.models)}: {head_list.num_layers} layers of {head_list.num_heads} heads"
    if not head_list.heads:
        yield "no heads: calibrate them with lmms-vg heads calibrate"
    elif head_list.scores is None:
        yield "no scores: the list was not made by lmms-vg heads calibrate"
        yield "rank  layer  head"
        yield from (f"{rank:4}  {layer:5}  {head:4}" for rank, (layer, head) in enumerate(head_list.heads, start=1))
    else:
        scores, orders = head_list.scores, head_list.orders
        names = ["kl", "ar", "js", *(["placement"] if scores.placement else [])]
        yield "rank  layer  head" + "".join(f"{name:>{_WIDTHS[name]}}" for name in names)
        rows = zip(head_list.heads, *(getattr(scores, name) for name in names), strict=True)
        even = [False] * len(head_list.heads) if orders is None else orders.no_better_than_even(scores)
        for rank, ((layer, head), *values) in enumerate(rows, start=1):
            mark = f"  {_EVEN}" if even[rank - 1] else ""
            yield f"{rank:4}  {layer:5}  {head:4}{_numbers(dict(zip(names, values, strict=True)))}{mark}"
        if orders is not None and orders.even:
            yield f"even look        {_numbers({name: orders.even[name] for name in names if name in orders.even})}"
    yield f"knockout layers: {', '.join(map(str, head_list.layers)) or 'not known'}"


def _numbers(values: dict[str, float]) -> str:
    return "".join(f"{value:{_WIDTHS[name]}.4f}" for name, value in values.items())


def _remarks(head_list: HeadList) -> Iterator[str]:
    """Yield remarks on how reliable the list is."""
    if head_list.orders is not None and head_list.scores is not None:
        yield from _orders(head_list.orders, head_list.scores, len(head_list.heads), head_list)
    if head_list.stability is not None:
        drawn, halves = head_list.stability.bootstrap, head_list.stability.halves
        between = "too few images" if halves is None else f"{halves:.2f}"
        chance = len(head_list.heads) / (head_list.num_layers * head_list.num_heads)
        yield (
            f"stability of the {len(head_list.heads)} heads: {drawn.mean:.2f} of them are found again when images are "
            f"resampled (5th percentile {drawn.p5:.2f}, {drawn.resamples} resamples), {between} between two halves; by chance "
            f"{chance:.2f}"
        )
    elif head_list.scores is not None:
        yield "stability: unknown, there were too few images"
    if head_list.leaks:
        yield (
            f"leaks: {', '.join(head_list.leaks)}; the heads were, or may have been, ranked on images of these, so results "
            "on them may be too good"
        )


def _orders(orders: HeadOrders, scores: HeadScores, keep: int, head_list: HeadList) -> Iterator[str]:
    from lmms_vg.metrics.head_ranking import shared_by_chance

    others = ", ".join(f"{shared} by {name}" for name, shared in orders.shared.items() if name != orders.by)
    chance = shared_by_chance(keep, head_list.num_layers * head_list.num_heads)
    yield (
        f"ranked by {orders.by}; of the {keep} heads, among the best {keep} by another metric: {others}; unrelated "
        f"orders share {chance.mean:.1f}, and 95% of them at most {chance.most}"
    )
    if even := sum(orders.no_better_than_even(scores)):
        yield (
            f"{_EVEN}: {even} of the {keep} heads do not beat attention that is even over the image in every metric. KL ranks "
            "heads that look nowhere above some that find the box; compare with --by js or placement"
        )


def _provenance(head_list: HeadList) -> Iterator[str]:
    yield f"source: {head_list.source}"
    for name, value in head_list.provenance.items():
        pairs = value.items() if isinstance(value, dict) else None
        yield f"{name}: {', '.join(f'{key} {part}' for key, part in pairs) if pairs else value}"
