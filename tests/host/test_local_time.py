"""The local zone has a name that lmms-eval's `--timezone` takes, and shows the time of this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from lmms_eval.utils import get_datetime_str

from lmms_vg.host import local_time


@pytest.fixture(autouse=True)
def zone_again() -> Iterator[None]:
    yield
    time.tzset()


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "Europe/Berlin", "UTC", "XYZ-8", "XYZ+5"])
def test_stamps_are_local(zone: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The last two have no entry among the zones: eight hours east and five west."""
    monkeypatch.setattr(local_time, "_LINK", tmp_path / "none")
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    stamp = datetime.strptime(get_datetime_str(local_time.local_zone()), "%Y%m%d_%H%M%S")
    assert abs((datetime.now() - stamp).total_seconds()) < 1800


def test_the_link_of_the_system_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    zone = tmp_path / "zoneinfo" / "America" / "Lima"
    zone.parent.mkdir(parents=True)
    zone.touch()
    (tmp_path / "localtime").symlink_to(zone)
    monkeypatch.setattr(local_time, "_LINK", tmp_path / "localtime")
    monkeypatch.delenv("TZ", raising=False)
    assert local_time.local_zone() == "America/Lima"
