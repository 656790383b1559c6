"""Locate the files of a data set: in `LMMS_VG_DATA/<name>/` with the hub's layout, or else on the hub."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from huggingface_hub import constants

from lmms_vg._util.error_codes import CodedError
from lmms_vg.datasets.schema import DatasetSpec

DATA_ENV = "LMMS_VG_DATA"

#: Parts that only a path on Windows, or a hostile one, has.
_OUTSIDE = re.compile(r"^[A-Za-z]:|[\\\0]")


class DataError(CodedError):
    """Data are present but wrong; the message has the place.

    Questions are read before any is asked, so where one of them fails by this, it is its image that cannot be read.
    """

    code = "image"


class DataMissing(DataError):
    """A file is missing; the message has its name, source and approximate size, and the command that downloads it.

    Attributes:
        what: the beginning of the message, which says what is missing and where it was looked for.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(f"{what}{remedy}")
        self.what = what


def data_root() -> Path | None:
    """Return the folder of all data sets, `LMMS_VG_DATA`, which need not exist; None if the variable is not set."""
    base = os.environ.get(DATA_ENV)
    return Path(base).expanduser() if base else None


def read_data(path: str) -> bytes:
    """Read a file under `LMMS_VG_DATA`, such as an image of a data set that another package reads.

    Args:
        path: relative to the folder of all data sets, and checked by `safe_path`.

    Raises:
        DataMissing: the variable is not set, or there is no such file.
    """
    root = data_root()
    if root is None:
        raise DataMissing(f"data:{path}: {DATA_ENV} is not set; let it name the folder that {path} lies in")
    if not os.path.isfile(root / path):  # Path.is_file() would raise for a name that is too long
        raise DataMissing(f"data:{path[:300]}: there is no such file in {root}")
    return (root / path).read_bytes()


def local_root(spec: DatasetSpec) -> Path | None:
    """Return the data set's folder under `LMMS_VG_DATA`, which need not exist; None if the variable is not set."""
    root = data_root()
    return None if root is None else root / spec.name


def revision_read(spec: DatasetSpec) -> str | None:
    """Return the pinned hub revision that readers use; None for the newest one, or for a local folder."""
    return spec.revision if local_root(spec) is None else None


def other_revisions(spec: DatasetSpec) -> list[Path]:
    """Cached snapshots of a pinned data set in revisions other than the pinned one; none if a local folder is used."""
    if spec.hub_id is None or revision_read(spec) is None:
        return []
    # Late, here and below: a report needs no client of the hub, which takes as long.
    from huggingface_hub.file_download import repo_folder_name

    folder = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=spec.hub_id, repo_type="dataset") / "snapshots"
    return [path for path in sorted(folder.glob("*")) if path.name != spec.revision]


def locate(spec: DatasetSpec, *names: str) -> Path:
    """Path of a file that may have any of `names`; without a local folder it is downloaded.

    Raises:
        DataMissing: no such file is in the folder, or the download fails.
    """
    root = local_root(spec)
    if root is not None:
        for name in names:
            if (root / name).is_file():
                return root / name
        raise missing(spec, names[0], f"It is not in {root}.")
    if spec.hub_id is None:
        raise missing(spec, names[0], "It is not on the hub.")
    reason = ""
    for name in names:
        try:
            return _download(spec.hub_id, name, spec.revision)
        except OSError as error:  # no network, no such file, or no access
            reason = reason or type(error).__name__
    raise missing(spec, names[0], f"The download from the hub failed ({reason}).")


def locate_root(spec: DatasetSpec) -> Path:
    """Folder of the whole data set; without a local folder all of it is downloaded.

    Raises:
        DataMissing: there is no folder, or the download fails.
    """
    root = local_root(spec)
    if root is not None:
        if root.is_dir():
            return root
        raise missing(spec, "", f"There is no folder {root}.")
    try:
        return _download_all(spec.hub_id, spec.revision)
    except OSError as error:
        raise missing(spec, "", f"The download from the hub failed ({type(error).__name__}).") from error


def locate_all(spec: DatasetSpec, pattern: str) -> list[Path]:
    """Sorted paths of the files that match a glob `pattern` (`data/test-*.parquet`), downloaded without a local folder.

    Raises:
        DataMissing: no file matches, or the download fails.
    """
    root = local_root(spec)
    if root is None:
        try:
            root = _download_all(spec.hub_id, spec.revision, pattern)
        except OSError as error:
            raise missing(spec, pattern, f"The download from the hub failed ({type(error).__name__}).") from error
    paths = sorted(root.glob(pattern))
    if not paths:
        raise missing(spec, pattern, f"No such file is in {root}.")
    return paths


def missing(spec: DatasetSpec, name: str, where: str) -> DataMissing:
    """Make the error for a missing file, or for all files if `name` is empty; `where` tells where it was looked for."""
    target = f"${DATA_ENV}/{spec.name}"
    if name in spec.urls or spec.hub_id is None:
        urls = {name: spec.urls[name]} if name in spec.urls else spec.urls
        command = "\n    ".join(f'curl -L --create-dirs -o "{target}/{file}" "{url}"' for file, url in urls.items())
    else:
        revision = f" --revision {spec.revision}" if spec.revision else ""
        what = f' --include "{name}"' if "*" in name else f" {name}" if name else ""
        command = f"hf download {spec.hub_id}{what} --repo-type dataset{revision} --local-dir {target}"
    if others := other_revisions(spec):
        where += (
            f" The hub's cache has revision {', '.join(path.name[:8] for path in others)}, but this version reads "
            f"{spec.revision}; files that are equal in both are not downloaded again. To use the cached revision instead, "
            f'export {DATA_ENV} and run: ln -s "{others[-1]}" "{target}".'
        )
    files = {name: spec.files.get(name, "size not known")} if name else spec.files
    sizes = ", ".join(f"{file} ({size})" for file, size in files.items())
    base = os.environ.get(DATA_ENV)
    setting = f"{DATA_ENV} is {base}" if base else f"{DATA_ENV} is not set: export it first"
    return DataMissing(
        f"{spec.name}: missing {sizes}. {where}",
        f" Source: {spec.source} (licence: {spec.licence}). Download it with\n"
        f"    {command}\n"
        f"where {DATA_ENV} is the folder of all data sets ({setting}). `lmms-vg data fetch {spec.name}` downloads all\n"
        "files and resumes interrupted downloads; `lmms-vg data status` shows what else is missing.",
    )


@contextmanager
def offline() -> Iterator[None]:
    """Keep readers off the network: nothing is downloaded, and no newer version is looked for."""
    before, constants.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE, True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def safe_path(path: str) -> str:
    """Check a path that comes from data, and return it as a relative path with forward slashes.

    Only the text of the path is checked; symbolic links, which the user made, are followed.

    Raises:
        DataError: the path is empty or could lead out of its folder.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts or ".." in parts or path.startswith("/") or _OUTSIDE.search(path):
        raise DataError(f"the path {path!r} is empty or leads out of its data set's folder")
    return "/".join(parts)


@cache  # every image needs its path, and the hub client would use the network every time
def _download(hub_id: str, name: str, revision: str | None) -> Path:
    from huggingface_hub import hf_hub_download

    return Path(hf_hub_download(hub_id, name, repo_type="dataset", revision=revision))


@cache
def _download_all(hub_id: str, revision: str | None, pattern: str | None = None) -> Path:
    from huggingface_hub import snapshot_download

    # Told outright: before 2.2 the hub client lists the files of a pinned revision over the network.
    offline = constants.HF_HUB_OFFLINE
    return Path(
        snapshot_download(
            hub_id, repo_type="dataset", revision=revision, allow_patterns=pattern, local_files_only=offline
        )
    )
