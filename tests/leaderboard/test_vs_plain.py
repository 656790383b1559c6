"""A method against its plain run: which run that is, and the same numbers as when the two are compared alone."""

from __future__ import annotations

from itertools import permutations
from math import isnan, nan

import numpy as np
import pytest
from entries import entry
from saved_run import spec

from lmms_vg.leaderboard.columns import of_paper
from lmms_vg.leaderboard.vs_plain import AgainstPlain, against
from lmms_vg.metrics.statistics import holm, paired
from lmms_vg.runs.agreement import FIELDS
from lmms_vg.runs.compare import RESAMPLES
from lmms_vg.submission.validated import Entry

SETS = of_paper("1", "vgrefine")[:-1]
BEFORE = {"vqa_rad_closed": [1.0, 0.0, 1.0, 0.0], "slake_closed": [0.0, 1.0, 0.0]}
AFTER = {"vqa_rad_closed": [1.0, 1.0, 1.0, 1.0], "slake_closed": [0.0, 0.0, 1.0]}


def of(*entries: Entry) -> dict[str, AgainstPlain]:
    return against(entries, SETS)


def method(id: str = "method", **changes: object) -> Entry:
    return entry(id, **({"scores": AFTER, "method": spec("pai", alpha=0.5)} | changes))  # type: ignore[arg-type]


def plain(id: str = "plain", **changes: object) -> Entry:
    return entry(id, **({"scores": BEFORE} | changes))  # type: ignore[arg-type]


def test_by_hand() -> None:
    line = of(plain(), method())["method"]
    assert (line.plain, line.of, line.n) == (("plain", "plain"), ("VQA-RAD", "SLAKE"), 7)
    assert (line.better, line.worse) == (3, 1)
    assert line.difference.mean == pytest.approx(2 / 7)
    assert line.rule == "closed|rule:made-up|v:0"


def test_it_is_the_paired_bootstrap_of_the_pooled_questions() -> None:
    rng = np.random.default_rng(0)
    images = {task: [f"{task} {number // 4}" for number in range(80)] for task in BEFORE}
    rows = {
        id: {task: (rng.random(80) < share).astype(float).tolist() for task in BEFORE}
        for id, share in {"plain": 0.5, "good": 0.7, "bad": 0.4, "same": 0.5}.items()
    }
    made = of(
        plain(scores=rows["plain"], images=images),
        *(method(id, scores=rows[id], images=images) for id in ("good", "bad", "same")),
    )

    def flat(values: dict[str, list[float]]) -> dict[str, float]:
        return {f"{task} {number}": value for task, row in values.items() for number, value in enumerate(row)}

    where = {f"{task} {number}": image for task, row in images.items() for number, image in enumerate(row)}
    alone = {id: paired(flat(rows["plain"]), flat(rows[id]), where, resamples=RESAMPLES) for id in made}
    assert {id: line.difference for id, line in made.items()} == alone
    assert {id: line.holm for id, line in made.items()} == holm({id: one.p for id, one in alone.items()})
    assert made["good"].holm > made["good"].difference.p


def test_correction_is_over_the_lines_of_one_submitters_model() -> None:
    """All settings count; other models, other cards, oracles and controls do not."""
    one = of(plain(), method())["method"]
    assert (one.lines, one.holm) == (1, one.difference.p)
    strangers = [
        plain("other plain", weights="other"),
        method("other", weights="other"),
        *(method(f"theirs {k}", name="Theirs", method=spec("pai", alpha=k / 10)) for k in range(5)),
        *(method(name, method=spec(name)) for name in ("oracle_mask", "random_mask", "inverse_mask")),
    ]
    many = of(plain(), method(), *strangers)
    assert many["method"] == one
    assert (many["theirs 0"].lines, many["random_mask"].lines, many["other"].lines) == (5, 3, 1)
    two = of(plain(), method(), method("another", method=spec("pai", alpha=0.6)), *strangers)
    assert (two["method"].lines, two["method"].holm) == (2, min(1, 2 * one.difference.p))


@pytest.mark.parametrize("field", FIELDS)
def test_a_run_in_other_circumstances_is_no_plain_run_of_it(field: str) -> None:
    other = {"batch_size": 4, "options": {"max_pixels": 50_176}}.get(field, "other")
    assert of(plain(), method(**{field: other})) == {}


def test_what_may_differ_does() -> None:
    assert of(plain(), method(code="other", geometry="stretch", rows="question", versions={"torch": "1"})).keys() == {
        "method"
    }


def test_no_plain_run_at_all() -> None:
    assert of(method(), method("other", method=spec("vgrefine", k=1))) == {}
    assert of(plain()) == {}
    assert of() == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"questions": {"slake_closed": "other"}},
        {"rules": {"slake_closed": "other"}},
        {"scores": AFTER | {"slake_closed": [0.0, 0.0, nan]}},
        {"scores": {"vqa_rad_closed": AFTER["vqa_rad_closed"], "pmc_vqa": [1.0]}},
    ],
)
def test_only_what_both_have_is_compared(changes: dict[str, object]) -> None:
    line = of(plain(), method(**changes))["method"]
    assert (line.of, line.n) == (("VQA-RAD",), 4)
    assert (line.better, line.worse) == (2, 0)


def test_nothing_in_common_is_no_plain_run() -> None:
    assert of(plain(), method(scores={"pmc_vqa": [1.0, 0.0]})) == {}
    assert of(plain(), method(rules=dict.fromkeys(AFTER, "other"))) == {}


def test_questions_without_a_score_are_left_out() -> None:
    before, after = ({**rows, "slake_closed": [nan, *rows["slake_closed"][1:]]} for rows in (BEFORE, AFTER))
    line = of(plain(scores=before), method(scores=after))["method"]
    assert line.n == 6
    assert (line.better, line.worse) == (3, 1)
    assert line.difference.mean == pytest.approx(2 / 6)


def test_every_set_stands_beside_a_plain_run_of_its_own() -> None:
    """Two bundles count like one run."""
    parts = [plain(id, scores={task: BEFORE[task]}) for id, task in zip("ab", BEFORE, strict=True)]
    line, whole = of(*parts, method())["method"], of(plain(), method())["method"]
    assert line == whole._replace(plain=("a", "b"))
    alone = of(parts[0], method())["method"]
    assert (alone.plain, alone.of) == (("a",), ("VQA-RAD",))


def test_the_order_of_entries_does_not_matter() -> None:
    rows = [plain("b"), plain("a"), method(), method("other", scores=BEFORE)]
    made = [of(*order) for order in permutations(rows)]
    assert all(one == made[0] for one in made)


def test_a_single_image_tells_nothing() -> None:
    images = {task: ["image"] * len(row) for task, row in BEFORE.items()}
    line = of(plain(images=images), method(images=images))["method"]
    assert isnan(line.difference.low)
    assert line.holm == 1
