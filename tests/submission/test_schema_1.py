"""A bundle of schema 1, written by an old version, is read by its old rules and gives the old verdicts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tampered import Parts, put_together

from lmms_vg.submission import schema_1
from lmms_vg.submission.archive import Bundle
from lmms_vg.submission.export.arguments import model_args, model_of
from lmms_vg.submission.schema import SCHEMA_VERSION
from lmms_vg.submission.schema_lines import BundleAnswer
from lmms_vg.submission.validate import check, pairs

STORED = Path(__file__).parent / "data" / "bundle_schema_1.json"
LOOKED, PHARMACY = "vgmed_localization", "mmmu_med_pharmacy"


def bundle(folder: Path, how: Callable[[Parts], object] = lambda made: None) -> Path:
    made = json.loads(STORED.read_text(encoding="utf-8"))
    how(made)
    return put_together(folder / "b.zip", made)


@pytest.fixture(autouse=True)
def _no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LMMS_VG_DATA", raising=False)


def test_it_is_what_was_written(tmp_path: Path) -> None:
    """The digests are those of the stored manifest."""
    stated = json.loads(STORED.read_text(encoding="utf-8"))["manifest"]
    assert stated["schema_version"] == 1
    with Bundle(bundle(tmp_path)) as opened:
        for task, one in opened.manifest().tasks.items():
            assert one.answers == stated["tasks"][task]["answers"]
            assert hashlib.sha256(opened._archive.read(f"answers/{task}.jsonl")).hexdigest() == one.answers


def test_findings_and_scores_are_those_of_that_version(tmp_path: Path) -> None:
    checked = check(bundle(tmp_path))
    assert [(one.code, one.where) for one in checked.findings] == [
        ("unverified-questions", PHARMACY),
        ("unmeasured", LOOKED),
        ("unverified-questions", LOOKED),
        ("unverified-alignment", LOOKED),
    ]
    assert "6 of 8 questions" in checked.findings[1].message
    assert checked.entry is not None
    looked, scored = checked.entry.scores[LOOKED], checked.entry.scores[PHARMACY]
    assert looked.values[:2].tolist() == [0.8170952393408284, 0.4596980612574445]
    assert scored.values[1:].tolist() == [float(number % 2 == 0) for number in range(1, 30)]
    assert (checked.entry.manifest.tasks[LOOKED].n, checked.entry.manifest.tasks[PHARMACY].n) == (2, 29)


def test_it_becomes_one_of_today(tmp_path: Path) -> None:
    path = bundle(tmp_path)
    entry = check(path).entry
    assert entry is not None
    assert (entry.manifest.schema_version, entry.method) == (SCHEMA_VERSION, "attention_lens")
    assert [entry.manifest.tasks[task].protocol for task in (LOOKED, PHARMACY)] == [None, entry.manifest.protocol]
    assert model_of(entry.manifest.run) == "huatuo_attention_lens"
    assert model_args(entry.manifest.run) == "pretrained=demo,alpha=0.5,start=5,end=19"
    codes = [answer.error_code for _, answer in pairs(path, LOOKED)]
    assert codes == [None, None, "unmeasurable", "bad_box", "no_boxes", "bad_box", "bad_box", "unmeasurable"]
    assert [answer.error_code for _, answer in pairs(path, PHARMACY)] == ["question"] + [None] * 29


def say(task: str, number: int, **changes: Any) -> Callable[[Parts], object]:
    return lambda made: made[f"answers/{task}.jsonl"][number].update(changes)


FORGED: dict[str, tuple[Callable[[Parts], object], set[str]]] = {
    "a verdict": (say(PHARMACY, 1, score=1), {"verdict"}),
    "an error made up": (say(PHARMACY, 1, error="could not be scored", score=None, extracted=None), {"verdict"}),
    "a failure": (say(LOOKED, 2, error="OutOfMemoryError: CUDA"), {"failed"}),
    "a code, which came later": (say(LOOKED, 0, error_code="bad_box"), {"schema"}),
    "an error that is no text": (say(LOOKED, 2, error=7), {"schema"}),
    "a method that is no call": (lambda made: made["manifest"]["run"].update(method="Plain"), {"schema"}),
    "a typed method": (
        lambda made: made["manifest"]["run"].update(method={"name": "plain", "hyper_parameters": {}}),
        {"schema"},
    ),
    "a path in a method": (
        lambda made: made["manifest"]["run"].update(method="Mine(x=open('/home/alice/x'))"),
        {"private"},
    ),
    "no run": (lambda made: made["manifest"].pop("run"), {"schema"}),
}


@pytest.mark.parametrize("what", FORGED)
def test_forged(tmp_path: Path, what: str) -> None:
    how, expected = FORGED[what]
    assert {one.code for one in check(bundle(tmp_path, how)).errors} == expected


@pytest.mark.parametrize(
    ("text", "name", "hyper_parameters"),
    [
        ("Plain()", "plain", {}),
        ("VGRefine(heads=((1, 0), (2, 1)), layers=(1,), k=2, p=50.0, mask='pre')", "vgrefine", None),
        ("RandomMask(k=1)", "random_mask", {"k": 1}),
        ("Sharpen(weight=1.2)", "sharpen", {"weight": 1.2}),
        ("Mine(x=open)", "mine", {"repr": "Mine(x=open)"}),
        ("Mine(**{})", "mine", {"repr": "Mine(**{})"}),
        ("Mine(x={1: 2})", "mine", {"repr": "Mine(x={1: 2})"}),
        ("Mine())", "mine", {"repr": "Mine())"}),
        (f"Mine({'(' * 5000})", "mine", {"repr": f"Mine({'(' * 5000})"[:2000]}),
    ],
)
def test_method(text: str, name: str, hyper_parameters: dict[str, Any] | None) -> None:
    heads = {"heads": [[1, 0], [2, 1]], "layers": [1], "k": 2, "p": 50.0, "mask": "pre"}
    upgraded = schema_1.manifest({"run": {"method": text}})["run"]["method"]
    assert upgraded == {"name": name, "hyper_parameters": heads if hyper_parameters is None else hyper_parameters}


@pytest.mark.parametrize("value", [None, [], {"uid": "u"}, {"uid": "u", "error": None}])
def test_an_answer_without_an_error_stays_as_it_is(value: Any) -> None:
    assert schema_1.answer(value) == value


def test_another_schema_is_refused_by_number(tmp_path: Path) -> None:
    (finding,) = check(bundle(tmp_path, lambda made: made["manifest"].update(schema_version=3))).errors
    assert finding.code == "schema-version"
    assert all(said in finding.message for said in ("is 3;", "reads 1 and 2", "update lmms_vg", "lmms-vg submit"))


def test_codes_are_of_today() -> None:
    for code in schema_1._CODES.values():
        assert BundleAnswer(uid="u", answer="", error="e", error_code=code).error_code == code
