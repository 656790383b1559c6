"""Time of the swap null, and size of the maps that it needs: 28,000 questions, 28 layers of 24 x 24 patches, 20 other images.

    python -m benchmarks.swap_null             # a minute on one idle core, 2 GB of disk
    python -m benchmarks.swap_null --quick     # 1 question in 100: shows that it works, says nothing about speed

The maps are made up, two questions an image, with boxes of 1 to 11 patches a side, and mapped from a file in single precision,
as `runs.kept_maps` reads a journal. What is timed is the draw of other images and every value that `metrics.nulls` gives: log
AR, KL and JS of each question's own map and of its 20 others. The size on the disk is that of the blocks in a journal.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import Ratio, Report
from lmms_vg.journal import LayerMaps, QuestionMap, ReferenceMap
from lmms_vg.journal.map_lines import block_of
from lmms_vg.metrics import alignment
from lmms_vg.metrics.donors import SWAPS, MapOwner, of_other_images
from lmms_vg.metrics.nulls import Null, null

QUESTIONS, LAYERS, SIDE = 28_000, 28, 24
_POOL = 512  # different maps; others repeat them


def boxes(questions: int) -> NDArray[np.bool_]:
    """Draw one box a question, (questions, patches)."""
    rng = np.random.default_rng(0)
    masks = np.zeros((questions, SIDE, SIDE), bool)
    for mask in masks:
        (height, width), (y, x) = rng.integers(1, 12, 2), rng.random(2)
        top, left = int(y * (SIDE + 1 - height)), int(x * (SIDE + 1 - width))
        mask[top : top + height, left : left + width] = True
    return masks.reshape(questions, -1)


def maps(questions: int, file: Any) -> NDArray[np.float32]:
    """Write made-up maps into a file and map it, (questions, layers, patches)."""
    rng = np.random.default_rng(1)
    pool = np.exp(0.8 * rng.standard_normal((_POOL, LAYERS, SIDE**2))).astype(np.float32)
    for i in range(questions):
        file.write(pool[i % _POOL].tobytes())
    file.flush()
    return np.memmap(file, np.float32, "r", shape=(questions, LAYERS, SIDE**2))


def megabytes(questions: int) -> tuple[float, float]:
    """Size of the blocks of the questions' maps, and of those of the reference prompts, one an image."""
    kept = LayerMaps.of(np.ones((LAYERS, SIDE**2)), np.ones(LAYERS))
    seen, general = np.ones((SIDE, SIDE), bool), ReferenceMap("0" * 32, (SIDE, SIDE), kept)
    asked = QuestionMap("0" * 32, "0" * 64, "last", 0, seen, seen, kept, general)
    return len(block_of(asked)) * questions / 1e6, len(block_of(general)) * (questions // 2) / 1e6


def timed(attention: NDArray[np.float32], masks: NDArray[np.bool_]) -> tuple[Null, float, float]:
    """Draw and measure; seconds by the clock and of the processor."""
    asked = [MapOwner(f"{i}", f"image {i // 2}", f"image {i // 2}", SIDE) for i in range(len(masks))]
    clock, cpu = time.perf_counter(), time.process_time()
    result = null(attention, masks, of_other_images(asked))
    return result, time.perf_counter() - clock, time.process_time() - cpu


def measured(questions: int, judged: bool) -> Report:
    """Measure, and compare a question's values with those of the measure itself."""
    masks = boxes(questions)
    with tempfile.TemporaryFile() as file:
        attention = maps(questions, file)
        result, clock, cpu = timed(attention, masks)
        by_measure = alignment.kl_divergence(attention[7], masks[7])
        np.testing.assert_allclose(result.value.kl[7], by_measure, atol=1e-5)
    assert (result.donors == SWAPS).all(), "every question has its 20 other images"
    of_questions, of_references = megabytes(questions)
    return Report(
        setup={
            "questions": f"{questions:,}, two per image, {LAYERS} layers of {SIDE} x {SIDE} patches, {SWAPS} other images",
            "seconds by the clock": f"{clock:.1f}",
            "MB of the reference prompts' maps": f"{of_references:,.0f}",
            "machine": f"{platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}",
        },
        seconds={},
        ratios=[Ratio("seconds of processor time", cpu, 40), Ratio("MB of the questions' maps", of_questions, 1000)],
        agreements=[],
        judged=judged,
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.swap_null", description="Time of the swap null.")
    parser.add_argument("--quick", action="store_true", help="one question in 100: a smoke test")
    args = parser.parse_args(argv)
    print(measured(QUESTIONS // 100 if args.quick else QUESTIONS, judged=not args.quick).markdown())


if __name__ == "__main__":
    main()
