"""Values of every head beside a journal: how fast they are written and read, and how large they are.

    python -m benchmarks.head_values            # a minute on one idle core, 1.2 GB of disk
    python -m benchmarks.head_values --quick    # 1 question in 100: shows that it works, says nothing about speed

The journal is that of VGMED's 28,000 questions on a model of 60 layers with 56 heads (34B). It is written in batches of 8, with
records that hold AR, KL and JS of every layer; then it is opened as a run opens it, and read as head rankings read it. Three
values per head were stored before placement and entropy were, so both are measured. Other work on the machine slows the clock
and, through the caches, the CPU time. So both are given, and the time at the pace of the fastest tenth of the batches, which
comes nearest to an idle core.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lmms_vg.journal import HeadValues, Journal, QuestionHeads, Record, read_heads, read_records
from lmms_vg.journal.block_reader import BlockReader
from lmms_vg.journal.head_values import HEADS, blocks_of, values_of
from lmms_vg.journal.sidecar_file import SidecarFile

#: Seconds and megabytes that were asked for, with three values per head.
WANTED = {"write": 3.0, "read": 3.0, "open": 5.0, "MB": 600.0}

_BATCH = 8
_DRAWN = 64  # different questions; the others repeat their values


@dataclass(frozen=True)
class Spent:
    """Seconds of clock, of CPU, and at the pace of the fastest tenth of the batches."""

    clock: float
    cpu: float
    paced: float

    def __str__(self) -> str:
        paced = "" if np.isnan(self.paced) else f"; {self.paced:.2f} s at the fastest pace"
        return f"{self.clock:.2f} s ({self.cpu:.2f} s of CPU{paced})"


def timed(work: Callable[[], Iterator[object] | None]) -> Spent:
    """Run something, batch by batch if it yields, and say what it took."""
    clock, cpu, ends = time.perf_counter(), time.process_time(), [time.perf_counter()]
    for _ in work() or ():
        ends.append(time.perf_counter())
    batches = np.diff(ends)
    paced = len(batches) * float(np.percentile(batches, 10)) if len(batches) else float("nan")
    return Spent(time.perf_counter() - clock, time.process_time() - cpu, paced)


def drawn(layers: int, heads: int, names: Sequence[str]) -> list[HeadValues]:
    """Values such as heads have."""
    rng = np.random.default_rng(0)
    shape = (layers, heads)
    return [
        HeadValues.of(
            {
                name: values
                for name, values in {
                    "kl": rng.gamma(8, 0.4, shape),
                    "ar": rng.lognormal(0, 0.7, shape),
                    "js": 0.69 * rng.beta(6, 3, shape),
                    "placement": rng.random(shape),
                    "entropy": np.log(576) * rng.beta(6, 2, shape),
                }.items()
                if name in names
            }
        )
        for _ in range(_DRAWN)
    ]


def batches(questions: int, values: Sequence[HeadValues]) -> Iterator[list[QuestionHeads]]:
    """The values of all questions, batch by batch."""
    for start in range(0, questions, _BATCH):
        yield [QuestionHeads(f"{i:032x}", values[i % _DRAWN]) for i in range(start, min(start + _BATCH, questions))]


def values_alone(folder: Path, questions: int, values: Sequence[HeadValues]) -> dict[str, object]:
    """Write and read the file of heads, without records."""
    file = SidecarFile(HEADS, folder / "rank0.jsonl")
    names = [name for name, array in values[0]._asdict().items() if not np.isnan(array).all()]

    def write() -> Iterator[None]:
        for batch in batches(questions, values):
            file.write(blocks_of(batch))
            yield
        file.close()

    def read() -> Iterator[None]:
        n, sums = 0, {name: np.zeros(values[0].kl.shape) for name in names}
        places = HEADS.places(HEADS.files(folder))
        with BlockReader(HEADS) as reader:
            for place in places.values():
                data = reader.read(place)
                assert data is not None, "nothing is damaged"
                heads = values_of(place.line, data)
                for name, total in sums.items():
                    total += getattr(heads, name)
                n += 1
                if n % _BATCH == 0:
                    yield
        assert n == questions, f"{n} of {questions} questions were read"
        expected = sum(values[i % _DRAWN].kl for i in range(questions))
        np.testing.assert_allclose(sums["kl"] / n, expected / n, atol=1e-4)

    spent: dict[str, object] = {"write": timed(write), "read, all means": timed(read)}
    return spent | {"MB": f"{file.path.stat().st_size / 1e6:.0f}"}


def whole_journal(folder: Path, questions: int, values: Sequence[HeadValues]) -> dict[str, object]:
    """Write, open and read a journal with records and values of heads."""
    layers = len(values[0].kl)
    rng = np.random.default_rng(1)
    alignments = [
        {name: rng.random(layers).tolist() for name in ("ar", "printed_ar", "kl", "js")}
        | {"version": 2, "head_shape": list(values[0].kl.shape)}
        for _ in range(_DRAWN)
    ]

    def write() -> None:
        with Journal(folder) as journal:
            for number, batch in enumerate(batches(questions, values)):
                journal.write(
                    [
                        Record(
                            key=kept.key,
                            task="vgmed_localization",
                            uid=f"{_BATCH * number + i}",
                            text="Yes",
                            image=f"{(_BATCH * number + i) // 4:064x}",
                            alignment=alignments[(_BATCH * number + i) % _DRAWN],
                            batch=_BATCH,
                        )
                        for i, kept in enumerate(batch)
                    ],
                    heads=batch,
                )

    def opened() -> None:
        with Journal(folder) as journal:
            assert len(journal.keys()) == questions

    def read() -> None:
        records = read_records(sorted(folder.glob("rank*.jsonl")))
        assert sum(1 for _ in read_heads(folder, records)) == questions

    return {"write with records": timed(write), "open": timed(opened), "read with records": timed(read)}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its report."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.head_values",
        description="Time and size of the values of all heads beside a journal.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--questions", type=int, default=28_000)
    parser.add_argument("--layers", type=int, default=60)
    parser.add_argument("--heads", type=int, default=56)
    parser.add_argument("--quick", action="store_true", help="one question in 100: a smoke test")
    options = parser.parse_args(argv)
    questions = options.questions // 100 if options.quick else options.questions
    print(f"{questions:,} questions x {options.layers} layers x {options.heads} heads; {platform.machine()}, ", end="")
    print(f"{os.cpu_count()} cores, numpy {np.__version__}")
    print(f"wanted with three values: {', '.join(f'{name} {value:g}' for name, value in WANTED.items())}")
    for names in (("kl", "ar", "js"), HeadValues._fields):
        values = drawn(options.layers, options.heads, names)
        with tempfile.TemporaryDirectory(prefix="lmms_vg_heads_") as scratch:
            alone, whole = Path(scratch, "alone"), Path(scratch, "whole")
            alone.mkdir()
            spent = values_alone(alone, questions, values)
            shutil.rmtree(alone)
            spent |= whole_journal(whole, questions, values)
        print(f"{len(names)} values: {', '.join(f'{name} {value}' for name, value in spent.items())}", flush=True)


if __name__ == "__main__":
    main()
