"""The published JSON Schema is that of the models and judges a bundle as they do."""

from __future__ import annotations

from pathlib import Path

import pytest
import runs
from jsonschema import Draft202012Validator
from tampered import parts

from lmms_vg.cli.main import main
from lmms_vg.submission.json_schema import json_schema
from lmms_vg.submission.submit import submit

FILE = Path(__file__).parents[2] / "docs" / "bundle.schema.json"


def test_the_file_in_docs_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--schema"]) == 0
    assert FILE.read_text(encoding="utf-8") == capsys.readouterr().out, (
        "lmms-vg validate --schema > docs/bundle.schema.json"
    )


def test_a_bundle_fits_it_and_a_changed_one_does_not(tmp_path: Path) -> None:
    submit([runs.save_run(tmp_path / "run", "vqa_demo_hard", "vgmed_demo")], runs.CARD, tmp_path / "b.zip")
    made, schema = parts(tmp_path / "b.zip"), json_schema()
    Draft202012Validator.check_schema(schema)
    manifest = Draft202012Validator(schema)
    manifest.validate(made["manifest"])
    assert not manifest.is_valid(made["manifest"] | {"schema_version": 3})
    for kind in ("Question", "Answer"):
        line = Draft202012Validator({"$ref": f"#/$defs/Bundle{kind}", "$defs": schema["$defs"]})
        members = [lines for name, lines in made.items() if name.startswith(kind.lower())]
        assert len(members) == 2
        for first, *_ in members:
            line.validate(first)
            assert not line.is_valid(first | {"more": 1})
