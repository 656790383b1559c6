"""The time zone of this machine under the name that lmms-eval's `--timezone` takes; its default is Singapore's."""

from __future__ import annotations

import os
import time
from pathlib import Path

_LINK = Path("/etc/localtime")


def local_zone() -> str:
    """Return the zone of `TZ`, else of the system; a zone without a name is that of its hours from Greenwich."""
    from zoneinfo import available_timezones  # late: `--help` needs no time

    linked = str(_LINK.resolve()).partition("zoneinfo/")[2]
    named = (name for name in (os.environ.get("TZ", "").lstrip(":"), linked) if name in available_timezones())
    hours = round(time.localtime().tm_gmtoff / 3600)
    return next(named, f"Etc/GMT{-hours:+d}" if hours else "UTC")  # Etc/GMT-8 is eight hours east
