"""First-token values of a bundle: kept as the run has them, and refused where they cannot be what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import runs
from first_token_runs import TASK, VALUES, with_values

from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.submission.export import lmms_eval
from lmms_vg.submission.first_token_check import first_token_findings
from lmms_vg.submission.schema_lines import BundleAnswer, BundleFirstToken
from lmms_vg.submission.submit import submit
from lmms_vg.submission.validate import check
from lmms_vg.tasks.closed_sets import closed_set


def test_a_bundle_and_its_export_keep_them(tmp_path: Path) -> None:
    run = runs.save_run(tmp_path / "run", TASK, say=runs.mostly_right(0))
    path = next(tmp_path.glob("run/**/*_results.json"))
    number = with_values(path)
    assert 0 < number < 300
    bundle, out = tmp_path / "made.zip", tmp_path / "out"
    submit([run], runs.CARD, bundle)
    checked = check(bundle)
    assert checked.errors == []
    assert checked.entry is not None
    lmms_eval.write(bundle, checked.entry, out)
    original, exported = (read_run(folder).tasks[TASK].first_tokens for folder in (path, out))
    assert exported == original
    assert len(exported) == number


def finding(values: dict[str, Any] | None, *, declared: bool = False, kind: bool = True) -> list[str]:
    sample = next(one for one in runs.questions(TASK) if bool(closed_set(one.model_dump())) is kind)
    first = None if values is None else BundleFirstToken(**values)
    answer = BundleAnswer(uid=sample.uid, answer="yes", first_token=first)
    return [one.code for one in first_token_findings(TASK, [(sample, answer)], declared=declared)]


def test_what_is_refused() -> None:
    letters = {"log_p": {"A": -0.6931, "B": -1.3863}, "mass": 0.75}
    assert finding(VALUES) == finding(None) == finding({"no_value": "thinks_first"}) == []
    assert finding(letters) == ["first-token"]
    assert finding(VALUES, kind=False) == ["first-token"], "not a yes/no question"
    assert finding(VALUES, declared=True) == ["first-token"]
    assert finding(None, declared=True) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"log_p": {"yes": 0.1, "no": -1.0}, "mass": 1.0},
        {"log_p": {"yes": -1.0, "no": -1.0}, "mass": 0.2},
        {"log_p": {"yes": float("-inf"), "no": -1.0}, "mass": 0.3679},
        {"log_p": {"yes": "-1", "no": -1.0}, "mass": 0.7358},
        {"no_value": "tired"},
        {"no_value": "open_set", "margin": 1.0},
    ],
)
def test_values_that_are_none(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"log_p|mass|no_value|margin"):
        BundleFirstToken(**wrong)
