"""What a doctor must not do: connect. What it finds must not be this machine's."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def nobodys_machine(no_network: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LMMS_VG_KEEP_BUILTIN", "LMMS_EVAL_PLUGINS", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
