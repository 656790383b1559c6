"""The JSON Schema of a bundle, as docs/bundle.schema.json has it."""

from __future__ import annotations

from typing import Any

from lmms_vg.submission.schema import Manifest
from lmms_vg.submission.schema_lines import BundleAnswer, BundleQuestion


def json_schema() -> dict[str, Any]:
    """Return the manifest's JSON Schema; `$defs` holds those of a question's and an answer's line."""
    schema = Manifest.model_json_schema()
    for model in (BundleQuestion, BundleAnswer):
        part = model.model_json_schema()
        schema["$defs"] |= part.pop("$defs", {}) | {model.__name__: part}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema
