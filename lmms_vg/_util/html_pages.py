"""Parts that all pages made of Jinja templates share: escaping, data that scripts read, and the content security policy."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterable
from importlib import resources
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def templates(package: str) -> Environment:
    """Return the environment of a package's `templates/`, with `page.html`, which pages begin and end with.

    All texts are escaped, and names that are not given are errors.
    """
    return Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("lmms_vg._util")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def static_text(package: str, name: str) -> str:
    """Return a script or style sheet of a package's `static/`."""
    return resources.files(package).joinpath("static", name).read_text("utf-8")


def script_json(value: Any) -> Markup:
    """Return JSON that may stand in a script element, whatever its texts hold.

    Raises:
        ValueError: a number is not finite.
    """
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))  # noqa: S704 - escaped


def policy(scripts: Iterable[str], styles: Iterable[str], images: str) -> str:
    """Return a content security policy under which exactly these scripts and styles run, and nothing but images is loaded.

    Args:
        scripts: texts of the script elements.
        styles: texts of the style elements.
        images: where images may come from, such as `data:` or `'self'`.
    """
    run, shown = (" ".join(f"'sha256-{_sha256(text)}'" for text in texts) for texts in (scripts, styles))
    return f"default-src 'none'; img-src {images}; style-src {shown}; script-src {run}; base-uri 'none'; form-action 'none'"


def _sha256(text: str) -> str:
    return b64encode(hashlib.sha256(text.encode()).digest()).decode()
