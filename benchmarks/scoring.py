"""The time of everything except the model: scoring answers, BERTScore, preparing data sets, indexing an archive.

    python -m benchmarks.scoring            # a minute on one idle core
    python -m benchmarks.scoring --quick    # tiny sizes: shows that it works, says nothing about speed

Everything runs on one core. Answers, archive and BERT are generated from seeds; data sets are those under LMMS_VG_DATA.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import argparse
import platform
import tempfile
import tracemalloc
from collections.abc import Callable
from functools import partial
from importlib import metadata
from pathlib import Path
from time import perf_counter
from typing import Any
from zipfile import ZipFile

import bert_score
import torch
from loguru import logger
from transformers import BertConfig, BertModel, BertTokenizer

from benchmarks import answers
from benchmarks.answers import Answered
from benchmarks.report import Ratio
from lmms_vg import __version__
from lmms_vg.datasets import archives, slake, vqa_rad
from lmms_vg.datasets.source import DataMissing
from lmms_vg.host.failure import RunFailed
from lmms_vg.metrics.bertscore import bertscore
from lmms_vg.metrics.bertscore_settings import BertScoreSettings
from lmms_vg.metrics.statistics import cluster_interval
from lmms_vg.tasks import metric_items, scoring_closed, scoring_open
from lmms_vg.tasks.documents import documents
from lmms_vg.tasks.registry import TASKS

#: Answers scored, pairs for BERTScore, members of the archive, rounds of BERTScore.
FULL, QUICK = (28_000, 2_000, 100_000, 5), (280, 70, 1_000, 1)


def seconds(work: Callable[[], Any]) -> float:
    """Seconds that a function takes."""
    start = perf_counter()
    work()
    return perf_counter() - start


def score(n: int) -> Ratio:
    """Score answers: a quarter by each of three rules, a quarter by all open metrics but BERTScore, with intervals."""
    quarter = n // 4
    closed, opened = answers.closed(quarter), answers.opened(quarter)
    choice, chen = answers.choice(quarter, "pmc_vqa"), answers.choice(quarter, "pmc_vqa_chen")

    def work() -> None:
        _score_right_or_wrong(closed, scoring_closed.yes_no_results)
        _score_right_or_wrong(choice, scoring_closed.choice_results)
        _score_right_or_wrong(chen, scoring_closed.chen_results)
        _score_open(opened)

    return Ratio(f"{n:,} answers scored, with intervals, s", seconds(work), 20)


def _score_right_or_wrong(answered: list[Answered], rule: Callable[..., dict[str, Any]]) -> None:
    """Score as lmms-eval does: every document, then every metric."""
    results = [rule(document, [text]) for document, text in answered]
    metric_items.mean_score([result["acc"] for result in results])
    scoring_closed.ci95([result["ci95"] for result in results])
    scoring_closed.unparseable([result["unparseable"] for result in results])
    for axis in TASKS[answered[0][0]["task"]].axes:
        scoring_closed.macro([result[f"macro_{axis}"] for result in results])


def _score_open(answered: list[Answered]) -> None:
    results = [scoring_open.results(document, [text]) for document, text in answered]
    for metric in scoring_open.PER_ANSWER:
        scored = [result[metric] for result in results]
        metric_items.mean_score(scored)
        cluster_interval([item["score"] for item in scored], [item["image"] for item in scored])


def bertscore_ratio(n: int, rounds: int, folder: Path) -> Ratio:
    """Our BERTScore over the library's scorer, both with the model loaded; fastest of `rounds`, taken in turns."""
    model = _random_bert(folder / "bert")
    texts, references = answers.pairs(n)
    direct = bert_score.BERTScorer(model_type=model, num_layers=4, nthreads=0, device="cpu")
    ours = partial(bertscore, texts, references, BertScoreSettings(model, 4), device="cpu")
    theirs = partial(direct.score, texts, references)
    ours(), theirs()
    taken = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
    fastest_ours, fastest_theirs = (min(column) for column in zip(*taken, strict=True))
    name = f"BERTScore of {n:,} pairs: lmms_vg / bert_score ({fastest_ours:.2f} s / {fastest_theirs:.2f} s)"
    return Ratio(name, fastest_ours / fastest_theirs, 1.1)


def _random_bert(folder: Path) -> str:
    torch.manual_seed(0)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(answers.WORDS), *"0123456789"]
    words += [f"##{digit}" for digit in range(10)]
    config = BertConfig(
        vocab_size=len(words), hidden_size=128, num_hidden_layers=4, num_attention_heads=4, intermediate_size=512
    )
    BertModel(config).save_pretrained(folder)
    vocabulary = {word: number for number, word in enumerate(words)}
    BertTokenizer(vocab=vocabulary, model_max_length=512).save_pretrained(folder)
    return str(folder)


def prepare() -> list[Ratio | str]:
    """Read all questions of both data sets as lmms-eval's documents; a missing data set is reported as text."""
    results: list[Ratio | str] = []
    for name, load in (("vqa_rad", vqa_rad.load), ("slake", slake.load)):
        try:
            taken = sum(seconds(partial(documents, name, partial(load, part), None)) for part in ("closed", "open"))
            results.append(Ratio(f"{name} prepared, closed and open, s", taken, 30))
        except RunFailed as problem:
            if not isinstance(problem.__cause__, DataMissing):
                raise
            results.append(f"{name} prepared: not here (LMMS_VG_DATA={os.environ.get('LMMS_VG_DATA', '')})")
    return results


def index(members: int, folder: Path) -> list[Ratio]:
    """Index a zip archive: seconds, and in a second pass Python's peak memory in MB."""
    names = [f"images/{number % 100:02}/{number:06}.jpg" for number in range(members)]
    with ZipFile(folder / "images.zip", "w") as file:
        for name in names:
            file.writestr(name, b"x")

    def read_last() -> None:
        archives.open_archive.cache_clear()
        if archives.read_file(folder, names[-1]) is None:
            raise RuntimeError(f"{names[-1]} was not found")

    taken = seconds(read_last)
    archives.open_archive.cache_clear()
    tracemalloc.start()
    read_last()
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    archives.open_archive.cache_clear()
    of = f"zip of {members:,} members indexed"
    return [Ratio(f"{of}, s", taken, 60), Ratio(f"{of}, peak MB", peak, 300)]


def markdown(results: list[Ratio | str], judged: bool) -> str:
    """The report as a table; without `judged`, no verdicts."""
    names = ("torch", "transformers", "bert-score", "nltk", "numpy", "scipy", "datasets")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    lines = ["| measured | value | target | verdict |", "|---|---:|---:|---|"]
    for result in results:
        row = (result, "-", "-", "-") if isinstance(result, str) else result.row()
        lines.append(f"| {' | '.join(row if judged else (*row[:2], '-', 'none at this size'))} |")
    setup = f"One core, {platform.machine()}; lmms_vg {__version__}, python {platform.python_version()}, {versions}."
    return "\n".join([*lines, "", setup])


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark and print its report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scoring", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny sizes: a smoke test")
    quick = parser.parse_args(argv).quick
    scored, pairs, members, rounds = QUICK if quick else FULL
    torch.set_num_threads(1)
    logger.disable("lmms_vg")  # macro logs every category
    with tempfile.TemporaryDirectory(prefix="lmms_vg_benchmark_") as scratch:
        results: list[Ratio | str] = [
            score(scored),
            bertscore_ratio(pairs, rounds, Path(scratch)),
            *prepare(),
            *index(members, Path(scratch)),
        ]
    print(markdown(results, judged=not quick))


if __name__ == "__main__":
    main()
