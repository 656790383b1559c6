"""Append-only record of every answered question: resume, provenance, and the channel from model to scoring.

One folder per configuration (`LMMS_VG_HOME/journal/<configuration>/`), one JSON-lines file per rank, one line per answer,
flushed as soon as the answer exists. A record is found again by its *content key* (weights, method, prompt, image,
generation settings, code), so an answer that was given under any other circumstances is never replayed.

`lines` is the format of a file, `store` what is kept and found again, `lock` keeps a second job out of a folder while a
first one writes there, and `handover` brings answers to scoring.
"""

from lmms_vg.journal.handover import forget, recall, remember, scoring, sign, signed, without_folders
from lmms_vg.journal.lines import JournalError, read_lines
from lmms_vg.journal.record import Record, content_key
from lmms_vg.journal.store import Journal, check_home, home, is_journal, read_entries, read_records

__all__ = [
    "Journal",
    "JournalError",
    "Record",
    "check_home",
    "content_key",
    "forget",
    "home",
    "is_journal",
    "read_entries",
    "read_lines",
    "read_records",
    "recall",
    "remember",
    "scoring",
    "sign",
    "signed",
    "without_folders",
]
