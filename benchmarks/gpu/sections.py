"""Sections of the report: each is printed as soon as it is measured, and what fails or has no time left is named."""

from __future__ import annotations

import gc
import json
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import torch


class Found(NamedTuple):
    """What a section found: Markdown for people, numbers for machines."""

    text: str
    numbers: Mapping[str, Any] = MappingProxyType({})


@dataclass
class Sections:
    """The report as far as it is measured.

    Attributes:
        seconds: no section starts after this time.
        file: where all sections so far are written after each one; None for nowhere.
        done: name of each section -> its state ("measured", "failed", "left out"), its seconds, and its numbers or the reason.
    """

    seconds: float
    file: Path | None = None
    done: dict[str, dict[str, Any]] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    def until(self, share: float) -> float:
        """Value of `time.perf_counter()` when this share of the time is used up."""
        return self.started + share * self.seconds

    def run(self, name: str, measure: Callable[[], Found]) -> None:
        """Measure a section, print and keep it. An exception (out of memory, say) ends only this section."""
        started = time.perf_counter()
        if started > self.until(1):
            self._keep(name, "left out", started, f"left out: the {self.seconds / 60:g} minutes are used up")
            return
        try:
            text, numbers = measure()
        except Exception as problem:  # noqa: BLE001 - the next section has nothing to do with it
            traceback.print_exc(file=sys.stderr)
            reason = f"{type(problem).__name__}: {problem}".splitlines()[0]
            self._keep(name, "failed", started, f"failed: {reason}", {"reason": reason})
        else:
            self._keep(name, "measured", started, text, numbers)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _keep(self, name: str, state: str, started: float, text: str, numbers: Mapping[str, Any] | None = None) -> None:
        seconds = time.perf_counter() - started
        print(f"## {name}\n\n{text}\n\n({seconds:.0f} s)\n", flush=True)
        self.done[name] = {"state": state, "seconds": round(seconds, 1), **(numbers or {})}
        if self.file:
            self.file.write_text(json.dumps(self.done, indent=1) + "\n", encoding="utf-8")
