"""What the best method gains over its plain run, against means by hand; a look is compared at the plain run's layer."""

from __future__ import annotations

import numpy as np
import pytest
from entries import entry
from saved_run import spec
from scipy.stats import binom

from lmms_vg.leaderboard.best_gains import BestGain, best_gains, headlines
from lmms_vg.leaderboard.layer_looks import LayerLooks
from lmms_vg.leaderboard.plain_pairing import plain_runs
from lmms_vg.leaderboard.table_html import gain_class, gain_evidence, gain_text, gain_words
from lmms_vg.leaderboard.table_specs import shapes
from lmms_vg.leaderboard.tables import tables
from lmms_vg.submission.validated import Entry

TASK = "vgmed_demo"
N = 40


def gains(entries: list[Entry], looks: dict[str, LayerLooks] | None = None) -> list[BestGain]:
    specs = {spec.key: spec.measures for spec in shapes("vgrefine")}
    views = [pair for view in tables(entries, "vgrefine") for pair in headlines(view, specs[view.key])]
    read = lambda of, task: (looks or {}).get(of.id)  # noqa: E731
    return best_gains(views, entries, plain_runs(entries), read)


def test_accuracy() -> None:
    """In the demo table: 12 of 40 questions more are right, and 4 fewer."""
    before = [1.0] * 20 + [0.0] * 20
    after = [0.0] * 4 + [1.0] * 28 + [0.0] * 8
    scores = {"vqa_demo_standard": before, "vqa_demo_hard": before}
    plain = entry("plain", scores)
    better = entry("better", {"vqa_demo_standard": after, "vqa_demo_hard": before}, method=spec("pai"))
    worse = entry("worse", {"vqa_demo_standard": [0.0] * N, "vqa_demo_hard": before}, method=spec("vaf"))
    (gain,) = gains([plain, worse, better])
    assert (gain.entry.id, gain.plain, gain.column, gain.n) == ("better", "plain", "Avg.", 80)
    assert gain.difference.mean == pytest.approx(100 * 8 / 80)
    assert gain_text(gain).startswith("+10.00 points (")
    assert gain.among == 2
    assert gain.p == pytest.approx(2 * gain.difference.p)
    assert {shown: gain_class(gain._replace(better=shown)) for shown in (True, False, None)} == {
        True: "won",
        False: "lost",
        None: "",
    }


@pytest.mark.parametrize(("methods", "better"), [(1, True), (9, None)])
def test_the_best_of_many_is_partly_the_luckiest(methods: int, better: bool | None) -> None:
    """Twelve questions more and three fewer: p .035 of one method alone; the best of nine shows nothing."""
    before = [1.0] * 3 + [0.0] * 37
    after = [0.0] * 3 + [1.0] * 12 + [0.0] * 25
    runs = [entry("plain", {"vqa_demo_standard": before, "vqa_demo_hard": before})]
    names = ("pai", "vaf", "adaptvis", "scalingvis", "attention_lens", "vicrop", "vcd", "random_mask", "vgrefine")
    for number, name in enumerate(names[:methods]):
        mine = after if number == 0 else before
        runs.append(entry(name, {"vqa_demo_standard": mine, "vqa_demo_hard": before}, method=spec(name)))
    (gain,) = gains(runs)
    assert gain.entry.id == "pai"
    assert gain.difference.p == pytest.approx(2 * binom.cdf(3, 15, 0.5), abs=0.01)
    assert gain.better is better
    assert ("no difference is shown" in gain_words(gain)) is (better is None)


RIGHT = ["yes"] * 30 + ["no"] * 20


@pytest.mark.parametrize(
    ("before", "after", "words", "colour"),
    [
        (
            [*[None] * 40, *RIGHT[40:]],
            RIGHT,
            "a higher score, but the gain lives in the format of the answers alone: p < 0.0001",
            "",
        ),
        (
            ["no"] * 50,
            ["yes"] * 50,
            "a higher score, but the gain lives in the criterion as far as is shown: p < 0.0001",
            "",
        ),
        (["no", "yes"] * 25, RIGHT, "better: p < 0.0001", "won"),
        (RIGHT, [*[None] * 40, *RIGHT[40:]], "a lower score, but the loss lives in the format", ""),
    ],
)
def test_a_gain_that_is_not_of_seeing_is_not_called_better(
    before: list[str | None], after: list[str | None], words: str, colour: str
) -> None:
    """Answers to 100 questions in two tasks: the claim of the first screen says where a gain lives, and has no colour."""
    tasks = ("vqa_demo_standard", "vqa_demo_hard")
    right = ["yes"] * 40 + ["no"] * 10 if before == ["no"] * 50 else RIGHT

    def run(id: str, said: list[str | None], method: str) -> Entry:
        scores = [float(one == truth) for one, truth in zip(said, right, strict=True)]
        return entry(id, dict.fromkeys(tasks, scores), method=spec(method), read=dict.fromkeys(tasks, (said, right)))

    (gain,) = gains([run("plain", before, "plain"), run("method", after, "pai")])
    assert gain_words(gain).startswith(words)
    assert gain_class(gain) == colour
    assert bool(gain_evidence(gain)) is (not colour)


def test_of_a_weighted_mean_it_is_told_where_to_look() -> None:
    """The parts of a weighted mean have no sum, so the claim points to the tasks."""
    table = next(one for one in shapes("vgrefine") if one.key == "table2")
    tasks = {task for measure in table.measures for part in measure.ways[0] for task in part.tasks}

    def run(id: str, right: int, method: str) -> Entry:
        said = ["other"] * right + [None] * (N - right)
        read = dict.fromkeys(tasks, (said, ["other"] * N))
        scores = dict.fromkeys(tasks, [1.0] * right + [0.0] * (N - right))
        return entry(id, scores, method=spec(method), read=read)

    found = gains([run("plain", 10, "plain"), run("method", 30, "pai")])
    (gain,) = [one for one in found if one.table.key == "table2"]
    assert gain.column == "Avg."
    words = "better: p < 0.0001; what of it is format or criterion is told for each task on its page"
    assert gain_words(gain) == words


def look(id: str, best: int, kl: list[float], hidden: tuple[int, ...] = ()) -> LayerLooks:
    """Excess JS of every question: its number / 100, plus the layer's."""
    rows = np.arange(N)[:, None] / 100 + np.array(kl)
    names = tuple(f"{TASK}/{i}" for i in range(N))
    return LayerLooks(names, names, {"excess_js": rows, "excess_kl": rows}, best, hidden)


def looked(metric: str) -> list[BestGain]:
    further = {TASK: {metric: list(np.linspace(-0.2, 0.2, N))}}
    plain = entry("plain", {TASK: [1.0] * N}, further=further)
    own = {TASK: {metric: list(np.linspace(-0.3, 0.1, N))}}
    method = entry("method", {TASK: [1.2] * N}, method=spec("pai"), further=own)
    looks = {"plain": look("plain", 1, [0.0, 0.3]), "method": look("method", 0, [-9.0, 0.1], hidden=(1,))}
    specs = {spec.key: spec for spec in shapes("vgrefine")}
    (view,) = [view for view in tables([plain, method], "vgrefine") if view.key == "demo"]
    measure = next(one for one in specs["demo"].measures if one.metric == metric)
    place = [column.title for column in view.columns].index(measure.title)
    pairs = [(view._replace(ranked=place), measure)]
    return best_gains(pairs, [plain, method], plain_runs([plain, method]), lambda of, task: looks[of.id])


def test_a_look_is_compared_at_the_plain_runs_layer() -> None:
    (gain,) = looked("excess_js")
    assert gain.layer == "1"
    assert gain.difference.mean == pytest.approx(0.1 - 0.3)
    assert gain.better is True, "lower is better"


def test_kl_is_not_compared_in_a_layer_under_a_knockout() -> None:
    assert looked("excess_kl") == []


def test_nothing_without_a_plain_run() -> None:
    assert (
        gains([entry("alone", {"vqa_demo_standard": [1.0] * N, "vqa_demo_hard": [1.0] * N}, method=spec("pai"))]) == []
    )
