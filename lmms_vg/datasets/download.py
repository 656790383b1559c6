"""Download files that are not on the hub, with a progress bar, and resume interrupted downloads."""

from __future__ import annotations

from pathlib import Path

import requests
from tqdm import tqdm

from lmms_vg.datasets.source import DATA_ENV, DataError

_TIMEOUT = 60
_CHUNK = 1 << 16  # bytes; a connection that breaks loses the current chunk


def download(url: str, path: Path) -> None:
    """Fetch `url` to `path`, unless `path` exists.

    An incomplete file is kept as `<name>.part` and resumed; it starts over where the server cannot resume.

    Raises:
        DataError: the server refuses, the file ends early, or the file cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        _fetch(url, part, path.name)
        part.rename(path)
    except requests.HTTPError as error:
        raise DataError(str(error)) from error
    except OSError as error:  # from the disk, or from requests, whose errors are OSErrors without a number
        if error.errno is not None:
            raise unwritable(error, part) from error
        raise DataError(f"{url}: {error}; run the same command again to resume from {part}") from error


def unwritable(error: OSError, path: Path) -> DataError:
    """Return the error for a `path` that cannot be written; `error` may name a folder above it."""
    return DataError(
        f"{error.filename or path} cannot be written ({error.strerror}): {DATA_ENV} must be a writable folder"
    )


def _fetch(url: str, part: Path, name: str) -> None:
    have = part.stat().st_size if part.exists() else 0
    # No compression: lengths and ranges would count compressed bytes.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
        span = response.headers.get("Content-Range", "")
        resumed = have > 0 and response.status_code == requests.codes.partial_content
        beyond = have > 0 and response.status_code == requests.codes.requested_range_not_satisfiable
        if beyond and span == f"bytes */{have}":  # interrupted between the last byte and the renaming
            return
        if beyond or (resumed and not span.startswith(f"bytes {have}-")):  # the part belongs to another file
            part.unlink()
            _fetch(url, part, name)
            return
        response.raise_for_status()
        have = have if resumed else 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        with (
            part.open("ab" if resumed else "wb") as file,
            tqdm(desc=name, initial=have, total=total, unit="B", unit_scale=True) as bar,
        ):
            for chunk in response.iter_content(_CHUNK):
                bar.update(file.write(chunk))
    if total is not None and part.stat().st_size < total:
        raise OSError(f"ended after {part.stat().st_size} of {total} bytes")
