"""Real questions: does forced choice call a method better on closed questions that the demo model cannot answer?

    lmms-vg run --tasks vqa_rad_closed --model huatuo --methods plain,attention_lens,vcd,pai --output_path out \
        --model_args pretrained=demo,attention_lens.start=1,attention_lens.end=4
    python -m benchmarks.forced_gains out/*    # seconds

The demo model cannot read X-rays, so every verdict "better" is wrong. Gains of the written answers are printed beside those of
forced choice. The exit status is 1 if forced choice calls a method better.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.report import table
from lmms_vg.runs.compare import compare
from lmms_vg.runs.comparison import Comparison
from lmms_vg.runs.read import read
from lmms_vg.runs.saying import LEVEL
from lmms_vg.runs.text_tables import show_p

HEAD = ("method", "task", "written", "p (Holm)", "forced choice", "p (Holm)", "forced choice says")


def better(comparison: Comparison) -> list[str]:
    """The methods that forced choice calls better than the base."""
    return [
        line.run.label
        for line in comparison.lines
        if line.against is not None
        and (forced := line.against.forced) is not None
        and forced.holm < LEVEL
        and forced.accuracy.mean > 0
    ]


def rows(comparison: Comparison) -> Iterator[tuple[str, ...]]:
    """One row per method and task; empty cells where there are no first-token values."""
    for line in comparison.lines:
        if (against := line.against) is not None:
            written = f"{100 * against.difference.mean:+.2f}", show_p(against.holm)
            forced = against.forced
            preferred = ("", "", "no values")
            if forced is not None:
                verdict = "no gain" if forced.holm >= LEVEL or forced.accuracy.mean <= 0 else "**better**"
                preferred = f"{100 * forced.accuracy.mean:+.2f}", show_p(forced.holm), verdict
            yield (line.run.label, line.name, *written, *preferred)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", help="results of plain and of the methods")
    comparison = compare([read(run) for run in parser.parse_args(argv).runs])
    print(table(HEAD, list(rows(comparison))))
    return 1 if better(comparison) else 0


if __name__ == "__main__":
    sys.exit(main())
