"""Modelled: the gain from dealing whole images to ranks, and the GPU hours of the whole paper (docs/scaling.md).

    python -m benchmarks.ranks    # seconds; no GPU and no model

lmms-eval deals the questions of a task by stride, so an image's questions go to several ranks, and each of them computes its
prefix. Dealing whole images, most expensive first, each to the rank with least to do, computes each prefix once. Both are timed
by the cost model of `lmms_vg.reproduce.cost`: nothing here is measured but its constants for a CPU.

The orders are those of VQA-RAD's and SLAKE's tasks if `LMMS_VG_SHARED_DATA` names a folder that holds the data sets; otherwise
only the hours are printed.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date

from benchmarks.questions import vqa_rad_folder
from benchmarks.report import table
from lmms_vg import __version__
from lmms_vg.datasets import phantoms
from lmms_vg.datasets.source import DataMissing
from lmms_vg.inference.dealing import deal
from lmms_vg.reproduce import cost
from lmms_vg.reproduce.checkpoints import HUATUO_7B, HUATUO_34B
from lmms_vg.reproduce.cost import A100, CPU, H100, Constants
from lmms_vg.tasks.registry import TASKS

RANKS = (2, 4, 8, 64)
#: Number of ranks -> speed-up wanted by image.
WANTED = {8: 7.2}
CARDS = (1, 8, 64)
#: On a CPU a prefix costs as much as seven questions; on a fast card less than one: reading weights is what is slow.
MACHINES = {"CPU": CPU, f"{HUATUO_7B.billions:g} billion on {H100.name}": Constants.modelled(HUATUO_7B.billions, H100)}

#: The images of one task's questions, in the order of its documents.
Order = Sequence[str]


def by_stride(orders: Sequence[Order], ranks: int, constants: Constants) -> float:
    """Seconds of the slowest rank if rank r asks questions r, r + ranks, ... of every task, as lmms-eval deals them."""
    shares = [[image for order in orders for image in order[rank::ranks]] for rank in range(ranks)]
    return max(constants.seconds("plain", len(share), len(set(share))) for share in shares)


def by_image(orders: Sequence[Order], ranks: int, constants: Constants) -> float:
    """Seconds of the slowest rank if each asks all questions, of all tasks, about its images."""
    sizes = list(Counter(image for order in orders for image in order).values())
    dealt = deal(sizes, [0.0] * ranks)
    shares = [[size for size, owner in zip(sizes, dealt, strict=True) if owner == rank] for rank in range(ranks)]
    return max(constants.seconds("plain", sum(share), len(share)) for share in shares)


def speed_ups(orders: Sequence[Order]) -> Iterator[tuple[str, ...]]:
    """Rows of the table of speed-ups over one rank: machine, ranks, by stride, by image, wanted by image."""
    for machine, constants in MACHINES.items():
        alone = by_image(orders, 1, constants)
        for ranks in RANKS:
            ups = [f"{alone / seconds(orders, ranks, constants):.2f}" for seconds in (by_stride, by_image)]
            yield machine, str(ranks), *ups, f">= {WANTED[ranks]}" if ranks in WANTED else ""


def orders(name: str) -> list[Order]:
    """The orders of a data set's closed and open task, which are asked in one run."""
    return [[sample.images[0] for sample in TASKS[f"{name}_{part}"].load()] for part in ("closed", "open")]


def paper() -> tuple[int, int]:
    """Questions of the whole paper and their images: half of VGMED's pairs are medical, the answers are all that it scores."""
    answered = {
        task: spec.n for task, spec in TASKS.items() if "vgrefine" in spec.protocols and spec.spec != phantoms.PHANTOMS
    }
    measured = 2 * cost.VGMED_ROWS
    images = sum(cost.IMAGES.get(task, n or 0) for task, n in answered.items())
    return measured + sum(n or 0 for n in answered.values()), measured + images


def hours(questions: int, images: int) -> Iterator[tuple[str, ...]]:
    """Rows of the table of hours: model, method and card, then hours on `CARDS`."""
    for checkpoint in (HUATUO_7B, HUATUO_34B):
        for method in ("plain", "vgrefine"):
            for card in (A100, H100):
                seconds = Constants.modelled(checkpoint.billions, card).seconds(method, questions, images)
                name = f"{checkpoint.billions:g} billion, {method}, {card.name}"
                yield name, *(f"{seconds / 3600 / cards:.2g}" for cards in CARDS)


def main(argv: Sequence[str] | None = None) -> None:
    """Print both tables."""
    argparse.ArgumentParser(prog="python -m benchmarks.ranks", description=__doc__.splitlines()[0]).parse_args(argv)
    folder = os.environ["LMMS_VG_DATA"] = str(vqa_rad_folder().parent)
    parts = [
        f"Modelled, not measured. {date.today()}, lmms_vg {__version__}, Python {platform.python_version()}.",
        "Seconds per image and per question: "
        + "; ".join(
            f"{constants.prefix:.3g} and {constants.question:.3g} ({name})" for name, constants in MACHINES.items()
        ),
    ]
    for name in ("vqa_rad", "slake"):
        try:
            asked = orders(name)
        except DataMissing:
            parts.append(f"{name}: not here (LMMS_VG_SHARED_DATA={folder})")
            continue
        images = len({image for order in asked for image in order})
        parts += [
            f"{name}: {sum(map(len, asked)):,} questions about {images} images; speed-up over one rank:",
            table(("constants", "ranks", "by stride", "by image", "wanted by image"), speed_ups(asked)),
        ]
    questions, images = paper()
    parts += [
        f"The whole paper, asked once: {questions:,} questions about at most {images:,} images; hours by number of cards:",
        table(("model, method, card", *map(str, CARDS)), hours(questions, images)),
        f"{cost.STATED} {H100.name}: {H100.flops / 1e12:g} TFLOP/s and {H100.bandwidth / 1e12:g} TB/s, times the same shares. "
        "Images are dealt evenly to the cards.",
    ]
    print("\n\n".join(parts))


if __name__ == "__main__":
    main()
