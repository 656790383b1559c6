"""The file that MMMU's evaluation server takes: id -> answer of the test split, as `tasks/mmmu_server_file.py` writes it."""

from __future__ import annotations

import json
from pathlib import Path

from lmms_vg._util.atomic_files import check_new, write_new
from lmms_vg.submission.rescoring import HIDDEN, scored
from lmms_vg.submission.validate import pairs
from lmms_vg.submission.validated import Entry

TASK = "mmmu_med_test"


def write(bundle: Path, entry: Entry, out: Path) -> None:
    """Write a new file.

    Raises:
        ValueError: `out` exists, or the bundle has no answers to the test split.
    """
    check_new(out)
    if TASK not in entry.manifest.tasks:
        present = ", ".join(entry.manifest.tasks)
        raise ValueError(
            f"{bundle}: it has {present}, but not {TASK}; run that task, and name its run in lmms-vg submit too"
        )
    items = [line[HIDDEN] for line in scored(TASK, list(pairs(bundle, TASK))).lines]
    write_new(out, json.dumps({item["id"]: item["answer"] for item in items}, indent=1) + "\n")
