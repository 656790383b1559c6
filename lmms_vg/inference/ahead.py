"""The next questions are prepared in a thread while the model answers the present one.

One thread hides all preparation that takes less time than answering, and keeps the rest simple: one image is opened at a time,
questions about it share it (`vision.kept`), and no task's code runs in two threads. Only a method that asks in another form
calls `Family.prompt` beside this thread.

The thread never waits for room: its work ends, and the main thread starts it again. So it stops by itself when nobody takes the
questions, and a process that exits never waits for it in vain.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice
from threading import Condition

from loguru import logger

from lmms_vg.attention.stages import stage
from lmms_vg.inference.pending import Forms
from lmms_vg.inference.question import Question
from lmms_vg.vision.images import MAX_BYTES

#: No further question is prepared while the images of those that wait hold this many bytes.
ROOM = MAX_BYTES


def prepared_ahead(
    questions: Iterable[Question], prepare: Callable[[Question], Forms], most: int, room: int = ROOM
) -> Generator[Forms, None, None]:
    """Yield all questions, prepared, in their order, while a thread prepares the next ones.

    Besides what the caller holds, memory takes the images of the prepared questions, which are at most `room` bytes and those
    of one question more, the images of the question that was prepared last, and the image that is being opened (at most
    `vision.images.MAX_BYTES`). A single question starts no thread. Closing the iterator ends the thread, after the question
    in hand.

    Args:
        questions: the questions. They are read, not prepared, up to `most` ahead.
        prepare: prepares one question; called in the thread.
        most: number of questions that may wait, prepared or not, while the caller has the one before them.
        room: bytes of images, RGB and prepared, from which on no further question is prepared.

    Raises:
        BaseException: `prepare` raised it; the questions before have been yielded.
    """
    coming = iter(questions)
    first = [*islice(coming, 2)]
    if len(first) < 2:
        yield from map(prepare, first)
        return
    with _Thread(prepare, room) as thread:
        for question in chain(first, coming):
            thread.add(question)
            if len(thread) > most:
                yield thread.take()
        while len(thread):
            yield thread.take()


class _Thread:
    """Prepares the questions that are added, and hands them out in the same order."""

    def __init__(self, prepare: Callable[[Question], Forms], room: int) -> None:
        self._prepare, self._room = prepare, room
        self._pool = ThreadPoolExecutor(1, "lmms_vg_ahead")
        self._waiting = 0
        self._changed = Condition()  # held wherever one of the following is read or changed
        self._added: deque[Question] = deque()
        self._ready: deque[tuple[Question, Forms | BaseException]] = deque()
        self._works = self._closed = False

    def __enter__(self) -> _Thread:
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._closed = True
        self._pool.shutdown(cancel_futures=True)

    def __len__(self) -> int:
        return self._waiting

    def add(self, question: Question) -> None:
        with self._changed:
            self._waiting += 1
            self._added.append(question)
            self._go_on()

    def take(self) -> Forms:
        with stage("images"), self._changed:
            self._changed.wait_for(lambda: self._ready)  # without a ready one there is room, so the thread works
            question, result = self._ready.popleft()
            self._waiting -= 1
            self._go_on()
        if isinstance(result, BaseException):
            logger.error(
                f"{question.task} {question.uid}: {type(result).__name__} while it was prepared ends the run; answers are in "
                "the journal: run the same command again"
            )
            raise result
        return result

    def _go_on(self) -> None:
        if not self._works and self._has_work():
            self._works = True
            self._pool.submit(self._work)

    def _has_work(self) -> bool:
        return bool(self._added) and not self._closed and self._held() < self._room

    def _held(self) -> int:
        """Bytes of all images that wait; what several questions share counts once."""
        sizes: dict[int, int] = {}
        for _, forms in self._ready:
            sizes |= {} if isinstance(forms, BaseException) else forms.sizes()
        return sum(sizes.values())

    def _work(self) -> None:
        while (question := self._next()) is not None:
            result: Forms | BaseException
            try:
                result = self._prepare(question)
            except BaseException as problem:  # noqa: BLE001 - raised by `take`
                result = problem
            with self._changed:
                self._ready.append((question, result))
                self._changed.notify()

    def _next(self) -> Question | None:
        with self._changed:
            self._works = self._has_work()
            return self._added.popleft() if self._works else None
