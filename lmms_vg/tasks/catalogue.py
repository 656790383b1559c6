"""The list of data sets, those that are here, and how to get the rest: `lmms-vg data` and `lmms-vg tasks`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from huggingface_hub import snapshot_download

from lmms_vg.datasets import slake, slake_agreement
from lmms_vg.datasets.download import download, unwritable
from lmms_vg.datasets.schema import DatasetSpec
from lmms_vg.datasets.source import (
    DATA_ENV,
    DataError,
    DataMissing,
    data_root,
    local_root,
    offline,
    other_revisions,
)
from lmms_vg.tasks import yaml_files
from lmms_vg.tasks.counted_before import counted
from lmms_vg.tasks.dataset_status import DatasetStatus, QuestionCount
from lmms_vg.tasks.registry import TASKS, TaskSpec


def specs() -> dict[str, DatasetSpec]:
    """All data sets that need files, by name."""
    return {spec.name: spec for task in TASKS for spec in sets_of(task)}


def looked_in() -> str:
    """Return one line on where data sets are looked for."""
    root = data_root()
    if root is None:
        return f"{DATA_ENV} is not set; looking in the hub's cache only"
    return f"{DATA_ENV}={root}{'' if root.is_dir() else ' (no such folder)'}"


def status() -> Iterator[DatasetStatus]:
    """Return the status of every data set, one after the other, because reading them takes a while."""
    return map(status_of, specs().values())


def status_of(spec: DatasetSpec) -> DatasetStatus:
    """Return the status of one data set. Nothing is downloaded."""
    with offline():
        root = local_root(spec) or _hub_cache(spec)
        files = {pattern: size_here(root, pattern) if root else None for pattern in spec.files}
        any_here = any(files.values())
        counts, remarks = _counted(spec, root if any_here else None)
        unread = [path.name[:8] for path in other_revisions(spec)]
        return DatasetStatus(spec, root, files, counts, _used_by(spec), unread, remarks)


def fetch(names: Sequence[str]) -> Iterator[str]:
    """Download data sets into `LMMS_VG_DATA/<data set>`; a download that was stopped is resumed.

    Args:
        names: data sets, or tasks or groups whose data sets are wanted.

    Yields:
        Lines: where each data set goes and how large it is, before any download; then one line when a data set is complete.

    Raises:
        ValueError: a name is not known, or LMMS_VG_DATA is not set.
        DataError: a source does not give its files, or a folder cannot be written.
    """
    resolved = {name: _resolve(name) for name in names}
    yield from (f"{name} needs no files" for name, wanted in resolved.items() if not wanted)
    roots: dict[str, tuple[DatasetSpec, Path]] = {}
    for spec in (spec for wanted in resolved.values() for spec in wanted):
        root = local_root(spec)
        if root is None:
            raise ValueError(f"{DATA_ENV} is not set: export it as the folder for data sets")
        roots[spec.name] = spec, root
    for name, (spec, root) in roots.items():
        yield f"{name} goes to {root}: {', '.join(f'{file} ({size})' for file, size in spec.files.items())}"
    for name, (spec, root) in roots.items():
        if spec.hub_id is not None:
            _fetch_from_hub(spec, spec.hub_id, root)
        for file, url in spec.urls.items():
            download(url, root / file)
        yield f"{name} is in {root}"


def tasks() -> Iterator[str]:
    """Yield one line per task (name, number of questions, protocols, "-" for measurements, licence), then one per group."""
    leaves, groups = yaml_files.tasks(), yaml_files.groups()
    width = max(map(len, leaves))
    yield f"{'task':{width}}  {'n':>6}  {'protocol':14}  licence"
    for name in sorted(leaves):
        task = TASKS[name]
        n = "-" if task.n is None else f"{task.n:,}"
        yield f"{name:{width}}  {n:>6}  {','.join(task.protocols) or '-':14}  {task.spec.licence}"
    yield ""
    yield "groups"
    for name, members in groups.items():
        yield f"{name:{width}}  {' '.join(members)}"


def sets_of(task: str) -> list[DatasetSpec]:
    """Return the data sets with files that a task reads."""
    return [spec for spec in TASKS[task].file_sets if spec.files]


def _resolve(name: str) -> list[DatasetSpec]:
    """Return the data sets that belong to a name: of a data set, a task or a group.

    Raises:
        ValueError: the name is not known.
    """
    known, groups = specs(), yaml_files.groups()
    if name in known:
        return [known[name]]
    if name not in groups and name not in TASKS:
        raise ValueError(
            f"data set {name!r}: allowed is {', '.join(known)}, or the name of a task or group (see lmms-vg tasks)"
        )
    return [spec for task in groups.get(name, [name]) for spec in sets_of(task)]


def _used_by(spec: DatasetSpec) -> list[str]:
    """Groups whose tasks all use the data set, and tasks that use it but are in none of these groups."""
    leaves, groups = yaml_files.tasks(), yaml_files.groups()
    using = {task for task in leaves if spec in sets_of(task)}
    whole = {name: members for name, members in groups.items() if using.issuperset(members)}
    return sorted([*whole, *using.difference(*whole.values())])


def _fetch_from_hub(spec: DatasetSpec, hub_id: str, root: Path) -> None:
    patterns = [pattern for pattern in spec.files if pattern not in spec.urls]
    try:
        root.mkdir(parents=True, exist_ok=True)
        snapshot_download(hub_id, repo_type="dataset", revision=spec.revision, allow_patterns=patterns, local_dir=root)
    except Exception as problem:  # the types of network errors depend on the HTTP client in use
        if isinstance(problem, OSError) and problem.errno is not None:
            raise unwritable(problem, root) from problem
        reason = next(iter(str(problem).strip().splitlines()), type(problem).__name__)
        raise DataError(f"{spec.name}: the hub did not give {hub_id}: {reason}") from problem
    # Without a network the hub only warns when the folder already holds something.
    if absent := [pattern for pattern in patterns if size_here(root, pattern) is None]:
        raise DataError(f"{spec.name}: the hub did not give {', '.join(absent)} of {hub_id}; is there a network?")


def _hub_cache(spec: DatasetSpec) -> Path | None:
    if spec.hub_id is None:
        return None
    try:
        return Path(snapshot_download(spec.hub_id, repo_type="dataset", revision=spec.revision, local_files_only=True))
    except OSError:  # not there
        return None


def size_here(root: Path, pattern: str) -> str | None:
    """Total size of the files that match, or of the folder an archive was extracted to; None if nothing is there."""
    folder = root / pattern.removesuffix(".zip")
    extracted = pattern.endswith(".zip") and folder.is_dir()
    # For the hub, `*` matches everything, folders included.
    paths = folder.rglob("*") if extracted else root.rglob("*") if pattern == "*" else root.glob(pattern)
    sizes = [path.stat().st_size for path in paths if path.is_file()]
    return f"{_size(sum(sizes))} here{', extracted' if extracted else ''}" if sizes else None


def _parts(spec: DatasetSpec) -> list[tuple[str, TaskSpec]]:
    """Return the tasks that ask a data set; of tasks with the same questions, only the first."""
    parts: dict[str, tuple[str, TaskSpec]] = {}
    for name, task in TASKS.items():
        if task.spec.name == spec.name:
            parts.setdefault(str(task.load), (name, task))
    return list(parts.values())


def _counted(spec: DatasetSpec, root: Path | None) -> tuple[list[QuestionCount], list[str]]:
    """Counts and remarks of a data set in a folder; without one, how many questions are expected."""
    parts = _parts(spec)

    def read() -> tuple[list[QuestionCount], list[str]]:
        return [_count(name, task) for name, task in parts], _remarks(spec)

    if root is None:
        return [QuestionCount(name, task.n) for name, task in parts], []
    # To decode all masks takes half a minute.
    return counted(spec, root, read) if spec.name == slake.SLAKE.name else read()


def _count(name: str, task: TaskSpec) -> QuestionCount:
    """Count the questions of a task whose data set is here, at least in part."""
    try:
        count = QuestionCount(name, task.n, len(task.load()))
    except DataMissing:
        return QuestionCount(name, task.n)
    except (DataError, OSError) as problem:
        return QuestionCount(name, task.n, problem=str(problem))
    except Exception as problem:  # noqa: BLE001 - readers raise DataError for known faults; a broken file can raise anything
        return QuestionCount(name, task.n, problem=f"{type(problem).__name__}: {problem}")
    try:
        if task.require is not None:
            task.require()
    except DataMissing:
        return count._replace(images=False)
    return count


def _remarks(spec: DatasetSpec) -> list[str]:
    """Return remarks on boxes and masks; none where files are missing or wrong, which the counts show."""
    if spec.name != slake.SLAKE.name:
        return []
    try:
        return slake_agreement.remarks()
    except (DataError, OSError):
        return []


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError
