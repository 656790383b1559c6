"""Simulated: does adding settings of one's own method move anybody else's p or rank on the leaderboard (docs/leaderboard.md)?

    OMP_NUM_THREADS=1 python -m benchmarks.own_settings    # minutes; --repetitions 20 only tests the script

Each table has the models of four submitters, each with its plain run and one method. The last submitter then adds 1 to 20
further settings of the same method, good or bad. The estimates and comparisons of all others must stay what they were, to
the last bit. How often the submitter's own p grows is counted beside it: a simulation in which it never did would show nothing.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np

from benchmarks.report import table
from benchmarks.yes_no_runs import Bools
from lmms_vg import __version__
from lmms_vg.leaderboard.columns import Measure, Part
from lmms_vg.leaderboard.estimates import estimates
from lmms_vg.leaderboard.vs_plain import against
from lmms_vg.runs.method_spec import MethodSpec
from lmms_vg.submission.schema import SCHEMA_VERSION, Card, Data, Manifest, Provenance, Task
from lmms_vg.submission.validated import Entry, Scores

REPETITIONS = 1_000
SUBMITTERS = 4
IMAGES, PER_IMAGE = 30, 4
MOST_SETTINGS = 20
TASK = "pmc_vqa"
COLUMN = Measure("PMC-VQA", "acc", ((Part((TASK,)),),), "", "higher")


class Moved(NamedTuple):
    """One table: what adding settings did.

    Attributes:
        ranks: whether a rank, or anything else of the estimate, of another submitter's row is another.
        p: whether a p, or anything else of the comparison with plain, of another submitter's method is another.
        own_p: whether the corrected p of the one who added them is larger.
    """

    ranks: bool
    p: bool
    own_p: bool


def entry(id: str, scores: Sequence[float], owner: str, method: MethodSpec, arrival: int) -> Entry:
    """Return a validated submission of one task, as the leaderboard has it; `owner` stands for card and weights."""
    run = Provenance(
        **dict.fromkeys(("family", "config", "tokenizer", "image_processor", "prompt", "code"), "simulated"),  # type: ignore[arg-type]
        method=method,
        weights=owner,
        dtype="float32",
        device="cpu",
        geometry="true",
        rows="last",
        per_head=False,
        diagnose=False,
        batch_size=1,
        versions={},
        settings={},
    )
    rule = "closed|rule:simulated|v:0"
    values = Scores(
        "questions",
        rule,
        "acc",
        tuple(f"q{number}" for number in range(len(scores))),
        tuple(f"i{number // PER_IMAGE}" for number in range(len(scores))),
        np.array(scores, dtype=np.float64),
        {},
        verified=True,
    )
    task = Task(
        protocol="vgrefine",
        asked=len(scores),
        n=len(scores),
        questions=values.questions,
        answers="answers",
        metrics={"acc": float(np.mean(scores))},
        rules={"acc": rule},
        decoding={},
        reference="",
        data=Data(name="simulated", revision=None),
    )
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        protocol="vgrefine",
        card=Card(name=owner, parameters=7.0, trained_on=[]),
        run=run,
        seeds={},
        tasks={TASK: task},
        groups={},
    )
    return Entry(id, manifest, {TASK: values}, arrival=arrival)


def submissions(rng: np.random.Generator) -> list[Entry]:
    """Return plain and one method of every submitter; accuracies are drawn, and a method changes one answer in ten."""
    entries: list[Entry] = []
    for number in range(SUBMITTERS):
        plain = rng.random(IMAGES * PER_IMAGE) < rng.uniform(0.3, 0.8)
        for name, right in (("plain", plain), ("pai", changed(rng, plain))):
            owner = f"owner{number}"
            entries.append(
                entry(
                    f"{owner} {name}", right.tolist(), owner, MethodSpec(name=name, hyper_parameters={}), len(entries)
                )
            )
    return entries


def changed(rng: np.random.Generator, right: Bools) -> Bools:
    """Return scores of which one in ten is drawn anew, with a skill of its own."""
    again = rng.random(len(right)) < 0.1
    return np.where(again, rng.random(len(right)) < rng.random(), right)


def moved(rng: np.random.Generator) -> Moved:
    """Return what a table loses when the last submitter adds settings."""
    before = submissions(rng)
    owner = f"owner{SUBMITTERS - 1}"
    plain = before[-2].scores[TASK].values > 0
    added = [
        entry(
            f"{owner} {number}",
            changed(rng, plain).tolist(),
            owner,
            MethodSpec(name="pai", hyper_parameters={"alpha": number / 100}),
            len(before) + number,
        )
        for number in range(1, int(rng.integers(1, MOST_SETTINGS + 1)) + 1)
    ]
    others = {submission.id for submission in before if not submission.id.startswith(owner)}
    ranked, ranked_after = (estimates(rows, COLUMN) for rows in (before, [*before, *added]))
    tested, tested_after = (against(rows, [COLUMN]) for rows in (before, [*before, *added]))
    mine = f"{owner} pai"
    return Moved(
        any(ranked[id] != ranked_after[id] for id in others),
        any(tested[id] != tested_after[id] for id in others & tested.keys()),
        tested_after[mine].holm > tested[mine].holm,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; returns 1 if anybody else was moved."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.own_settings", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    rng = np.random.default_rng(options.seed)
    outcomes = [moved(rng) for _ in range(options.repetitions)]
    counts = [sum(values) for values in zip(*outcomes, strict=True)]
    rows = [
        ("another's rank or estimate moved", f"{counts[0]:,}", "0"),
        ("another's p or difference moved", f"{counts[1]:,}", "0"),
        ("(for comparison) one's own p (Holm) grew", f"{counts[2]:,}", ""),
    ]
    print(
        f"Simulated, {options.repetitions:,} repetitions, seed {options.seed}. {date.today()}, lmms_vg {__version__}, Python "
        f"{platform.python_version()}, numpy {np.__version__}.\n\n"
        + table((f"1 to {MOST_SETTINGS} settings of one's own method added", "tables", "wanted"), rows)
    )
    return int(bool(counts[0] or counts[1]))


if __name__ == "__main__":
    raise SystemExit(main())
