"""SIGTERM while answering: the current batch is finished and the status is the signal's; a second SIGTERM ends at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import tiny
from asking import good, question
from checkpoints import load
from commands import start

from lmms_vg.host.stopping import Stopped, finishing_batches
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.asking import Asking
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.journal import Journal, Record, read_records
from lmms_vg.methods.adaptvis import AdaptVis
from lmms_vg.methods.plain import Plain
from lmms_vg.models import Family


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    folder = tiny.save(tmp_path_factory.mktemp("checkpoint"))
    return load("huatuo", folder)


def records(folder: Path) -> list[Record]:
    return list(read_records([folder / "rank0.jsonl"]))


@pytest.mark.parametrize("after", [0, 1, 2])
def test_the_batch_in_hand_is_journalled(
    family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """Six questions, two per batch; the signal comes during a batch, and the next run continues after it."""
    asked = [question(str(n), tiny.picture(1), f"Is it bright? {n}") for n in range(6)]
    run, batches = Asking.records, iter(range(9))

    def interrupted(self: Asking, *arguments: object) -> list[Record]:
        if next(batches) == after:
            os.kill(os.getpid(), signal.SIGTERM)
        return run(self, *arguments)  # type: ignore[arg-type]

    handler = signal.getsignal(signal.SIGTERM)
    answerer = Answerer(family, [MethodRun(Plain(), Journal(tmp_path))], 2)
    with monkeypatch.context() as patched:
        patched.setattr(Asking, "records", interrupted)
        with pytest.raises(Stopped) as stopped:
            list(answerer.answer(asked))
    answerer.close()
    assert stopped.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is handler
    assert "the same command again" in capfd.readouterr().err
    assert len(records(tmp_path)) == 2 * (after + 1)

    again = Answerer(family, [MethodRun(Plain(), Journal(tmp_path))], 2)
    list(again.answer(asked))
    again.close()
    assert (again.counts.from_journal, again.counts.answered) == (2 * (after + 1), 4 - 2 * after)


def test_a_joint_run_stops_between_two_methods(family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    method_runs = [MethodRun(one, Journal(tmp_path / one.name)) for one in (Plain(), AdaptVis())]
    answerer = Answerer(family, method_runs, 2)
    keep = MethodRun.keep

    def kept(self: MethodRun, batch: list[Record], *maps: Any) -> None:
        keep(self, batch, *maps)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(MethodRun, "keep", kept)
    with pytest.raises(Stopped):
        list(answerer.answer([good("a"), good("b", repeat=1)]))
    answerer.close()
    assert [len(records(tmp_path / one.method.name)) for one in method_runs] == [2, 0]


def test_elsewhere_than_in_the_main_thread_nothing_changes() -> None:
    handlers: list[object] = []

    def inside() -> None:
        with finishing_batches() as check:
            check()
            handlers.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert handlers == [before]


TWICE = """
import os, signal
from lmms_vg.host.stopping import finishing_batches
with finishing_batches() as check:
    for _ in range({times}):
        os.kill(os.getpid(), signal.SIGTERM)
    print("still here", flush=True)
    check()
"""


@pytest.mark.e2e
@pytest.mark.parametrize(("times", "status", "printed"), [(0, 0, True), (1, 143, True), (2, -signal.SIGTERM, False)])
def test_a_second_one_ends_at_once(times: int, status: int, printed: bool) -> None:
    done = subprocess.run([sys.executable, "-c", TWICE.format(times=times)], capture_output=True, text=True)
    assert (done.returncode, "still here" in done.stdout) == (status, printed)


@pytest.mark.e2e
def test_a_whole_command_ends_with_the_status_of_the_signal(tmp_path: Path) -> None:
    """It comes while questions are answered; the journal has whole answers, and no results are saved."""
    arguments = ["run", "--model", "huatuo_plain", "--model_args", "pretrained=demo", "--tasks", "vqa_demo"]
    started = start(tmp_path / "home", *arguments, "--output_path", str(tmp_path / "out"))
    journals = iter(lambda: [*tmp_path.glob("home/journal/*/rank0.jsonl")], None)
    while not any(len(path.read_text().splitlines()) > 5 for path in next(journals)):
        assert started.poll() is None, "it ended before a question was answered"
        time.sleep(0.1)
    started.send_signal(signal.SIGTERM)
    _, printed = started.communicate(timeout=120)
    assert started.returncode == 143, printed
    (path,) = next(journals)
    assert 0 < len([*read_records([path])]) < 900
    assert not [*tmp_path.glob("out/**/*_results.json")]
