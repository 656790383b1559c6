"""Pages of one file that run nothing but their own script and load nothing but images from their own folder.

Data lie in the page as JSON and are shown as text nodes only.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from lmms_vg._util.html_pages import policy, script_json, static_text, templates

_PACKAGE = "lmms_vg.vgmed"


def html_page(template: str, styles: Sequence[str], scripts: Sequence[str], data: Any, **shown: Any) -> str:
    """Return a page.

    Args:
        template: name of the template.
        styles: names of the style sheets in `static/`.
        scripts: names of the scripts in `static/`, which run in this order.
        data: what scripts read, as JSON.
        shown: what the template shows; all texts are escaped.
    """
    style, script = ("".join(static_text(_PACKAGE, name) for name in names) for names in (styles, scripts))
    return (
        _environment()
        .get_template(template)
        .render(
            policy=policy([script], [style], images="'self'"),
            style=Markup(style),  # noqa: S704 - our own files
            script=Markup(script),  # noqa: S704 - our own files
            data=script_json(data),
            **shown,
        )
    )


@cache
def _environment() -> Environment:
    return templates(_PACKAGE)
