"""What data sets there are, what of them is here, and how to get the rest: ``lmms-vg data`` and ``lmms-vg tasks``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from huggingface_hub import snapshot_download

from lmms_vg.datasets.coco import COCO
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
from lmms_vg.tasks.dataset_status import DatasetStatus, QuestionCount
from lmms_vg.tasks.registry import TASKS, TaskSpec


def specs() -> dict[str, DatasetSpec]:
    """All data sets that need files, by name."""
    return {spec.name: spec for task in TASKS for spec in sets_of(task)}


def looked_in() -> str:
    """Where data sets are looked for, in a line."""
    root = data_root()
    if root is None:
        return f"{DATA_ENV} is not set; looking in the hub's cache only"
    return f"{DATA_ENV}={root}{'' if root.is_dir() else ' (no such folder)'}"


def status() -> Iterator[DatasetStatus]:
    """Of every data set what is here, one after the other, since reading them takes a while."""
    return map(status_of, specs().values())


def status_of(spec: DatasetSpec) -> DatasetStatus:
    """What of a data set is here. Nothing is downloaded."""
    with offline():
        root = local_root(spec) or _hub_cache(spec)
        files = {pattern: size_here(root, pattern) if root else None for pattern in spec.files}
        look = any(files.values())
        counts = [_count(name, task) if look else QuestionCount(name, task.n) for name, task in _parts(spec)]
        unread = [path.name[:8] for path in other_revisions(spec)]
        return DatasetStatus(spec, root, files, counts, _used_by(spec), unread)


def fetch(names: Sequence[str]) -> Iterator[str]:
    """Download all files of data sets, or of those that tasks or groups use, into ``LMMS_VG_DATA/<data set>``.

    Lines: what goes where and how large it is, before anything is asked for; then one for each data set that is there.
    Goes on where it stopped. Errors: ValueError for a name that is not known or without LMMS_VG_DATA; DataError if a
    source does not give its files or a folder cannot be written.
    """
    found = {name: _resolve(name) for name in names}
    yield from (f"{name} needs no files" for name, used in found.items() if not used)
    roots: dict[str, tuple[DatasetSpec, Path]] = {}
    for spec in (spec for used in found.values() for spec in used):
        root = local_root(spec)
        if root is None:
            raise ValueError(f"{DATA_ENV} is not set: export it to the folder that shall hold the data sets")
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
    """A line a task: name, number of questions, protocols ("-" for measurements), licence; then the groups with their tasks."""
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
    """The data sets with files that a task reads."""
    images = [COCO] if task.startswith("vgmed_coco") else []  # its rows are VGMED's, its images are not
    return [spec for spec in [TASKS[task].spec, *images] if spec.files]


def _resolve(name: str) -> list[DatasetSpec]:
    """The data sets that a data set, a task or a group is or uses. Errors: ValueError for a name that is not known."""
    known, groups = specs(), yaml_files.groups()
    if name in known:
        return [known[name]]
    if name not in groups and name not in TASKS:
        raise ValueError(
            f"data set {name!r}: allowed is {', '.join(known)}, or the name of a task or group (see lmms-vg tasks)"
        )
    return [spec for task in groups.get(name, [name]) for spec in sets_of(task)]


def _used_by(spec: DatasetSpec) -> list[str]:
    """Groups whose tasks all use the data set, and the tasks that are in none of these."""
    leaves, groups = yaml_files.tasks(), yaml_files.groups()
    using = {task for task in leaves if spec in sets_of(task)}
    whole = {name: members for name, members in groups.items() if using.issuperset(members)}
    return sorted([*whole, *using.difference(*whole.values())])


def _fetch_from_hub(spec: DatasetSpec, hub_id: str, root: Path) -> None:
    patterns = [pattern for pattern in spec.files if pattern not in spec.urls]
    try:
        root.mkdir(parents=True, exist_ok=True)
        snapshot_download(hub_id, repo_type="dataset", revision=spec.revision, allow_patterns=patterns, local_dir=root)
    except Exception as problem:  # its network errors are those of the client it happens to use
        if isinstance(problem, OSError) and problem.errno is not None:
            raise unwritable(problem, root) from problem
        reason = next(iter(str(problem).strip().splitlines()), type(problem).__name__)
        raise DataError(f"{spec.name}: the hub did not give {hub_id}: {reason}") from problem
    # Without network it only warns, where the folder holds anything at all.
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
    """Size of the files that match, or of the folder an archive was extracted to; None if nothing is there."""
    folder = root / pattern.removesuffix(".zip")
    extracted = pattern.endswith(".zip") and folder.is_dir()
    # To the hub, * is everything, folders included.
    found = folder.rglob("*") if extracted else root.rglob("*") if pattern == "*" else root.glob(pattern)
    sizes = [path.stat().st_size for path in found if path.is_file()]
    return f"{_size(sum(sizes))} here{', extracted' if extracted else ''}" if sizes else None


def _parts(spec: DatasetSpec) -> list[tuple[str, TaskSpec]]:
    """The tasks that ask a data set, of twins with the same questions only one."""
    parts: dict[str, tuple[str, TaskSpec]] = {}
    for name, task in TASKS.items():
        if task.spec.name == spec.name:
            parts.setdefault(str(task.load), (name, task))
    return list(parts.values())


def _count(name: str, task: TaskSpec) -> QuestionCount:
    """The questions of a task whose data set is here, at least in part."""
    try:
        count = QuestionCount(name, task.n, len(task.load()))
    except DataMissing:
        return QuestionCount(name, task.n)
    except (DataError, OSError) as problem:
        return QuestionCount(name, task.n, problem=str(problem))
    except Exception as problem:  # noqa: BLE001 - readers name what they foresee, and a file may hold anything
        return QuestionCount(name, task.n, problem=f"{type(problem).__name__}: {problem}")
    try:
        if task.require is not None:
            task.require()
    except DataMissing:
        return count._replace(images=False)
    return count


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError
