"""Scores by hand, intervals against scipy, and votes that do not fit the key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from blind_keys import key
from scipy import stats

from lmms_vg.metrics.statistics import two_way_interval
from lmms_vg.vgmed.blind_key import BlindKey
from lmms_vg.vgmed.blind_score import _paper_layouts, independent, paper_under, preferences, score_lines
from lmms_vg.vgmed.blind_votes import TIE, Unblinded, read_votes


def vote(rater: str, case: str, arm: str | None, place: int | None = 0) -> Unblinded:
    return Unblinded(rater, case, arm, place, "")


VOTES = [
    *(vote("r1", case, "method") for case in "abc"),
    *(vote("r2", case, arm) for case, arm in (("a", "method"), ("b", "plain"), ("c", None))),
    *(vote("r3", case, arm) for case, arm in (("a", "plain"), ("b", "plain"), ("c", None))),
]


def test_shares_ties_and_majorities_by_hand() -> None:
    plain, method = preferences(VOTES, ["plain", "method"])
    assert (plain.share, method.share) == (pytest.approx((3 + 1) / 9), pytest.approx((4 + 1) / 9))
    assert (plain.votes, method.votes) == (3, 4)
    assert (plain.majorities, method.majorities) == (1, 2)  # b plain; a and c method
    scores = [1, 1, 1, 1, 0, 0.5, 0, 0, 0.5]
    expected = two_way_interval(scores, [one.case for one in VOTES], [one.rater for one in VOTES])
    assert method.interval == expected


def test_of_three_arms_a_tie_is_a_third_each() -> None:
    found = preferences([vote("r", "a", None, None), vote("r", "b", "cut")], ["plain", "method", "cut"])
    assert [one.share for one in found] == pytest.approx([1 / 6, 1 / 6, 4 / 6])


def test_a_case_without_most_votes_has_no_majority() -> None:
    found = preferences([vote("r", "a", "plain"), vote("s", "a", "method")], ["plain", "method"])
    assert [one.majorities for one in found] == [0, 0]


def test_the_exact_interval_of_76_of_100() -> None:
    low, high = independent(76, 100)
    assert (round(low, 3), round(high, 3)) == (0.664, 0.840)
    assert low == pytest.approx(stats.beta.ppf(0.025, 76, 25))
    assert high == pytest.approx(stats.beta.ppf(0.975, 77, 24))


def test_the_papers_votes_are_76_however_they_lie() -> None:
    even, uneven = _paper_layouts()
    assert (sum(even), len(even), {*even}) == (76, 20, {3, 4})
    assert (sum(uneven), len(uneven), uneven.count(5), uneven.count(0)) == (76, 20, 15, 4)
    (_, alone), (_, spread), (_, agreed) = paper_under()
    assert alone == independent(76, 100)
    assert agreed.high - agreed.low > 1.5 * (alone.high - alone.low), "20 cases and not 100 votes"
    assert all(low < 0.76 < high for low, high in (alone, spread, agreed))


def test_no_votes_are_no_result() -> None:
    with pytest.raises(ValueError, match="no votes"):
        preferences([], ["plain", "method"])


def file(path: Path, made: BlindKey, **changes: Any) -> Path:
    case = made.case("a")
    order = [made.picture("a", arm) for arm in ("method", "plain")]
    votes = [{"case": case, "choice": order[1], "order": order, "comment": "less noise"}]
    content = {"format": "lmms-vg votes 1", "study": made.study, "rater": "Ann", "votes": votes}
    votes[0] |= changes.pop("vote", {})
    path.write_text(json.dumps(content | changes))
    return path


def test_votes_are_read_with_the_key(tmp_path: Path) -> None:
    (found,) = read_votes([file(tmp_path / "v.json", key())], key())
    assert found == Unblinded("Ann", "a", "plain", 1, "less noise [method, plain]")
    (tied,) = read_votes([file(tmp_path / "t.json", key(), vote={"choice": TIE, "comment": ""})], key())
    assert tied == Unblinded("Ann", "a", None, None, "")
    text = "\n".join(score_lines([found], key()))
    assert "1 votes of 1 raters on 1 of 2 cases (0 ties), task t, layer 2" in text
    assert "| plain | p | 100.0 |" in text
    assert "One rater" in text
    assert "- Ann, a, chose plain: less noise [method, plain]" in text
    assert "66.4 to 84.0" in text


def test_the_key_of_another_study_and_ids_that_are_not_in_it_are_refused(tmp_path: Path) -> None:
    path = file(tmp_path / "v.json", key())
    with pytest.raises(ValueError, match="give its own key"):
        read_votes([path], key(secret="0c" * 32))
    for changes, reason in (
        ({"vote": {"choice": "x"}}, "choice 'x'"),
        ({"vote": {"case": "x"}}, "case 'x' is not in the study"),
        ({"vote": {"order": []}}, "allowed are"),
        ({"format": "lmms-vg ratings 1"}, "format"),
    ):
        with pytest.raises(ValueError, match=reason):
            read_votes([file(tmp_path / "w.json", key(), **changes)], key())


def test_a_rater_votes_once_on_a_case(tmp_path: Path) -> None:
    first, same = file(tmp_path / "1.json", key()), file(tmp_path / "2.json", key())
    assert len(read_votes([first, same], key())) == 1
    other = file(tmp_path / "3.json", key(), vote={"choice": TIE})
    with pytest.raises(ValueError, match="voted differently on this case in another file"):
        read_votes([first, other], key())
