"""One finding per data set: a missing one is a note, a wrong one is a problem."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lmms_vg.doctor.check_result import Check, CheckResult, note, ok, problem

if TYPE_CHECKING:
    from lmms_vg.tasks.dataset_status import DatasetStatus


def data_sets() -> Iterator[CheckResult]:
    """Yield the places that are searched for data sets, then the state of each data set."""
    from lmms_vg.datasets.source import data_root
    from lmms_vg.tasks.catalogue import looked_in, status

    root = data_root()
    if root is not None and root.is_dir():
        yield ok(looked_in())
    else:  # fetching needs it first
        remedy = "export LMMS_VG_DATA=FOLDER   (the folder for all data sets; lmms-vg data fetch fills it)"
        yield note(looked_in(), remedy)
    yield from map(_result, status())


def _result(status: DatasetStatus) -> CheckResult:
    used_by = f"(used by: {' '.join(status.used_by)})"
    if status.state == "wrong":
        first, *others = [count for count in status.counts if count.problem]
        more = f" (and {len(others)} more, see lmms-vg data status)" if others else ""
        return problem(f"{status.name}: {first}{more}", status.remedy)
    if status.state == "missing":
        return note(f"{status.name} is not here; get it with: {status.remedy} {used_by}")
    if status.state == "incomplete":
        missing = ", ".join(pattern for pattern, size in status.files.items() if size is None)
        return note(f"{status.name} is here without {missing or 'some files'} {used_by}", status.remedy)
    text = f"{status.name}: {'; '.join(map(str, status.counts)) or 'here'}"
    if status.state == "partial":
        return note(f"{text}; results on it do not count", status.remedy)
    return ok(text)


CHECKS: dict[str, Check] = {"data sets": data_sets}
