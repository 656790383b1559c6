"""What data sets there are, what of them is here, and how to get the rest: ``lmms-vg data`` and ``lmms-vg tasks``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import constants, snapshot_download

from lmms_vg.datasets.coco import COCO
from lmms_vg.datasets.download import download
from lmms_vg.datasets.schema import DatasetSpec
from lmms_vg.datasets.source import DATA_ENV, DataError, DataMissing, local_root
from lmms_vg.plugin import TASKS
from lmms_vg.tasks.readers import READERS, Reader


def specs() -> dict[str, DatasetSpec]:
    """All data sets that need files, by name."""
    used = [reader.spec for reader in READERS.values()]
    return {spec.name: spec for spec in [*used, COCO] if spec.files}


def status() -> Iterator[str]:
    """A block of lines a data set: licence, every file with its size here or how large it would be, and the counts.

    Nothing is downloaded.
    """
    for spec in specs().values():
        with _offline():
            block = list(_block(spec))
        yield from block


def fetch(name: str) -> Path:
    """Download all files of a data set into ``LMMS_VG_DATA/<name>``; goes on where it stopped.

    Errors: ValueError for a name that is not known or without LMMS_VG_DATA; DataError if a source does not give its files.
    """
    known = specs()
    if name not in known:
        raise ValueError(f"data set {name!r}: allowed is {', '.join(known)}")
    spec = known[name]
    root = local_root(spec)
    if root is None:
        raise ValueError(f"{DATA_ENV} is not set: export it to the folder that shall hold the data sets")
    if spec.hub_id is not None:
        _fetch_from_hub(spec, spec.hub_id, root)
    for file, url in spec.urls.items():
        download(url, root / file)
    return root


def tasks() -> Iterator[str]:
    """A line a task: name, number of questions, protocol, licence; then the groups with their tasks."""
    leaves, groups = _names()
    width = max(map(len, leaves))
    yield f"{'task':{width}}  {'n':>6}  {'protocol':11}  licence"
    for name in sorted(leaves):
        reader = READERS[name]
        n = "-" if reader.n is None else f"{reader.n:,}"
        yield f"{name:{width}}  {n:>6}  {reader.protocol:11}  {reader.spec.licence}"
    yield ""
    yield "groups"
    for name, members in sorted(groups.items()):
        yield f"{name:{width}}  {' '.join(members)}"


def _fetch_from_hub(spec: DatasetSpec, hub_id: str, root: Path) -> None:
    patterns = [pattern for pattern in spec.files if pattern not in spec.urls]
    try:
        snapshot_download(hub_id, repo_type="dataset", revision=spec.revision, allow_patterns=patterns, local_dir=root)
    except Exception as problem:  # its network errors are those of the client it happens to use
        reason = next(iter(str(problem).strip().splitlines()), type(problem).__name__)
        raise DataError(f"{spec.name}: the hub did not give {hub_id}: {reason}") from problem
    # Without network it only warns, where the folder holds anything at all.
    if absent := [pattern for pattern in patterns if _here(root, pattern) is None]:
        raise DataError(f"{spec.name}: the hub did not give {', '.join(absent)} of {hub_id}; is there a network?")


@contextmanager
def _offline() -> Iterator[None]:
    """Readers ask the hub for what is not here, and for newer versions of what is."""
    before, constants.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE, True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _block(spec: DatasetSpec) -> Iterator[str]:
    root = local_root(spec) or _hub_cache(spec)
    here = {pattern: _here(root, pattern) if root else None for pattern in spec.files}
    counts = _counts(spec) if any(here.values()) else {}
    # Readers know more names and places than there are patterns; where nothing is read, the patterns have to do.
    complete = all(counts.values()) if counts else all(here.values())
    otherwise = "not here under this name" if complete else "MISSING"
    yield f"{spec.name}: {spec.source} ({spec.licence})"
    for pattern, size in spec.files.items():
        yield f"  {pattern}: {here[pattern] or f'{otherwise}, {size}'}"
    for name, count in counts.items():
        yield f"  {name}: {count or 'files are missing'}"
    if not complete:
        yield f"  get it with: lmms-vg data fetch {spec.name}"


def _hub_cache(spec: DatasetSpec) -> Path | None:
    if spec.hub_id is None:
        return None
    try:
        return Path(snapshot_download(spec.hub_id, repo_type="dataset", revision=spec.revision, local_files_only=True))
    except OSError:  # not there
        return None


def _here(root: Path, pattern: str) -> str | None:
    """Size of the files that match, or of the folder an archive was extracted to; None if nothing is there."""
    folder = root / pattern.removesuffix(".zip")
    extracted = pattern.endswith(".zip") and folder.is_dir()
    # To the hub, * is everything, folders included.
    found = folder.rglob("*") if extracted else root.rglob("*") if pattern == "*" else root.glob(pattern)
    sizes = [path.stat().st_size for path in found if path.is_file()]
    return f"{_size(sum(sizes))} here{', extracted' if extracted else ''}" if sizes else None


def _counts(spec: DatasetSpec) -> dict[str, str]:
    """Questions found and expected, empty where files are missing. Twins of the same reader are read once."""
    parts: dict[str, tuple[str, Reader]] = {}
    for name, reader in READERS.items():
        if reader.spec.name == spec.name:
            parts.setdefault(str(reader.read), (name, reader))
    counts = {}
    for name, reader in parts.values():
        try:
            found = f"{len(reader.read()):,} questions"
            counts[name] = found if reader.n is None else f"{found} of {reader.n:,} expected"
        except DataMissing:
            counts[name] = ""
        except (DataError, OSError) as problem:
            counts[name] = f"WRONG, {problem}"
    return counts


def _names() -> tuple[set[str], dict[str, list[str]]]:
    """Names of tasks, and groups with their members, as the YAML files state them."""
    leaves: set[str] = set()
    groups: dict[str, list[str]] = {}
    for file in TASKS.rglob("*.yaml"):
        lines = file.read_text(encoding="utf-8").splitlines()
        name = next((line.removeprefix("group: ") for line in lines if line.startswith("group: ")), None)
        if name is None:
            leaves |= {line.removeprefix("task: ") for line in lines if line.startswith("task: ")}
        else:
            groups[name] = [line.removeprefix("  - ") for line in lines if line.startswith("  - ") and ":" not in line]
    return leaves, groups


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError
