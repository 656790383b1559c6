"""Data and policies of pages: no text ends a script, and only named scripts run."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from jinja2 import UndefinedError

from lmms_vg._util.html_pages import policy, script_json, templates


def test_json_in_a_script_cannot_end_it() -> None:
    evil = {"a": "</script><!--<script>&", "b": "é \u2028"}
    text = script_json(evil)
    assert "<" not in text
    assert "&" not in text
    assert text.isascii()
    assert json.loads(text) == evil
    with pytest.raises(ValueError, match="not JSON compliant"):
        script_json(float("nan"))


def test_a_policy_names_scripts_and_styles_by_their_hashes() -> None:
    stated = dict(part.strip().split(" ", 1) for part in policy(["run();", "é"], ["p {}"], images="'self'").split(";"))
    assert stated["default-src"] == "'none'"
    assert stated["img-src"] == "'self'"
    for name, texts in (("script-src", ["run();", "é"]), ("style-src", ["p {}"])):
        digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
        assert stated[name] == " ".join(f"'sha256-{digest}'" for digest in digests)


def test_texts_are_escaped_and_names_that_are_missing_are_errors() -> None:
    environment = templates("lmms_vg.vgmed")
    assert environment.from_string("{{ a }}").render(a="<b>") == "&lt;b&gt;"
    with pytest.raises(UndefinedError):
        environment.from_string("{{ a }}").render()
