"""Work in several processes: results in order, few values ahead, and processes that the system ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from multiprocessing import active_children

import pytest

from lmms_vg._util.processes import in_order


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_values(processes: int) -> None:
    assert list(in_order(partial(pow, 3), range(50), processes)) == [3**value for value in range(50)]
    assert active_children() == []


def test_work_is_done_elsewhere() -> None:
    assert f"{os.getpid()}" not in set(in_order(os.readlink, ["/proc/self"] * 8, 2))


@pytest.mark.parametrize(("processes", "ahead"), [(1, 1), (2, 8)])
def test_few_values_are_handed_out_before_they_are_needed(processes: int, ahead: int) -> None:
    handed: list[int] = []

    def values() -> Iterator[int]:
        for value in range(1000):
            handed.append(value)
            yield value

    results = in_order(abs, values(), processes)
    assert [next(results) for _ in range(10)] == list(range(10))
    assert len(handed) == 9 + ahead
    results.close()
    assert len(handed) == 9 + ahead
    assert active_children() == []


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_of_the_work_is_raised(processes: int) -> None:
    results = in_order(partial(divmod, 1), [1, 2, 0, 4], processes)
    assert [next(results), next(results)] == [(1, 0), (0, 1)]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert active_children() == []


def test_a_process_that_the_system_ends_is_no_silence() -> None:
    with pytest.raises(ChildProcessError, match="memory is short; run the command again"):
        list(in_order(os._exit, [1] * 3, 2))
    assert active_children() == []
