"""The doctor must not connect to a network, and its findings must not depend on this machine."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def nobodys_machine(no_network: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LMMS_VG_KEEP_BUILTIN", "LMMS_EVAL_PLUGINS", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
