"""Which images a page may show."""

from __future__ import annotations

import pytest

from lmms_vg.datasets.licences import may_pass_on


@pytest.mark.parametrize(
    ("licence", "may"),
    [
        ("CC-BY-4.0", True),
        (" Apache-2.0 ", True),
        ("CC-BY-NC-4.0", False),
        ("see the dataset card", False),
        ("", False),
    ],
)
def test_only_what_clearly_allows_it(licence: str, may: bool) -> None:
    assert may_pass_on(licence) is may
