"""Agreement against the textbook, and by hand."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from lmms_vg.vgmed.agreement import Agreement, agreement, signature

#: Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section C: four observers, twelve units; 0 is missing.
TEXTBOOK = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
        [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
    ]
)


def by_hand(ratings: np.ndarray) -> float:
    """Ordinal alpha by its definition: observed over expected disagreement, summed pair by pair."""
    units = [[value for value in column if value] for column in ratings.T]
    units = [unit for unit in units if len(unit) > 1]
    values = [value for unit in units for value in unit]
    n_of = {level: values.count(level) for level in range(1, 6)}

    def distance(a: int, b: int) -> float:
        low, high = sorted((a, b))
        return (sum(n_of[level] for level in range(low, high + 1)) - (n_of[low] + n_of[high]) / 2) ** 2

    observed = sum(sum(distance(a, b) for a in unit for b in unit) / (len(unit) - 1) for unit in units) / len(values)
    expected = sum(distance(a, b) for a in values for b in values) / (len(values) * (len(values) - 1))
    return 1 - observed / expected


def test_the_textbook_example() -> None:
    found = agreement(TEXTBOOK)
    assert found.alpha == pytest.approx(0.815, abs=5e-4)
    assert (found.questions, found.ratings) == (11, 40)  # the last unit has one rating


def test_alpha_is_its_definition() -> None:
    rng = np.random.default_rng(3)
    ratings = np.clip(rng.integers(1, 6, 30) + rng.integers(-1, 2, (4, 30)), 0, 5)
    assert agreement(ratings).alpha == pytest.approx(by_hand(ratings))
    assert by_hand(TEXTBOOK) == pytest.approx(0.815, abs=5e-4)


def test_percent_is_of_equal_pairs() -> None:
    # Pairs: 5 5 5 -> 3 of 3; 5 5 4 -> 1 of 3; 4 3 -> 0 of 1; a single one has no pair.
    found = agreement(np.array([[5, 5, 4, 1], [5, 5, 3, 0], [5, 4, 0, 0]]))
    assert found.percent == pytest.approx(100 * 4 / 7)
    assert (found.questions, found.ratings) == (3, 8)


def test_equal_ratings_have_no_alpha() -> None:
    assert agreement(np.full((3, 10), 5)) == Agreement(None, 100.0, 10, 30)
    assert agreement(np.array([[5, 5], [5, 5], [0, 4]])).alpha is not None


def test_without_two_ratings_of_a_question_there_is_nothing() -> None:
    assert agreement(np.array([[5, 0], [0, 4]])) == Agreement(None, None, 0, 0)
    assert agreement(np.zeros((0, 0), np.int8)) == Agreement(None, None, 0, 0)


def test_raters_who_do_not_look_agree_at_the_ceiling_with_an_alpha_of_nothing() -> None:
    rng = np.random.default_rng(0)
    found = agreement(rng.choice([3, 4, 5], (2, 14_000), p=[0.0002, 0.0052, 0.9946]))  # Table R.6's margins
    assert found.percent is not None
    assert found.percent > 98.5
    assert found.alpha == pytest.approx(0, abs=0.02)


def test_other_values_are_refused_and_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="ratings from 1 to 6: allowed are 1 to 5"):
        agreement(np.array([[1, 6]]))
    assert "krippendorff:" in signature()
    monkeypatch.setitem(sys.modules, "krippendorff", None)
    with pytest.raises(ValueError, match=r"pip install 'lmms-vg\[vgmed\]'"):
        agreement(np.array([[1, 2], [2, 2]]))
