"""What data sets there are, what of them is here, and how to get the rest: ``lmms-vg data`` and ``lmms-vg tasks``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

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
    """A block of lines a data set: licence, every file with its size here or how large it would be, and the counts."""
    for spec in specs().values():
        root = local_root(spec) or _hub_cache(spec)
        yield f"{spec.name}: {spec.source} ({spec.licence})"
        missing = False
        for pattern, size in spec.files.items():
            here = _here(root, pattern) if root else None
            missing |= here is None
            yield f"  {pattern}: {here or f'MISSING, {size}'}"
        yield from (f"  {line}" for line in (_counts(spec) if not missing else [_remedy(spec)]))


def fetch(name: str) -> Path:
    """Download all files of a data set into ``LMMS_VG_DATA/<name>``; goes on where it stopped. Errors: ValueError."""
    known = specs()
    if name not in known:
        raise ValueError(f"data set {name!r}: allowed is {', '.join(known)}")
    spec = known[name]
    root = local_root(spec)
    if root is None:
        raise ValueError(f"{DATA_ENV} is not set: export it to the folder that shall hold the data sets")
    on_hub = [pattern for pattern in spec.files if pattern not in spec.urls]
    if spec.hub_id is not None:
        try:
            snapshot_download(
                spec.hub_id, repo_type="dataset", revision=spec.revision, allow_patterns=on_hub, local_dir=root
            )
        except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as problem:
            first = str(problem).strip().splitlines()[0]
            raise DataError(f"{spec.name}: the hub did not give {spec.hub_id}: {first}") from problem
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


def _here(root: Path, pattern: str) -> str | None:
    """Size of the files that match, or of the folder an archive was extracted to; None if nothing is there."""
    folder = root / pattern.removesuffix(".zip")
    if pattern.endswith(".zip") and folder.is_dir():
        found = [path for path in folder.rglob("*") if path.is_file()]
        return f"{_size(sum(path.stat().st_size for path in found))} here, extracted" if found else None
    found = [path for path in root.glob(pattern) if path.is_file()]
    return f"{_size(sum(path.stat().st_size for path in found))} here" if found else None


def _remedy(spec: DatasetSpec) -> str:
    return f"get it with: lmms-vg data fetch {spec.name}"


def _hub_cache(spec: DatasetSpec) -> Path | None:
    if spec.hub_id is None:
        return None
    try:
        return Path(snapshot_download(spec.hub_id, repo_type="dataset", revision=spec.revision, local_files_only=True))
    except (LocalEntryNotFoundError, OSError):
        return None


def _counts(spec: DatasetSpec) -> Iterator[str]:
    """Questions found and expected, each part once: twins with the same reader and n are not read again."""
    parts: dict[str, tuple[str, Reader]] = {}
    for name, reader in READERS.items():
        if reader.spec.name == spec.name:
            parts.setdefault(str(reader.read), (name, reader))
    for name, reader in parts.values():
        try:
            found = len(reader.read())
        except DataMissing as problem:
            yield f"{name}: {str(problem).splitlines()[0]}"
        except DataError as problem:
            yield f"{name}: WRONG, {problem}"
        else:
            yield f"{name}: {found:,} questions" + ("" if reader.n is None else f" of {reader.n:,} expected")


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
