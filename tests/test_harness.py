"""Whole runs of the real commands, with a tiny random checkpoint and small data in the raw layouts.

Every start takes about ten seconds, so each run serves several tests, and two runs go on at a time.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
import warm
from whole_runs import ASKED, FAILED, IMAGES, KINDS, METRICS, Interrupted, Run, finish, interrupt, write_data

from lmms_vg.metrics.alignment import VERSION

#: What the program of this name runs, here with Python programs that are forked.
TORCHRUN = "python -m torch.distributed.run --standalone --nproc_per_node 2 --no-python"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture(scope="module")
def runs(
    programs: None, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Any]]]:
    """All runs by name; two go on at a time."""
    root = tmp_path_factory.mktemp("runs")
    data, bare = write_data(root / "data"), write_data(root / "bare")
    for image in IMAGES:
        (bare / "vgmed" / image).unlink()
    arguments = f"pretrained={checkpoint},heads=1-0+2-1,layers=3"
    ask = ("--tasks", "vgmed,slake", "--model", "huatuo_vgrefine", "--model_args", arguments)
    commands: dict[str, tuple[Callable[..., Any], Path, tuple[str, ...]]] = {
        "whole": (finish, data, ("lmms-eval", *ask, "--output_path", "out", "--log_samples")),
        "killed": (interrupt, data, ("lmms-vg", "run", *ask)),
        "ranks": (
            finish,
            data,
            (*TORCHRUN.split(), str(warm.programs() / "python"), "-m", "lmms_vg", "run", *ask),
        ),
        "all failed": (finish, bare, ("lmms-eval", "--tasks", "vgmed", *ask[2:])),
        "no data": (finish, root / "nothing", ("lmms-eval", "--tasks", "vgmed", *ask[2:])),
        "unknown task": (finish, data, ("lmms-vg", "run", "--tasks", "vgmedd", *ask[2:])),
        "bad argument": (finish, data, ("lmms-vg", "run", *ask[:-1], f"{arguments},k=99")),
    }
    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(do, root / name, where, *what) for name, (do, where, what) in commands.items()}
        pool.shutdown(cancel_futures=True)


@pytest.fixture
def whole(runs: dict[str, Future[Any]]) -> Run:
    return runs["whole"].result()


# --- the command of the README ----------------------------------------------------------------------------------------


def test_the_table_has_every_metric(whole: Run) -> None:
    assert whole.status == 0, whole.output
    assert {task: set(metrics) for task, metrics in whole.values.items()} == METRICS
    assert whole.summary == [ASKED, 0, ASKED - FAILED, FAILED]


def test_failures_are_counted_not_scored(whole: Run) -> None:
    values = whole.values
    assert (values["vgmed_localization"]["n"], values["vgmed_localization"]["answered"]) == (6, 0.75)
    assert (values["vgmed_attribute"]["n"], values["vgmed_attribute"]["answered"]) == (6, 1)
    assert (values["slake_closed"]["n"], values["slake_open"]["n"]) == (3, 3)
    errors = {line["uid"]: line["error"] for line in whole.journal if line.get("error")}
    assert set(errors) == {"vgmed/localization/7", "vgmed/localization/8"}
    assert "inverted" in errors["vgmed/localization/7"]
    assert "gone.png" in errors["vgmed/localization/8"]
    assert all(error in whole.output for error in errors.values())


def test_the_journal_has_one_line_an_answer(whole: Run) -> None:
    header, *lines = whole.journal
    assert header["run"]["family"] == "huatuo"
    assert header["run"]["settings"]["pretrained"].endswith("tiny")
    assert header["run"]["method"]["hyper_parameters"]["k"] == 2
    assert len({line["uid"] for line in lines}) == len({line["key"] for line in lines}) == len(lines) == ASKED
    assert all(line["alignment"] and line["extras"] for line in lines if line["task"] == "vgmed_attribute")
    assert all(line["alignment"] is None for line in lines if line["task"].startswith("slake"))


def test_samples_have_lists_of_layers(whole: Run) -> None:
    lines = {(line["task"], line["uid"]): line for line in whole.journal[1:]}
    for kind in KINDS:
        samples = whole.samples(f"vgmed_{kind}")
        assert [sample["doc_id"] for sample in samples] == list(range(len(samples)))
        for number, sample in enumerate(samples, start=1):
            line = lines[f"vgmed_{kind}", f"vgmed/{kind}/{number}"]
            if line["error"]:
                assert [sample["ar"][name] == line[name] for name in ("error", "error_code")] == [True, True]
                continue
            for metric in ("ar", "kl", "js"):
                assert sample[metric][metric] == line["alignment"][metric]
                assert len(sample[metric][metric]) == tiny.LAYERS
            assert sample["ar"]["version"] == line["alignment"]["version"] == VERSION


def test_answers_come_back_to_their_questions(whole: Run) -> None:
    """Questions are asked image by image, although the rows of the file alternate."""
    texts = {(line["task"], line["uid"]): line["text"] for line in whole.journal[1:]}
    samples = whole.samples("vgmed_attribute")
    given = [sample["filtered_resps"] for sample in samples]
    assert given == [texts["vgmed_attribute", f"vgmed/attribute/{i + 1}"] for i in range(len(samples))]
    assert len(set(given)) > 2
    order = [line["image"] for line in whole.journal[1:] if line["task"].startswith("vgmed") and line["image"]]
    assert sum(a != b for a, b in itertools.pairwise(order)) == len(set(order)) - 1 == len(IMAGES) - 1


def test_the_table_is_the_mean_of_the_samples_at_the_best_layer(whole: Run) -> None:
    for task in ("vgmed_localization", "vgmed_attribute"):
        samples = [sample for sample in whole.samples(task) if "error" not in sample["ar"]]
        kl = torch.tensor([sample["kl"]["kl"] for sample in samples], dtype=torch.float64).mean(0)
        best = int(kl.argmin())
        ar = sum(sample["ar"]["ar"][best] for sample in samples) / len(samples)
        shown = whole.values[task]
        assert (shown["best_layer"], shown["kl"], shown["ar"]) == (best, round(float(kl.min()), 4), round(ar, 4))
    assert whole.values["vgmed_localization"]["ar"] != whole.values["vgmed_attribute"]["ar"]


# --- interrupted, distributed -----------------------------------------------------------------------------------------


def test_a_killed_run_goes_on_where_it_was(runs: dict[str, Future[Any]], whole: Run) -> None:
    interrupted: Interrupted = runs["killed"].result()
    answered = sum(line.get("error", "run") is None for line in interrupted.lines)
    resumed = interrupted.resumed
    assert 0 < answered < ASKED - FAILED
    assert resumed.status == 0, resumed.output
    assert resumed.summary == [ASKED, answered, ASKED - FAILED - answered, FAILED]
    assert resumed.table == whole.table
    assert len(resumed.table) > 20
    good = [line["key"] for line in resumed.journal if line.get("error", "run") is None]
    assert len(good) == len(set(good)) == ASKED - FAILED
    assert not any("torn" in line.get("key", "") for line in resumed.journal)


def test_two_ranks_give_the_same_table(runs: dict[str, Future[Any]], whole: Run) -> None:
    ranks: Run = runs["ranks"].result()
    assert ranks.status == 0, ranks.output
    assert ranks.table == whole.table  # and once: the other rank prints none
    assert ranks.summary == [ASKED, 0, ASKED - FAILED, FAILED]
    shares = {path.name: len(path.read_bytes().splitlines()) - 1 for path in ranks.folder.rglob("rank*.jsonl")}
    assert set(shares) == {"rank0.jsonl", "rank1.jsonl"}
    assert sum(shares.values()) == ASKED
    assert min(shares.values()) > ASKED / 3


# --- runs that fail ---------------------------------------------------------------------------------------------------


def test_a_run_without_an_answer_ends_in_an_error(runs: dict[str, Future[Any]]) -> None:
    """lmms-eval itself reports it; its own table would contain zeros."""
    run: Run = runs["all failed"].result()
    assert run.status == 1
    assert run.table == []
    assert "all 14 questions failed" in run.output
    assert "a.png is in no zip" in run.output
    assert str(run.folder / "home" / "journal") in run.output


def test_missing_data_are_named_with_the_command_that_gets_them(runs: dict[str, Future[Any]]) -> None:
    run: Run = runs["no data"].result()
    assert run.status == 1
    assert run.table == []
    for said in ("VGMED_attribute.jsonl", "about 14,000 rows", "hf download guimeng-liu/VGMED", str(run.folder)):
        assert said in run.output


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [("unknown task", 2, "--tasks vgmedd: did you mean vgmed?"), ("bad argument", 1, "k=99: allowed is an integer")],
)
def test_our_command_ends_in_an_error_where_lmms_eval_swallows_one(
    runs: dict[str, Future[Any]], name: str, status: int, said: str
) -> None:
    run: Run = runs[name].result()
    assert run.status == status, run.output
    assert said in run.output
    assert run.table == []
