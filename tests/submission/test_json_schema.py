"""The published JSON Schema is that of the models and judges a bundle as they do."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import runs
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
    jsonschema.validate(made["manifest"], schema)
    for kind in ("Question", "Answer"):
        of_line = {"$ref": f"#/$defs/Bundle{kind}", "$defs": schema["$defs"]}
        for name, lines in made.items():
            if name.startswith(kind.lower()):
                jsonschema.validate(lines[0], of_line)
                with pytest.raises(jsonschema.ValidationError):
                    jsonschema.validate(lines[0] | {"more": 1}, of_line)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(made["manifest"] | {"schema_version": 3}, schema)
