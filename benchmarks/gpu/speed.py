"""Questions per second and peak memory of all paths, in turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from statistics import median

import torch

from benchmarks import contest
from benchmarks.contest import Contestant, Result, Round
from benchmarks.gpu.bench import LOOP_BATCH, Batching, Bench
from benchmarks.gpu.sections import Found
from benchmarks.report import Agreement, Ratio, table
from benchmarks.together import FIVE

#: Marks: wanted, not measured.
PLAIN_PER_SECOND, TIMES_LLAVA_HF, VGREFINE_TIMES_PLAIN, CAPTURED_TIMES_PLAIN = 10, 3, 1.15, 1.1

LLAVA_HF = "lmms-eval llava_hf, batch 1"
LOOP = "transformers.generate, left-padded, batch {}"
PLAIN, VGREFINE = "lmms_vg plain, batch {}", "lmms_vg VGRefine, batch {}"
CAPTURED = "lmms_vg plain with captured rows, batch {}"
BOTH, FIVE_TOGETHER = "lmms_vg plain and VGRefine together, batch {}", "lmms_vg five methods together, batch {}"


@dataclass
class Watched:
    """A contestant whose peak memory is kept.

    Attributes:
        answer: the contestant.
        peak: most bytes on the GPU above what was there before; 0 without a GPU.
    """

    answer: Callable[[Round], list[str]]
    peak: int = 0

    def __call__(self, images: Round) -> list[str]:
        if not torch.cuda.is_available():
            return self.answer(images)
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        texts = self.answer(images)
        self.peak = max(self.peak, torch.cuda.max_memory_allocated() - before)
        return texts


def compare(bench: Bench, questions: int, rounds: Sequence[Round], until: float) -> Found:
    """All paths on the same questions.

    Args:
        bench: the models.
        questions: questions per image; with 1 there is nothing that questions or methods share, so none run together.
        rounds: the images.
        until: value of `time.perf_counter()` after which no further round starts.
    """
    last = bench.last
    makers: dict[str, Callable[[], Callable[[Round], list[str]]]] = {
        LLAVA_HF: lambda: bench.stock,
        LOOP.format(LOOP_BATCH): lambda: bench.loop,
    }
    for batch in bench.batchings:
        makers[PLAIN.format(batch)] = partial(bench.ours, "plain", batch=batch)
        makers[VGREFINE.format(batch)] = partial(bench.ours, "vgrefine", batch=batch)
    makers[CAPTURED.format(last)] = lambda: bench.ours("plain", batch=last, align=True)
    if questions > 1:
        makers[BOTH.format(last)] = lambda: bench.ours("plain", "vgrefine", batch=last)
        makers[FIVE_TOGETHER.format(last)] = lambda: bench.ours(*FIVE, batch=last)
    able, notes = taking_part(makers, rounds[0][:1])
    results = contest.hold({name: Contestant(answer, questions) for name, answer in able.items()}, rounds, until)
    n = {name: len(result.answers) for name, result in results.items()}
    rows = [
        (
            name,
            f"{1 / median(result.seconds):.2f}",
            f"{1 / max(result.seconds):.2f} to {1 / min(result.seconds):.2f}",
            str(len(result.seconds)),
            str(n[name]),
            f"{able[name].peak / 1e9:.2f}" if able[name].peak else "-",
        )
        for name, result in results.items()
    ]
    head = ("path", "questions/s, median", "slowest to fastest round", "rounds", "n", "peak GB above weights")
    ratios, agreements = _ratios(results, bench.batchings), _agreements(results, bench.batchings)
    judged = bench.judged and questions > 1  # the marks are about seven questions an image
    return Found(
        "\n\n".join(
            [
                *notes,
                table(head, rows),
                table(
                    ("ratio within rounds", "measured", "wanted"),
                    ((*ratio.row()[:2], ratio.row()[2] if judged else "-") for ratio in ratios),
                ),
                table(("answers", "the same", "different ones"), (agreement.row() for agreement in agreements)),
            ]
        ),
        {
            "seconds": {name: result.seconds for name, result in results.items()},
            "n": n,
            "peak": {name: able[name].peak for name in results},
            "ratios": [asdict(ratio) for ratio in ratios],
            "agreements": [asdict(agreement) for agreement in agreements],
        },
    )


def taking_part(
    makers: Mapping[str, Callable[[], Callable[[Round], list[str]]]], images: Round
) -> tuple[dict[str, Watched], list[str]]:
    """Who can answer the questions about an image, and a line on each one who cannot."""
    able, notes = {}, []
    for name, make in makers.items():
        try:
            watched = Watched(make())
            watched(images)
            able[name] = watched
        except Exception as problem:  # noqa: BLE001 - it takes no part, the others do
            notes.append(f"{name}: takes no part ({type(problem).__name__}: {str(problem).splitlines()[0]})")
    return able, notes


def _ratios(results: dict[str, Result], batchings: Sequence[Batching]) -> list[Ratio]:
    ratios = []

    def times(name: str, path: str, base: str, wanted: float, at_most: bool = True) -> None:
        if path in results and base in results:
            ratios.append(Ratio(name, results[path].times(results[base]), wanted, at_most))

    for batch in batchings:
        plain, vgrefine = PLAIN.format(batch), VGREFINE.format(batch)
        if plain in results:
            per_second = 1 / median(results[plain].seconds)
            ratios.append(Ratio(f"our plain, questions/s, batch {batch}", per_second, PLAIN_PER_SECOND, at_most=False))
        times(f"llava_hf / our plain, time, batch {batch}", LLAVA_HF, plain, TIMES_LLAVA_HF, at_most=False)
        times(f"our VGRefine / our plain, time, batch {batch}", vgrefine, plain, VGREFINE_TIMES_PLAIN)
        captured = CAPTURED.format(batch)
        times(f"captured rows / our plain, time, batch {batch}", captured, plain, CAPTURED_TIMES_PLAIN)
    return ratios


def _agreements(results: dict[str, Result], batchings: Sequence[Batching]) -> list[Agreement]:
    first, last = batchings[0], batchings[-1]
    pairs = [
        (LOOP.format(LOOP_BATCH), LLAVA_HF),
        (PLAIN.format(first), LLAVA_HF),
        (PLAIN.format(last), LLAVA_HF),
        (PLAIN.format(last), PLAIN.format(first)),
        (VGREFINE.format(last), VGREFINE.format(first)),
        (CAPTURED.format(last), PLAIN.format(last)),
        (BOTH.format(last), PLAIN.format(last)),
        (VGREFINE.format(first), PLAIN.format(first)),
    ]
    return [
        Agreement.of(f"{path} and {base}", results[path].common(results[base]))
        for path, base in pairs
        if path != base and path in results and base in results
    ]
