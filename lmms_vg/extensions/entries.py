"""Entry points of the groups `lmms_vg.methods` and `lmms_vg.families`, read from metadata without importing anything.

`importlib.metadata.entry_points` parses the entry points of all installed distributions, which takes 18 ms. Every start of
lmms-eval runs this code, so it parses only files that name one of the groups.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any, Literal, NamedTuple

Kind = Literal["family", "method"]

#: Groups of entry points, and the kind each registers.
GROUPS: dict[str, Kind] = {"lmms_vg.families": "family", "lmms_vg.methods": "method"}

#: Our own distribution, as `Extension.distribution` names it.
OURS = "lmms_vg"


class Extension(NamedTuple):
    """A registered family or method.

    Attributes:
        kind: whether it is a family or a method.
        name: its registered name.
        value: where its class is defined, `module:Class`.
        distribution: the distribution, or the user's file, that registers it.
    """

    kind: Kind
    name: str
    value: str
    distribution: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} of {self.distribution}"

    def load(self) -> Any:
        """Import and return the object that `value` names; raises whatever the import raises."""
        module, _, name = self.value.partition(":")
        return getattr(import_module(module), name)


def entries() -> list[Extension]:
    """Return the entries of both groups: ours first, then by distribution and name."""
    registered = [entry for distribution, text in _files() for entry in _parsed(distribution, text)]
    return sorted(registered, key=lambda entry: (entry.distribution != OURS, entry.distribution, entry.name))


def _files() -> Iterator[tuple[str, str]]:
    """Yield distributions whose `entry_points.txt` names one of our groups, with its text; the first on the path wins."""
    seen: set[str] = set()
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in names:
            path = f"{folder or '.'}/{name}/entry_points.txt"
            if not name.endswith((".dist-info", ".egg-info")) or not os.access(path, os.R_OK):
                continue
            distribution = name.rpartition(".")[0].partition("-")[0].lower()
            try:
                with open(path, "rb", buffering=0) as file:
                    text = file.read()
            except OSError:
                continue
            if b"[lmms_vg." in text and distribution not in seen:
                seen.add(distribution)
                yield distribution, text.decode(errors="replace")


def _parsed(distribution: str, text: str) -> Iterator[Extension]:
    group = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            group = line[1:-1]
        elif group in GROUPS and "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            yield Extension(GROUPS[group], name.strip(), value.strip(), distribution)
