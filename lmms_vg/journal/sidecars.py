"""The kinds of files that may lie beside a journal file."""

from __future__ import annotations

from typing import Any

from lmms_vg.journal.head_values import HEADS
from lmms_vg.journal.map_lines import MAPS
from lmms_vg.journal.sidecar import Sidecar

#: All kinds. Each belongs to its journal: it is deleted, exported and imported with it.
SIDECARS: tuple[Sidecar[Any], ...] = (MAPS, HEADS)
