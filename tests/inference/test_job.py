"""Locks of a job: in order, one job at a time, released afterwards, and one for all ranks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import warm
from journals import free, held
from loguru import logger

from lmms_vg.host.stopping import Stopped
from lmms_vg.inference import job
from lmms_vg.inference.job import locked
from lmms_vg.journal.lock import FolderLock


def nothing() -> None:
    """A check that never stops the wait."""


@pytest.fixture
def other(programs: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    """Another job that holds the lock of the folder "b"."""
    monkeypatch.setattr(job, "PAUSE", 0.01)
    with held(tmp_path / "b") as process:
        yield process


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    heard: list[str] = []
    sink = logger.add(lambda message: heard.append(str(message)), level="WARNING", format="{message}")
    yield heard
    logger.remove(sink)


def test_a_job_waits_says_once_for_whom_and_goes_on(
    tmp_path: Path, other: subprocess.Popen[str], warnings: list[str]
) -> None:
    calls: list[int] = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 5:
            other.kill()
            other.wait()

    with locked([tmp_path / "b"], check):
        assert len(calls) >= 5
        assert free(tmp_path / "b") == [False]
    assert free(tmp_path / "b") == [True]
    (said,) = warnings
    assert f"process {other.pid} " in said
    assert str(tmp_path / "b") in said


@pytest.mark.parametrize(("ending", "status"), [(KeyboardInterrupt(), 130), (Stopped(signal.SIGTERM), 143)])
def test_waiting_can_be_ended_and_what_was_taken_is_given_back(
    tmp_path: Path, other: subprocess.Popen[str], ending: BaseException, status: int
) -> None:
    def check() -> None:
        raise ending

    with pytest.raises(Stopped) as stopped, locked([tmp_path / "a", tmp_path / "b"], check):
        pass
    assert stopped.value.code == status
    assert free(tmp_path / "a", tmp_path / "b") == [True, False]


def test_locks_are_taken_in_one_order_whatever_the_methods_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise two joint runs with the same methods in another order would wait for each other forever."""
    taken: list[str] = []
    take = FolderLock.take
    monkeypatch.setattr(FolderLock, "take", lambda self: (taken.append(self.folder.name), take(self))[1])
    for folders in ("cab", "bca", "abca"):
        with locked([tmp_path / name for name in folders], nothing):
            pass
    assert "".join(taken) == "abcabcabc"


# --- several ranks ----------------------------------------------------------------------------------------------------

#: Each rank with the folders and the local rank of each case, and a place to meet.
RANK = """
import json, os, sys
from pathlib import Path
import torch
from lmms_vg.inference import job
from lmms_vg.inference.job import exchange, gather, locked
rank = int(os.environ["RANK"])
job.CHUNK = 3
odd = ["", "a\\nb", "\\0", "\\ud800 alone", "肺", "😀" * 9999, '{"more": 1}']
for case in json.loads(sys.argv[1]):
    os.environ["LOCAL_RANK"] = case["local"][rank]
    torch.distributed.init_process_group("gloo", init_method=f"file://{case['place']}/meet", rank=rank, world_size=2)
    with locked([Path(case["place"], name) for name in case["folders"][rank]], lambda: None):
        made = gather(sorted(path.parent.name for path in Path(case["place"]).glob("*/lock")))
        print(rank, *made[0], flush=True)
        received = list(exchange([(1 - rank, (rank, i)) for i in range(rank, len(odd))], lambda name: odd[name[1]], rank))
        assert received == [((1 - rank, i), odd[i]) for i in range(1 - rank, len(odd))], received
        assert list(exchange([], str, rank)) == []
        torch.distributed.barrier()
    torch.distributed.destroy_process_group()
"""

CASES = {
    "one host: its first rank takes the locks, the other none": (("0", "1"), ("ab", "c"), ["a", "b"]),
    "two hosts that share the disk": (("0", "0"), ("ab", "ab"), ["a", "b"]),
    "two hosts with disks of their own": (("0", "0"), ("a", "b"), ["a", "b"]),
}


@pytest.mark.e2e
def test_ranks_of_a_job_share_its_locks_and_exchange_any_text(tmp_path: Path) -> None:
    """Of one job after the other."""
    places = [tmp_path / str(number) for number in range(len(CASES))]
    asked = [
        {"place": str(place), "local": local, "folders": folders}
        for place, (local, folders, _) in zip(places, CASES.values(), strict=True)
    ]
    for place in places:
        place.mkdir()
    processes = [
        subprocess.Popen(
            [warm.programs() / "python", "-c", RANK, json.dumps(asked)],
            env=os.environ | {"RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    started = time.monotonic()
    outputs = [process.communicate(timeout=200) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], (outputs, time.monotonic() - started)
    for number, (case, (_, _, locks)) in enumerate(CASES.items()):
        said = [output.splitlines()[number].split() for output, _ in outputs]
        assert said == [[str(rank), *locks] for rank in range(2)], case
    assert all(
        free(*(place / name for place, (_, _, locks) in zip(places, CASES.values(), strict=True) for name in locks))
    )
