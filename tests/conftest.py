"""Marks of tests, a separate home for every test, and data that several rooms share."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
from collections.abc import Generator, Iterator
from itertools import count
from pathlib import Path
from typing import Any

# Tiny models on two shared cores: a second thread only waits for the first. Subprocesses inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
sys.path.insert(0, str(Path(__file__).parent / "helpers"))

import pytest
import warm
from chromium import chromium
from commands import command
from filelock import FileLock
from huggingface_hub import constants
from hypothesis import HealthCheck, settings

from lmms_vg.datasets import counts, source

# No test is about time: a busy machine is no failure.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

warm.own()  # with xdist, the process that starts the workers


#: Fixtures, and the mark of every test that depends on one of them, directly or through another fixture.
MARKS = {"programs": "e2e", "chrome": "browser", "shared_data": "real_data"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for fixture in MARKS.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(MARKS[fixture])
    # Files with whole runs first: behind the many short tests the last of them would run alone, with the other worker idle.
    long = {item.path for item in items if item.get_closest_marker("e2e") or item.get_closest_marker("browser")}
    # Of those that share a run, one makes it while the other worker has something else to do.
    shared = [item.path for item in items if "demo_runs" in getattr(item, "fixturenames", ())]
    items.sort(key=lambda item: (item.path not in shared[:1], item.path not in long, item.path in shared))


def pytest_collection_finish() -> None:
    warm.restore_environment()  # benchmarks silence progress bars as they are imported
    gc.set_threshold(50_000, 20, 20)  # Python's own is for small heaps: models here are tiny, and objects many


@pytest.fixture(scope="module", autouse=True)
def kept_objects() -> None:
    """What is imported, or left by earlier files, is no garbage: lmms-eval collects after every run, and would walk over it."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A test without the mark starts no program but git, which every journal calls, and what platform, numpy and torch call.

    Where there is a card, accelerate asks nvidia-smi for its driver.
    """

    def start(self: subprocess.Popen[str], args: Any, **options: Any) -> None:
        if Path(args[0]).name not in ("git", "uname", "lscpu", "ldconfig", "nvidia-smi"):
            pytest.fail(f"this test starts {args[0]}: mark it e2e, or let its fixture depend on `programs`")
        popen(self, args, **options)

    popen = subprocess.Popen.__init__
    with pytest.MonkeyPatch.context() as patch:
        if not item.get_closest_marker("e2e") and not item.get_closest_marker("browser"):
            patch.setattr(subprocess.Popen, "__init__", start)
        try:
            return (yield)
        finally:
            warm.restore_environment()  # lmms-eval sets its verbosity


@pytest.fixture(scope="session")
def programs() -> None:
    """Every fixture that starts a program depends on this one, so that its tests are marked."""


@pytest.fixture(scope="session")
def demo_runs(programs: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`out/plain`, `out/vgrefine`, `home` and `printed.txt` of one joint run of the demo model, for tests that only read it.

    All workers share it: the first makes it, and the others wait for its lock.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "demo_runs"
    with FileLock(folder.with_suffix(".lock")):
        if not folder.is_dir():
            part = folder.with_suffix(".part")
            asked = (
                "run --methods plain,vgrefine --model huatuo --model_args pretrained=demo --tasks vqa_demo,vgmed_demo "
                "--batch_size 8 --quiet"
            )
            done = command(part / "home", *asked.split(), "--output_path", str(part / "out"))
            assert done.returncode == 0, done.stdout + done.stderr
            (part / "printed.txt").write_text(done.stdout.replace(f"{part}/", ""), encoding="utf-8")
            part.rename(folder)
    return folder


@pytest.fixture(scope="module")
def chrome(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The browser of all files of this process, with a new tab for each."""
    with chromium(request.config) as started:
        yield started


@pytest.fixture(scope="module")
def few_phantoms() -> Iterator[None]:
    """The demo's tasks have fewer questions, in this process: for modules of which their number is not the point."""
    from few_phantoms import few  # late: few modules need what it imports

    with few():
        yield


_homes = count()


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the user's journal or data; the folder is made by the first that writes to it."""
    home = tmp_path_factory.getbasetemp() / "homes" / str(next(_homes))
    monkeypatch.setenv("LMMS_VG_HOME", str(home))
    monkeypatch.delenv("LMMS_VG_DATA", raising=False)
    monkeypatch.setenv("LMMS_VG_OWN", "")  # commands set it
    if known := sys.modules.get("lmms_vg.submission.question_check"):
        known.local.cache_clear()  # the benchmarks' questions in another test's data
    return home


@pytest.fixture(autouse=True)
def whole_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the counts that another test recorded for partial data: they stay in the process."""
    monkeypatch.setattr(counts, "deviations", {})


@pytest.fixture
def no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The hub is online with an empty cache and no memory of earlier calls, and a connection fails the test."""
    asked: list[Any] = []

    def connect(_: socket.socket, address: Any) -> None:
        asked.append(address)
        raise OSError("no network in this test")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, connect)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **_: connect(socket.socket(), address))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("LMMS_VG_PARTIAL_DATA", raising=False)
    for asks in (source._download, source._download_all):
        asks.cache_clear()
    yield
    for asks in (source._download, source._download_all):
        asks.cache_clear()
    assert asked == []


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty LMMS_VG_DATA."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("LMMS_VG_DATA", str(folder))
    return folder


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data: LMMS_VG_SHARED_DATA, or ../shared/data next to the checkout."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("LMMS_VG_SHARED_DATA") or default)
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is not there (LMMS_VG_SHARED_DATA names it)")
    return folder
