"""Kill runs again and again: is the results file still that of an undisturbed run?

    python -m benchmarks.kills              # 100 times ten SIGKILLs over two runs
    python -m benchmarks.kills --times 1    # once: what the tests do

The demo model, plain and with VGRefine, answers measurement questions about phantoms. A run is a process that is started
again after each kill, as a user would do. It is killed at a random byte of its output, so that lines are torn, or at a random
moment. Then it runs to its end, its journal is scored by the task's functions, and the file of all results is compared byte
by byte with that of an undisturbed run, without times. lmms-eval itself takes no part: its start would cost twelve seconds per
kill and it answers through the same code.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # processes are forked

from loguru import logger
from tqdm import tqdm

from lmms_vg.experiments.boxed_questions import questions
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.build import build
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.inference.question import Question
from lmms_vg.journal import Journal, Record, read_records
from lmms_vg.tasks import registry, rescore

TASK = "vgmed_demo"
METHODS = ("plain", "vgrefine")
KILLS = 5  # of each of the two runs
BATCH = 4


@dataclass
class Tally:
    """Counts over all experiments."""

    killed: int = 0
    torn: int = 0
    twice: int = 0
    equal: int = 0
    runs: int = 0
    moments: Counter[str] = field(default_factory=Counter)


@dataclass
class Experiment:
    """The questions and answerer of one method; each run has its own journal folder."""

    answerer: Answerer
    asked: list[Question]

    def start(self, folder: Path, budget: int | None) -> int:
        """Answer in a new process, which kills itself after it has written `budget` bytes; returns its pid."""
        pid = os.fork()
        if pid:
            return pid
        try:
            if budget is not None:
                _die_after(budget)
            method_run = MethodRun(self.answerer.main.method, Journal(folder))
            with closing(Answerer(self.answerer.family, [method_run], BATCH)) as answerer:
                for _ in answerer.answer(self.asked):
                    pass
            os._exit(method_run.counts.failed)
        finally:
            os._exit(99)

    def results(self, folder: Path) -> bytes:
        """The results file: every sample and every mean, without times."""
        records = {
            record.uid: record.model_copy(update={"seconds": 0.0})
            for record in _records(folder)
            if record.error is None
        }
        docs = [doc for doc in getattr(registry, TASK)(None) if doc["uid"] in records]
        lines = list(rescore.score(TASK, [(doc, records[doc["uid"]]) for doc in docs]))
        assert len(lines) == len(self.asked), f"{len(lines)} of {len(self.asked)} questions have an answer"
        return json.dumps({"results": dict(rescore.means(TASK, lines)), "samples": lines}, default=str).encode()


def _die_after(budget: int) -> None:
    """Make this process send itself SIGKILL after `budget` bytes."""
    left, write = budget, os.write

    def written(file: int, data: bytes) -> int:
        nonlocal left
        count = write(file, bytes(data[:left]))
        left -= count
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return count

    mock.patch.object(os, "write", written).start()


def _records(folder: Path) -> list[Record]:
    return list(read_records(sorted(folder.glob("rank*.jsonl"))))


def _run(experiment: Experiment, folder: Path, seconds: float, draw: random.Random, tally: Tally) -> None:
    """Kill a run `KILLS` times, then let it end."""
    size = 3000 * len(experiment.asked)
    for kill in range(KILLS):
        by_bytes = draw.random() < 0.7
        budget = draw.randrange(1, max(2, size // (KILLS + 1))) if by_bytes else None
        pid = experiment.start(folder, budget)
        if budget is None:
            time.sleep(draw.uniform(0, seconds / KILLS))
            os.kill(pid, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status == 0:  # it finished before the kill: kill the next one while it writes that it has started
            status = os.waitstatus_to_exitcode(os.waitpid(experiment.start(folder, draw.randrange(1, 50)), 0)[1])
        assert status == -signal.SIGKILL, f"kill {kill}: status {status}"
        tally.killed += 1
        tally.moments["of writing" if by_bytes else "at random"] += 1
        path = folder / "rank0.jsonl"
        tally.torn += path.exists() and not path.read_bytes().endswith(b"\n")
    status = os.waitstatus_to_exitcode(os.waitpid(experiment.start(folder, None), 0)[1])
    assert status == 0, f"the last run ended with {status}"
    keys = [record.key for record in _records(folder)]
    tally.twice += len(keys) - len(set(keys))


def main(argv: list[str] | None = None) -> int:
    """Run the experiments and print the counts; returns 1 if a run differed or a question was asked twice."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=100, help="experiments of ten kills over two runs (100)")
    parser.add_argument("--questions", type=int, default=24, help="questions per run (24)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    draw, tally = random.Random(args.seed), Tally()
    asked = questions(TASK, args.questions, args.seed)
    with tempfile.TemporaryDirectory(prefix="lmms_vg_kills_") as scratch:
        os.environ["LMMS_VG_HOME"] = scratch
        experiments, seconds, expected = {}, {}, {}
        for method in METHODS:
            experiments[method] = Experiment(build("huatuo", method, pretrained="demo", batch_size=BATCH), asked)
            started, folder = time.perf_counter(), Path(scratch) / f"{method}_undisturbed"
            os.waitpid(experiments[method].start(folder, None), 0)
            seconds[method] = time.perf_counter() - started
            expected[method] = experiments[method].results(folder)
        for number in tqdm(range(args.times), desc="experiments"):
            for method, experiment in experiments.items():
                folder = Path(scratch) / f"{method}_{number}"
                _run(experiment, folder, seconds[method], draw, tally)
                tally.runs += 1
                tally.equal += experiment.results(folder) == expected[method]
    print("| measured | value |\n|---|---:|")
    for name, value in (
        ("runs", tally.runs),
        ("SIGKILLs", tally.killed),
        ("of them at a random byte of the output", tally.moments["of writing"]),
        ("of them at a random moment", tally.moments["at random"]),
        ("torn lines left by them", tally.torn),
        ("questions asked twice", tally.twice),
        ("runs with the results file of the undisturbed run", tally.equal),
    ):
        print(f"| {name} | {value} |")
    return int(tally.equal < tally.runs or tally.twice > 0)


if __name__ == "__main__":
    sys.exit(main())
