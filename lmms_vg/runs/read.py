"""Read a finished run from any of the forms in which it is stored."""

from __future__ import annotations

from pathlib import Path

from lmms_vg.journal import is_journal
from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.results import Run


def read(run: Path | str) -> Run:
    """Read a finished run of any model, to inspect, compare or print it.

    Args:
        run: `--output_path` of a run with `--log_samples`, its `*_results.json`, or a folder of `LMMS_VG_HOME/journal`, whose
            answers are scored again.

    Raises:
        ValueError: There is no finished run.
    """
    path = Path(run)
    if is_journal(path):  # its tasks score it, with libraries that take seconds to import
        from lmms_vg.runs.journal_run import read_journal

        return read_journal(path)
    return read_run(path)
