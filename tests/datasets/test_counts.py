"""Counts: wrong ones raise an error, partial data accept them with a warning, and no question is always an error."""

from __future__ import annotations

import pytest

from lmms_vg.datasets import counts
from lmms_vg.datasets.counts import check_count
from lmms_vg.datasets.schema import DatasetSpec
from lmms_vg.datasets.source import DataError

SPEC = DatasetSpec(name="toy", licence="CC0", files={}, counts={"all": 3})


@pytest.mark.parametrize("found", [0, 2, 4])
def test_any_other_number_stops(data: object, found: int) -> None:
    check_count(SPEC, "all", 3)
    with pytest.raises(DataError, match=f"toy all: {found} .*3 .*LMMS_VG_PARTIAL_DATA=1"):
        check_count(SPEC, "all", found, least=0)


@pytest.mark.parametrize(("found", "least"), [(1, 1), (4, 1), (0, 0)])
def test_partial_data_are_noted(small: None, found: int, least: int) -> None:
    check_count(SPEC, "all", 3)
    assert counts.deviations == {}
    check_count(SPEC, "all", found, least)
    assert counts.deviations.keys() == {"toy all"}
    assert f"{found} questions found, 3 expected" in counts.deviations["toy all"]


def test_of_partial_data_at_least_one_question_must_be_there(small: None) -> None:
    with pytest.raises(DataError, match=r"toy all: 0 .*3.*no question"):
        check_count(SPEC, "all", 0)
    assert counts.deviations == {}
