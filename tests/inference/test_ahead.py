"""Questions are prepared in a thread while the model answers: in order, within bounds, and with the answers of a plain loop."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import tiny
import warm
from asking import GOOD, good, question
from checkpoints import load
from loguru import logger
from PIL import Image

from lmms_vg.datasets import images
from lmms_vg.host.stopping import Stopped
from lmms_vg.inference import ahead
from lmms_vg.inference.ahead import prepared_ahead
from lmms_vg.inference.answerer import AHEAD, Answerer
from lmms_vg.inference.asking import Asking
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.inference.question import Question
from lmms_vg.journal import Journal, Record, read_records
from lmms_vg.methods.plain import Plain
from lmms_vg.methods.vicrop import ViCrop
from lmms_vg.models import Family
from lmms_vg.tasks import documents
from lmms_vg.vision import kept

LONG = 30  # seconds until a test gives up


class Prepared:
    """Stands for the forms of a question; holds these bytes of images."""

    def __init__(self, asked: Question, sizes: dict[int, int]) -> None:
        self.question, self._sizes = asked, sizes

    def sizes(self) -> dict[int, int]:
        return self._sizes


class Preparing:
    """A preparation that counts: which questions, in which threads; `image` gives the image of the nth."""

    def __init__(self, image: Callable[[int], int] = lambda n: n, size: int = 0) -> None:
        self.begun: list[str] = []
        self.threads: set[threading.Thread] = set()
        self._image, self._size, self._changed = image, size, threading.Condition()

    def __call__(self, asked: Question) -> Any:
        with self._changed:
            self.threads.add(threading.current_thread())
            self.begun.append(asked.uid)
            self._changed.notify_all()
        return Prepared(asked, {self._image(int(asked.uid)): self._size})

    def wait_for(self, number: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.begun) >= number, LONG), self.begun


def numbered(count: int) -> list[Question]:
    return [good(str(number)) for number in range(count)]


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("lmms_vg_ahead")}


@pytest.fixture
def until_idle(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Wait until the thread has nothing to do: something is queued behind its work."""
    pools: list[ThreadPoolExecutor] = []

    class Pool(ThreadPoolExecutor):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            pools.append(self)

    monkeypatch.setattr(ahead, "ThreadPoolExecutor", Pool)
    return lambda: pools[0].submit(lambda: None).result(LONG)


@pytest.fixture
def heard() -> Iterator[list[str]]:
    messages: list[str] = []
    sink = logger.add(lambda message: messages.append(str(message)), level="ERROR", format="{message}")
    yield messages
    logger.remove(sink)


# --- the thread alone ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [0, 1, 5, 100])
def test_questions_come_in_their_order_from_one_other_thread(most: int) -> None:
    preparing = Preparing()
    taken = [forms.question.uid for forms in prepared_ahead(numbered(40), preparing, most)]
    assert taken == preparing.begun == [str(number) for number in range(40)]
    assert len(preparing.threads) == 1
    assert threading.current_thread() not in preparing.threads
    assert not threads()


def test_while_one_is_asked_as_many_as_allowed_are_prepared_and_no_more() -> None:
    """Whoever asks waits until they are: with a loop that prepares between two questions it would wait for ever."""
    preparing = Preparing()
    for taken, _ in enumerate(prepared_ahead(numbered(30), preparing, 4), 1):
        preparing.wait_for(min(taken + 4, 30))
        assert len(preparing.begun) <= taken + 4


def test_questions_are_read_only_as_far_ahead_as_allowed() -> None:
    read = iter(numbered(30))
    with closing(prepared_ahead(read, Preparing(), 4)) as coming:
        assert next(coming).question.uid == "0"
        assert next(read).uid == "5"


def test_images_that_wait_are_bounded_in_bytes(until_idle: Callable[[], None]) -> None:
    """Of 10 bytes each three are more than 25: with 20 there is room, with 30 there is none."""
    preparing = Preparing(size=10)
    with closing(prepared_ahead(numbered(30), preparing, 20, room=25)) as coming:
        for taken in (1, 2, 3):
            next(coming)
            preparing.wait_for(taken + 3)
            until_idle()
            assert len(preparing.begun) == taken + 3


def test_an_image_larger_than_the_bound_is_prepared_alone(until_idle: Callable[[], None]) -> None:
    preparing = Preparing(size=99)
    with closing(prepared_ahead(numbered(30), preparing, 20, room=25)) as coming:
        for taken in (1, 2, 3):
            next(coming)
            preparing.wait_for(taken + 1)
            until_idle()
            assert len(preparing.begun) == taken + 1


def test_an_image_that_questions_share_counts_once(until_idle: Callable[[], None]) -> None:
    preparing = Preparing(image=lambda n: n // 10, size=20)
    with closing(prepared_ahead(numbered(30), preparing, 29, room=35)) as coming:
        next(coming)
        preparing.wait_for(11)  # the first image, and one question about the second
        until_idle()
        assert len(preparing.begun) == 11


@pytest.mark.parametrize("count", [0, 1])
def test_a_single_question_needs_no_thread(count: int) -> None:
    preparing = Preparing()
    with closing(prepared_ahead(numbered(count), preparing, 4)) as coming:
        assert [(forms.question.uid, len(threads())) for forms in coming] == [("0", 0)] * count
    assert preparing.threads == {threading.current_thread()} if count else not preparing.threads


@pytest.mark.parametrize("end", [SystemExit(3), KeyboardInterrupt(), RuntimeError("a fault of ours")])
def test_what_ends_the_thread_ends_the_run_at_its_question(end: BaseException, heard: list[str]) -> None:
    def prepare(asked: Question) -> Any:
        if asked.uid == "3":
            raise end
        return Prepared(asked, {})

    coming = prepared_ahead(numbered(9), prepare, 4)
    assert [next(coming).question.uid for _ in range(3)] == ["0", "1", "2"]
    with pytest.raises(type(end)) as raised:
        next(coming)
    assert raised.value is end
    assert not threads()
    (said,) = heard
    assert f"t 3: {type(end).__name__} while it was prepared ends the run" in said


def test_closed_early_it_ends_after_the_question_in_hand() -> None:
    in_hand, go_on, begun = threading.Event(), threading.Event(), []

    def prepare(asked: Question) -> Any:
        begun.append(asked.uid)
        if asked.uid == "2":
            in_hand.set()
            assert go_on.wait(LONG)
        return Prepared(asked, {})

    coming = prepared_ahead(numbered(9), prepare, 8)
    next(coming)
    assert in_hand.wait(LONG)
    threading.Timer(0.05, go_on.set).start()
    coming.close()
    assert begun == ["0", "1", "2"]
    assert not threads()


ABANDONED = """
from types import SimpleNamespace
from lmms_vg.inference.ahead import prepared_ahead
coming = prepared_ahead(range(100), lambda n: SimpleNamespace(question=n, sizes=lambda: {n: 10}), 50, room=25)
kept = [coming, next(coming)]
kept.append(kept)
"""


@pytest.mark.e2e
def test_a_process_that_abandons_it_exits() -> None:
    done = subprocess.run([warm.programs() / "python", "-c", ABANDONED], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


# --- with a model -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    return load("huatuo", tiny.save(tmp_path_factory.mktemp("checkpoint")))


def answered(family: Family, folder: Path, asked: list[Question]) -> tuple[list[tuple[str, Record]], Answerer]:
    ours = Answerer(family, [MethodRun(Plain(), Journal(folder))])
    with closing(ours):
        return [(one.uid, record) for one, record in ours.answer(asked)], ours


@pytest.mark.parametrize("problem", [ValueError("torn"), MemoryError("too large")])
def test_a_broken_image_fails_alone(family: Family, tmp_path: Path, problem: Exception) -> None:
    def torn() -> Any:
        raise problem

    asked = [question(str(n), torn if n == 4 else tiny.picture(n), GOOD) for n in range(9)]
    records, ours = answered(family, tmp_path, asked)
    assert [uid for uid, _ in records] == [str(n) for n in range(9)]
    errors = {uid: record.error for uid, record in records if record.error}
    assert errors == {"4": f"{type(problem).__name__}: {problem}"}
    assert (ours.counts.asked, ours.counts.answered, ours.counts.failed) == (9, 8, 1)


def test_a_thread_that_dies_loses_no_answer_and_the_next_run_continues(
    family: Family, tmp_path: Path, heard: list[str]
) -> None:
    def ends() -> Any:
        raise SystemExit(5)

    asked = [question(str(n), tiny.picture(n), GOOD) for n in range(9)]
    broken = [question("5", ends, GOOD) if one.uid == "5" else one for one in asked]
    with pytest.raises(SystemExit) as ended:
        answered(family, tmp_path, broken)
    assert ended.value.code == 5
    assert not threads()
    assert "t 5: SystemExit while it was prepared ends the run" in heard[0]
    assert [record.uid for record in read_records([tmp_path / "rank0.jsonl"])] == ["0", "1", "2", "3", "4"]
    _, again = answered(family, tmp_path, asked)
    assert (again.counts.from_journal, again.counts.answered) == (5, 4)


@pytest.mark.parametrize("end", [Stopped, KeyboardInterrupt])
def test_stopping_ends_the_thread(
    end: type[BaseException], family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = Asking.records

    def interrupted(self: Asking, *arguments: Any) -> list[Record]:
        assert threads()
        if end is KeyboardInterrupt:
            raise end
        os.kill(os.getpid(), signal.SIGTERM)
        return asking(self, *arguments)

    monkeypatch.setattr(Asking, "records", interrupted)
    with pytest.raises(end):
        answered(family, tmp_path, [question(str(n), tiny.picture(n), GOOD) for n in range(2 * AHEAD)])
    assert not threads()
    assert len([*read_records([tmp_path / "rank0.jsonl"])]) == (end is Stopped)


@pytest.mark.slow
def test_each_image_once_for_all_questions_tasks_and_methods(
    family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three images, three questions each in two tasks, two methods: three times opened, hashed and prepared."""
    uris = [f"demo:hard/{number}" for number in (200_000, 200_001, 200_002)]
    counted: dict[str, list[Any]] = {"opened": [], "hashed": [], "prepared": []}

    def count(owner: Any, name: str, label: str) -> None:
        real = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *given: counted[label].append(given) or real(*given))

    count(images, "_open", "opened")
    count(kept, "open_picture", "hashed")
    count(family, "pixels", "prepared")

    def visual(uri: str) -> Image.Image:
        (image,) = documents.visual({"images": [uri]})
        return image

    asked = [
        question(f"{uri} {task} {n}", lambda uri=uri: visual(uri), f"Is it bright? {task} {n}")
        for uri in uris
        for task in ("a", "b")
        for n in range(3)
    ]
    methods = [Plain(), ViCrop(2)]
    method_runs = [MethodRun(one, Journal(tmp_path / one.name)) for one in methods]
    with closing(Answerer(family, method_runs[:1])) as answerer:
        assert [record.error for _, record in answerer.answer(asked)] == [None] * 18
    assert {label: len(calls) for label, calls in counted.items()} == dict.fromkeys(counted, 3)
    for calls in counted.values():
        calls.clear()
    with closing(Answerer(family, method_runs)) as answerer:
        list(answerer.answer(asked))
    assert [one.counts.answered for one in method_runs] == [18, 18]
    whole = images.phantoms.draw("hard/200000").size
    counted["prepared"] = [
        image for (image,) in counted["prepared"] if image.size == whole
    ]  # ViCrop's others are crops
    assert {label: len(calls) for label, calls in counted.items()} == dict.fromkeys(counted, 3)
