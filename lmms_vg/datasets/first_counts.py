"""Numbers of questions that nobody has published: recorded when a data set is first read here, and held to afterwards.

They are in `LMMS_VG_HOME/counts`, one small file per part of a data set.
"""

from __future__ import annotations

from lmms_vg import journal
from lmms_vg._util.atomic_files import replace_file
from lmms_vg.datasets.counts import partial_allowed
from lmms_vg.datasets.schema import DatasetSpec
from lmms_vg.datasets.source import DataError


def hold(spec: DatasetSpec, part: str, count: int) -> None:
    """Record a number of questions, or compare it with the recorded one.

    Nothing is recorded or compared where partial data are allowed.

    Raises:
        DataError: the numbers differ; the message has both and the file to remove if the new one is right.
        OSError: the number cannot be recorded.
    """
    if partial_allowed():
        return
    path = journal.home() / "counts" / spec.name / f"{part.replace('/', '-').replace(' ', '-')}.txt"
    if not path.exists():
        replace_file(path, f"{count}\n")
        return
    recorded = path.read_text("utf-8").strip()
    if recorded != str(count):
        raise DataError(
            f"{spec.name} {part}: {count} questions found, but {recorded} when it was first read here, so the files have "
            f"changed. If they were replaced on purpose: rm {path}"
        )
