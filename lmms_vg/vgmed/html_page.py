"""Pages of one file that run nothing but their own script and load nothing but images from their own folder.

The policy names script and style by their hashes. Data lie in the page as JSON, in which no `<` can end the element, and are
shown as text nodes only.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def html_page(template: str, styles: Sequence[str], scripts: Sequence[str], data: Any, **shown: Any) -> str:
    """Return a page.

    Args:
        template: name of the template.
        styles: names of the style sheets in `static/`.
        scripts: names of the scripts in `static/`, which run in this order.
        data: what scripts read, as JSON.
        shown: what the template shows; all texts are escaped.
    """
    style, script = "".join(map(_static, styles)), "".join(map(_static, scripts))
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'"
    )
    embedded = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    parts = {name: Markup(text) for name, text in (("style", style), ("script", script), ("data", embedded))}  # noqa: S704
    return _environment().get_template(template).render(policy=policy, **parts, **shown)


def _static(name: str) -> str:
    return resources.files("lmms_vg.vgmed").joinpath("static", name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("lmms_vg.vgmed"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
