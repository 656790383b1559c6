"""What a bundle's schema refuses, and what it leaves out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import runs
from pydantic import ValidationError
from saved_run import IDENTITY, spec

from lmms_vg.submission.findings import Rejected
from lmms_vg.submission.schema import Card, Manifest, Provenance
from lmms_vg.submission.schema_lines import BundleAnswer, BundleQuestion
from lmms_vg.submission.submit import submit


@pytest.mark.parametrize(
    ("model", "value"),
    [
        (Card, {"name": "", "parameters": 7.0, "trained_on": []}),
        (Card, {"name": "x", "parameters": float("nan"), "trained_on": []}),
        (Card, {"name": "x" * 201, "parameters": 7.0, "trained_on": []}),
        (Card, {"name": "x", "parameters": 7.0, "trained_on": [], "url": "http://x"}),
        (Card, {"name": "x", "parameters": 7.0, "trained_on": [], "url": 'https://x"onclick'}),
        (BundleAnswer, {"uid": "u", "answer": 1}),
        (BundleAnswer, {"uid": "u", "answer": "a", "score": float("inf")}),
        (BundleQuestion, {"uid": "u"}),
        (Manifest, {}),
    ],
)
def test_refused(model: type, value: dict) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(value)


def test_a_whole_number_is_a_size() -> None:
    assert json.loads(Card(name="x", parameters=7, trained_on=[]).model_dump_json())["parameters"] == 7.0


def test_what_is_not_used_is_not_written() -> None:
    """So readers that do not know the newer fields read all bundles that do not use them."""
    card = {"name": "x", "parameters": 7.0, "trained_on": []}
    assert "settings" not in Card.model_validate(card).model_dump()
    named = Card.model_validate(card | {"settings": {"vgrefine": {"p": 60, "layers": "34+35"}}})
    assert Card.model_validate_json(named.model_dump_json()) == named
    assert named.model_dump()["settings"] == {"vgrefine": {"p": 60, "layers": "34+35"}}
    run = Provenance.model_validate(IDENTITY | {"diagnose": False})
    assert "default_settings" not in run.model_dump()
    assert run.model_copy(update={"default_settings": False}).model_dump()["default_settings"] is False


def test_a_setting_that_the_method_does_not_have_is_refused(tmp_path: Path) -> None:
    run = runs.save_run(tmp_path / "run", "vqa_demo_hard", identity={**runs.PLAIN, "method": spec("pai", alpha=0.5)})
    named = runs.CARD.model_copy(update={"settings": {"pai": {"alpa": 0.2}, "vgrefine": {"whatever": 1}}})
    with pytest.raises(Rejected) as refused:
        submit([run], named, tmp_path / "b.zip")
    (finding,) = refused.value.findings
    assert (finding.code, finding.where) == ("schema", "card.settings.pai")
    assert "alpha" in finding.message
    named = runs.CARD.model_copy(update={"settings": {"pai": {"alpha": 0.2}}})
    made = submit([run], named, tmp_path / "b.zip").checked.entry
    assert made is not None
    assert made.manifest.card == named
