"""The codes of failures: each has a meaning and one exception that carries it; what nobody foresaw is the model's."""

from __future__ import annotations

from typing import get_args

import pytest

from lmms_vg._util.error_codes import ERROR_CODES, UNMEASURED, CodedError, ErrorCode, code_of
from lmms_vg.datasets.source import DataMissing


def test_every_code_has_a_meaning_and_a_class() -> None:
    assert set(ERROR_CODES) == set(get_args(ErrorCode))
    own = [cls.code for cls in CodedError.__subclasses__() if cls.__module__ == CodedError.__module__]
    assert sorted([*own, "model"]) == sorted(ERROR_CODES)
    assert set(ERROR_CODES) > UNMEASURED


@pytest.mark.parametrize(
    ("problem", "code"),
    [(DataMissing("a.png"), "image"), (ValueError("boxes"), "model"), (MemoryError(), "model")],
)
def test_code_of(problem: Exception, code: str) -> None:
    assert code_of(problem) == code
