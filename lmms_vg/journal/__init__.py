"""Append-only journal of all answers: resuming, provenance, and the channel from model to scoring.

One folder per configuration (`LMMS_VG_HOME/journal/<configuration>/`), one JSON-lines file per rank, one line per answer,
written as soon as the answer exists. A record is looked up by its content key (weights, method, prompt, image, generation
settings, code), so an answer that was given under other circumstances is never replayed.

The maps of attention of questions that are measured lie beside it, in a file per rank (`map_lines` its format, `map_file`
writes and finds them, `layer_maps` what is kept), and so do values of every head (`head_values`). Both are files of blocks
(`sidecar`, written by `sidecar_file`).

`lines` defines the file format and `store` writes and finds records, of which memory holds only the places (`places`). `lock`
keeps a second job out of a folder while another job writes there. `handover` passes answers to scoring, by way of the disk
(`spill`).
"""

from __future__ import annotations

from lmms_vg.journal.first_token import NO_VALUE, FirstToken, NoValue
from lmms_vg.journal.handover import forget, recall, remember, scoring, sign, signed, without_folders
from lmms_vg.journal.head_values import HeadValues, QuestionHeads, read_heads
from lmms_vg.journal.layer_maps import ImageAxes, LayerMaps, QuestionMap, ReferenceMap, further_key
from lmms_vg.journal.lines import JournalError, read_lines
from lmms_vg.journal.location import check_home, home
from lmms_vg.journal.record import Record, content_key
from lmms_vg.journal.store import Journal, is_journal, read_entries, read_records

__all__ = [
    "NO_VALUE",
    "FirstToken",
    "HeadValues",
    "ImageAxes",
    "Journal",
    "JournalError",
    "LayerMaps",
    "NoValue",
    "QuestionHeads",
    "QuestionMap",
    "Record",
    "ReferenceMap",
    "check_home",
    "content_key",
    "forget",
    "further_key",
    "home",
    "is_journal",
    "read_entries",
    "read_heads",
    "read_lines",
    "read_records",
    "recall",
    "remember",
    "scoring",
    "sign",
    "signed",
    "without_folders",
]
