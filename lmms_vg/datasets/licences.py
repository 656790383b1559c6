"""The licences of images that allow redistribution, as in a page that shows the images."""

from __future__ import annotations

#: Anything else that a source says, such as "see the dataset card", does not clearly allow it.
OPEN = ("CC0", "CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "Apache-2.0", "MIT")


def may_pass_on(licence: str) -> bool:
    """Return whether images under this licence may be shown on a page.

    >>> may_pass_on("CC-BY-4.0"), may_pass_on("see the dataset card")
    (True, False)
    """
    return licence.strip() in OPEN
