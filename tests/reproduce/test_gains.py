"""The paper's claim, method minus plain: paired by question, with a verdict for every way that it can turn out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from saved_run import closed, failed, opened, save

from lmms_vg.metrics.statistics import holm, paired
from lmms_vg.paper.published import PublishedTable
from lmms_vg.reproduce.columns import Column
from lmms_vg.reproduce.gains import Gain, Pair, gains
from lmms_vg.reproduce.verdict_words import gain_words
from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.results import Run

PAIR = Pair("ours", "base", "Method", "Plain")
N = 600


def printed(**columns: tuple[float, float]) -> PublishedTable:
    """A table of a plain row and a method's."""
    rows = {name: [str(cells[number]) for cells in columns.values()] for number, name in enumerate(("Plain", "Method"))}
    return PublishedTable.model_validate(
        {"id": "x", "title": "", "source": "", "unit": "%", "columns": [*columns], "averages": [], "rows": rows}
    )


def saved(folder: Path, **scores: list[int]) -> Run:
    """A run with one task per list of scores; two questions per image."""
    tasks = {
        name: [closed(f"{name}{i}", score, f"{name}{i // 2}") for i, score in enumerate(row)]
        for name, row in scores.items()
    }
    return read_run(save(folder, tasks))


def better(by: int, worse: int = 0) -> tuple[list[int], list[int]]:
    """Plain and method: half are right in both; `by` are won and `worse` are lost."""
    plain = np.arange(N) % 2
    method = plain.copy()
    method[np.flatnonzero(plain == 0)[:by]] = 1
    method[np.flatnonzero(plain == 1)[::-1][:worse]] = 0  # about other images than those that are won
    return plain.tolist(), method.tolist()


@pytest.mark.parametrize(
    ("won", "lost", "paper", "code"),
    [
        (40, 10, "+5.0", "as-printed"),  # ours +5.0
        (40, 10, "+15.0", "other-size"),
        (40, 10, "-5.0", "opposite"),
        (10, 40, "+5.0", "opposite"),
        (10, 40, "-5.0", "as-printed"),
        (20, 20, "+1.0", "unclear"),
        (20, 20, "+9.0", "absent"),
        (3, 0, "+0.5", "unclear"),  # three images differ: no interval, and nothing is shown
        (0, 0, "+9.0", "absent"),  # no answer differs: Wilson's bound excludes nine points
        (0, 0, "+0.1", "unclear"),
    ],
)
def test_verdicts(tmp_path: Path, won: int, lost: int, paper: str, code: str) -> None:
    plain, method = better(won, lost)
    table = printed(A=(50.0, 50.0 + float(paper)))
    runs = {"base": saved(tmp_path / "p", a=plain), "ours": saved(tmp_path / "m", a=method)}
    (gain,) = gains(table, [Column("A", "acc", ("a",), {})], [PAIR], runs)
    assert (gain.code, gain.n, float(gain.printed or 0)) == (code, N, float(paper))
    assert gain.ours is not None
    assert gain.ours.mean == pytest.approx((won - lost) / N)
    assert gain_words(gain) not in ("", "-")


def test_it_is_the_paired_test_corrected_over_the_columns(tmp_path: Path) -> None:
    (first, second), (third, fourth) = better(30, 12), better(16, 9)
    runs = {"base": saved(tmp_path / "p", a=first, b=third), "ours": saved(tmp_path / "m", a=second, b=fourth)}
    columns = [
        Column("A", "acc", ("a",), {}),
        Column("B", "acc", ("b",), {}),
        Column("Pooled", "acc", ("a", "b"), {}),
        Column("Weighted", "acc", ("a", "b"), {"a": 3, "b": 1}),
    ]
    table = printed(A=(50.0, 53.0), B=(50.0, 51.0), Pooled=(50.0, 52.0), Weighted=(50.0, 52.5))
    found = {gain.column.name: gain for gain in gains(table, columns, [PAIR], runs)}

    def both(run: str) -> dict[str, float]:
        return runs[run].tasks["a"].scores | runs[run].tasks["b"].scores

    images = runs["base"].tasks["a"].images | runs["base"].tasks["b"].images
    parts = {uid: uid[0] for uid in images}
    alone = {
        "A": paired(runs["base"].tasks["a"].scores, runs["ours"].tasks["a"].scores, images, resamples=10_000),
        "B": paired(runs["base"].tasks["b"].scores, runs["ours"].tasks["b"].scores, images, resamples=10_000),
        "Pooled": paired(both("base"), both("ours"), images, resamples=10_000),
        "Weighted": paired(
            both("base"), both("ours"), images, parts=parts, weights={"a": 3, "b": 1}, resamples=10_000, family=4
        ),
    }
    assert found["Weighted"].ours is not None
    assert found["Weighted"].ours.mean == pytest.approx((3 * 18 / N + 7 / N) / 4)
    assert {name: (gain.ours and gain.ours.p) for name, gain in found.items()} == {
        name: pytest.approx(one.p) for name, one in alone.items()
    }
    assert {name: gain.holm for name, gain in found.items()} == pytest.approx(
        holm({name: one.p for name, one in alone.items()})
    )
    for name in ("A", "B", "Weighted"):
        assert [*(found[name].ours or ())] == pytest.approx([*alone[name]])


def test_questions_that_failed_in_one_run_are_in_no_difference(tmp_path: Path) -> None:
    plain, method = better(40, 10)
    lines = [closed(f"a{i}", score, f"a{i // 2}") for i, score in enumerate(method)]
    lines[0] = failed("a0")
    runs = {"base": saved(tmp_path / "p", a=plain), "ours": read_run(save(tmp_path / "m", {"a": lines}))}
    (gain,) = gains(printed(A=(50.0, 55.0)), [Column("A", "acc", ("a",), {})], [PAIR], runs)
    assert gain.n == N - 1
    assert gain.ours is not None
    assert gain.ours.mean == pytest.approx(29 / (N - 1)), "the first of the won ones had failed"


def test_open_questions_are_paired_too(tmp_path: Path) -> None:
    lines = {
        name: [opened(f"c{i}", (i + shift) % 4 / 3, f"z{i // 2}") for i in range(40)]
        for name, shift in (("p", 0), ("m", 1))
    }
    runs = {row: read_run(save(tmp_path / name, {"c": lines[name]})) for row, name in (("base", "p"), ("ours", "m"))}
    columns = [Column("BLEU", "bleu1", ("c",), {}), Column("Recall", "open_recall", ("c",), {})]
    bleu, recall = gains(printed(BLEU=(1.0, 2.0), Recall=(1.0, 2.0)), columns, [PAIR], runs)
    assert bleu.n == recall.n == 40
    assert bleu.ours is not None
    assert recall.ours is not None
    assert bleu.ours.mean == pytest.approx(recall.ours.mean / 2, abs=1e-12)


def test_without_a_run_or_a_printed_number_there_is_nothing(tmp_path: Path) -> None:
    plain, method = better(40, 10)
    runs: dict[str, Run | None] = {"base": saved(tmp_path / "p", a=plain), "ours": None}
    columns = [Column("A", "acc", ("a",), {}), Column("B", "acc", ("b",), {})]
    table = printed(A=(50.0, 55.0), B=(1.0, 2.0))

    def shown(found: list[Gain]) -> list[tuple[str, bool]]:
        return [(gain.code, gain.ours is None) for gain in found]

    assert shown(gains(table, columns, [PAIR], runs)) == [("nothing", True)] * 2
    runs["ours"] = saved(tmp_path / "m", a=method)
    assert shown(gains(table, columns, [PAIR], runs)) == [("as-printed", False), ("nothing", True)]


def test_a_printed_number_at_odds_with_its_own_paper_claims_nothing(tmp_path: Path) -> None:
    from lmms_vg.paper.published import table

    plain, method = better(40, 10)
    runs = {"base": saved(tmp_path / "p", a=plain), "ours": saved(tmp_path / "m", a=method)}
    pair = Pair("ours", "base", "VGRefine (Ours)", "HuatuoGPT-V-7B (Baseline)")
    (gain,) = gains(table("F.4"), [Column("Avg.", "acc", ("a",), {})], [pair], runs)
    assert gain.code == "inconsistent", "65.3 is not the average of the baseline's cells"
