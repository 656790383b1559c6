"""How much faster two ranks of one thread are than one, as a user starts them: torchrun and `lmms-vg run`.

    python -m benchmarks.two_ranks                                # five minutes on two idle cores
    python -m benchmarks.two_ranks --quick                        # a tiny model: shows that it works, says nothing about speed

The random-weight LLaVA of the other CPU benchmarks answers VQA-RAD's closed questions in the task's own order (phantoms'
questions where the data are not there). Each run has a journal of its own; runs of one and two ranks take turns. Time is what
rank 0 states in its results, from the first question to the last answer of all ranks; loading and scoring are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import checkpoint
from benchmarks.checkpoint import Size
from benchmarks.questions import vqa_rad_folder
from benchmarks.report import Agreement, Ratio, Report
from lmms_vg.tasks import registry

TINY = Size(2, 64, 2048, 2, 64, 56)
RANKS = (1, 2)


def run(model: Path, task: str, limit: int, ranks: int, folder: Path) -> tuple[float, dict[int, str]]:
    """Answer `limit` questions with `ranks` ranks; seconds of answering, and the answers by document."""
    launcher = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(ranks))
    asked = ("--model", "llava_plain", "--model_args", f"pretrained={model}", "--tasks", task, "--limit", str(limit))
    saved = ("--batch_size", "1", "--output_path", str(folder), "--log_samples")
    own = {"LMMS_VG_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        (*launcher, "-m", "lmms_vg", "run", *asked, *saved), env=os.environ | own, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(
            f"a run with {ranks} ranks ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    (samples,) = folder.rglob(f"*_samples_{task}.jsonl")
    lines = [json.loads(line) for line in samples.read_text().splitlines()]
    spent = next(filter(None, (_find(line, "spent") for line in lines)))["seconds"]
    return sum(took for stage, took in spent.items() if stage not in ("load", "score")), {
        line["doc_id"]: line["filtered_resps"][0] for line in lines
    }


def _find(tree: Any, name: str) -> Any:
    """The first value of this name in nested mappings."""
    if not isinstance(tree, dict):
        return None
    if name in tree:
        return tree[name]
    return next((value for value in (_find(branch, name) for branch in tree.values()) if value is not None), None)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and print its report; returns 1 if the target was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.two_ranks", description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=14, help="number of questions (14)")
    parser.add_argument("--rounds", type=int, default=1, help="runs of each kind (1)")
    parser.add_argument("--quick", action="store_true", help="a tiny model: a smoke test")
    args = parser.parse_args(argv)
    real = vqa_rad_folder().is_dir()
    task = "vqa_rad_closed" if real else "vqa_demo"
    if real:
        os.environ["LMMS_VG_DATA"] = str(vqa_rad_folder().parent)
    seconds: dict[int, list[float]] = {ranks: [] for ranks in RANKS}
    answers: dict[int, dict[int, str]] = {}
    with tempfile.TemporaryDirectory(prefix="lmms_vg_two_ranks_") as scratch:
        model = Path(scratch) / "model"
        texts = [str(doc["question"]) for doc in getattr(registry, task)(None)]
        checkpoint.make(model, TINY if args.quick else Size(), texts)
        for number in range(args.rounds):
            for ranks in RANKS:
                took, answers[ranks] = run(model, task, args.questions, ranks, Path(scratch) / f"{ranks}_{number}")
                seconds[ranks].append(took / args.questions)
    ups = sorted(single / double for single, double in zip(seconds[1], seconds[2], strict=True))
    pairs = [(answers[1][doc], answers[2][doc]) for doc in answers[1]]
    report = Report(
        setup={
            "questions": f"{args.questions} of {task}, batch 1, one thread per rank",
            "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        },
        seconds={f"{ranks} rank{'s' * (ranks > 1)}": values for ranks, values in seconds.items()},
        ratios=[Ratio("one rank / two ranks, median of rounds", ups[len(ups) // 2], 1.8, at_most=False)],
        agreements=[Agreement.of("one rank and two", pairs)],
        judged=not args.quick,
    )
    print(report.markdown())
    return int(report.judged and not report.ratios[0].met)


if __name__ == "__main__":
    sys.exit(main())
