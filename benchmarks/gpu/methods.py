"""Every method alone and all of them together, and vLLM, each next to our plain path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from statistics import median

from benchmarks import contest, vllm_engine
from benchmarks.contest import Contestant, Round
from benchmarks.gpu.bench import NEW_TOKENS, Bench
from benchmarks.gpu.sections import Found
from benchmarks.gpu.speed import PLAIN, taking_part
from benchmarks.report import Agreement, table
from lmms_vg.methods import METHODS


def every(bench: Bench, rounds: Sequence[Round]) -> Found:
    """Each method that needs no boxes, alone, and all of them in one run, as `lmms-vg run --methods` does."""
    batch = bench.last
    names = ["plain", *(name for name in METHODS if name != "plain" and not METHODS[name].needs_boxes)]
    makers = {name: partial(bench.ours, name, batch=batch) for name in names}
    able, notes = taking_part(makers, rounds[0][:1])
    joint = f"these {len(able)} together"
    everyone: dict[str, Callable[[Round], list[str]]] = {**able, joint: bench.ours(*able, batch=batch)}
    results = contest.hold({name: Contestant(answer, bench.per_image) for name, answer in everyone.items()}, rounds)
    plain, n = results["plain"], len(results["plain"].answers)
    alone = sum(results[name].times(plain) for name in able)
    rows = [
        (name, f"{1 / median(result.seconds):.2f}", f"{result.times(plain):.2f}") for name, result in results.items()
    ]
    stated = (
        f"n = {n} questions, {bench.per_image} an image, batch {batch}, {len(rounds)} round; alone, one after the other, they "
        f"take {alone:.1f} times as long as plain"
    )
    return Found(
        "\n\n".join([*notes, stated, table(("method", "questions/s", "time / plain"), rows)]),
        {"n": n, "batch": str(batch), "seconds": {name: result.seconds for name, result in results.items()}},
    )


def vllm(bench: Bench, rounds: Sequence[Round], until: float) -> Found:
    """vLLM next to our plain path on the same card, weights and questions; one line if it is not installed."""
    if not vllm_engine.installed():
        return Found("vLLM is not installed here, so nothing is said about it.")
    ours, name = PLAIN.format(bench.last), "vLLM, all questions of a round at once"
    engine = vllm_engine.Vllm(bench.folder, bench.dtype_name, bench.loop, NEW_TOKENS)
    everyone = {
        name: Contestant(engine, bench.per_image),
        ours: Contestant(bench.ours("plain", batch=bench.last), bench.per_image),
    }
    results = contest.hold(everyone, rounds, until)
    agreement = Agreement.of(f"{name} and {ours}", results[name].common(results[ours]))
    rows = [(path, f"{1 / median(result.seconds):.2f}", str(len(result.answers))) for path, result in results.items()]
    return Found(
        f"{table(('path', 'questions/s', 'n'), rows)}\n\n"
        f"Our plain takes {results[ours].times(results[name]):.2f} times as long.\n\n"
        f"{table(('answers', 'the same', 'different ones'), [agreement.row()])}",
        {"seconds": {path: result.seconds for path, result in results.items()}, "agreements": [asdict(agreement)]},
    )
