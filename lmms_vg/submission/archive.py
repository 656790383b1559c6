"""A bundle as a file: written byte for byte the same every time, and read without trust.

Nothing is unpacked to disk. A member is read as a stream, line by line, and reading stops at the first line that is wrong. So
a hostile file costs no more than an honest file of its size, however well it was compressed.
"""

from __future__ import annotations

import hashlib
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from lmms_vg import __version__
from lmms_vg.journal import LayerMaps
from lmms_vg.journal.map_lines import MAPS, MapLine, maps_of
from lmms_vg.submission import schema_1
from lmms_vg.submission.findings import Rejected, rejected
from lmms_vg.submission.schema import SCHEMA_VERSION, Manifest
from lmms_vg.submission.schema_words import LONGEST
from lmms_vg.submission.strict_json import Model, load, validated
from lmms_vg.submission.zip_check import MAX_MEMBER, check_end, check_members

MANIFEST = "manifest.json"

# In bytes; `zip_check` limits the file and its members.
MAX_MANIFEST = 1_000_000
MAX_LINE = 100_000
MAX_BLOCK = 10_000_000  # a map of 500 layers of 10,000 patches
MAX_LINES = LONGEST
MAX_TASKS = 100


def write(members: Mapping[str, str | bytes]) -> bytes:
    """Return a zip of the contents by name: sorted and without times, so that equal contents give equal bytes."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 3, (0o100644 << 16)
            archive.writestr(info, _bytes(members[name]))
    return out.getvalue()


def sha256(content: str | bytes) -> str:
    """Return the SHA-256 of a member in hexadecimal, as manifests store it."""
    return hashlib.sha256(_bytes(content)).hexdigest()


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


class Bundle:
    """A bundle open for reading; use it in `with`.

    Raises:
        Rejected: it is not a zip, holds anything but plain files with a bundle's names, or is too large.
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._version: int = SCHEMA_VERSION
        self._file = path.open("rb")
        try:
            check_end(self._file, path.name)
            self._archive = zipfile.ZipFile(self._file)
            check_members(self._archive, path.name)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, struct.error) as problem:
            self._file.close()
            if isinstance(problem, Rejected):
                raise
            raise rejected("not-a-zip", path.name, str(problem)[:200]) from None

    def __enter__(self) -> Bundle:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def names(self) -> list[str]:
        """The names of the members, sorted."""
        return sorted(self._archive.namelist())

    def manifest(self) -> Manifest:
        """Read the manifest.

        Raises:
            Rejected: it is missing or not a manifest (`missing-file`, `json`, `schema-version`, `schema`, ...).
        """
        with self._open(MANIFEST) as member:
            data = self._read(member, MANIFEST, MAX_MANIFEST)
        value = load(data, MANIFEST)
        version = value.get("schema_version") if isinstance(value, dict) else None
        if type(version) is not int or version not in (schema_1.VERSION, SCHEMA_VERSION):
            raise rejected(
                "schema-version",
                MANIFEST,
                f"schema_version is {str(version)[:40]}; lmms_vg {__version__} reads {schema_1.VERSION} and {SCHEMA_VERSION}; "
                "update lmms_vg, or make the bundle again from its runs with this version's lmms-vg submit",
            )
        self._version = version
        for name in ("tasks", "groups"):  # checked first, so that not every single one is reported
            if isinstance(value.get(name), dict) and len(value[name]) > MAX_TASKS:
                raise rejected("too-large", MANIFEST, f"{len(value[name]):,} {name}, at most {MAX_TASKS}")
        return validated(schema_1.manifest(value) if version == schema_1.VERSION else value, MANIFEST, Manifest)

    def lines(self, name: str, model: type[Model], digest: str) -> Iterator[Model]:
        """Yield the lines of a member; call `manifest` first, which reads the version.

        Args:
            name: the member, such as `answers/<task>.jsonl`.
            model: the class of its lines.
            digest: SHA-256 of the member that the manifest states.

        Raises:
            Rejected: a line is wrong, or, at the end, the member has another SHA-256 (`checksum`).
        """
        older = self._version == schema_1.VERSION and name.startswith("answers/")
        digester = hashlib.sha256()
        with self._open(name) as member:
            size = 0
            for number in range(1, MAX_LINES + 2):
                line = self._read(member, name, MAX_LINE, line=True)
                if not line:
                    break
                size += len(line)
                if number > MAX_LINES or size > MAX_MEMBER:
                    raise rejected("too-large", name, f"more than {MAX_LINES:,} lines or {MAX_MEMBER:,} bytes")
                digester.update(line)
                where = f"{name}, line {number}"
                value = load(line, where)
                yield validated(schema_1.answer(value) if older else value, where, model)
        _same(name, digester.hexdigest(), digest)

    def blocks(self, name: str, digest: str) -> Iterator[tuple[MapLine, LayerMaps, bytes]]:
        """Yield line, maps and all bytes of every block of a member of maps; arguments as for `lines`.

        Raises:
            Rejected: a block is damaged, cut off or too large (`maps`, `too-large`); or, at the end, as for `lines`.
        """
        digester = hashlib.sha256()
        with self._open(name) as member:
            size = 0
            while line := self._read(member, name, MAX_LINE, line=True):
                try:
                    about = MAPS.line_of(line)
                    if about.size > MAX_BLOCK:
                        raise rejected("too-large", name, f"a map of {about.size:,} bytes, at most {MAX_BLOCK:,}")
                    data = self._read(member, name, about.size, part=True)
                    maps = maps_of(about, about.verified(data))
                except (ValueError, RecursionError) as problem:
                    if isinstance(problem, Rejected):
                        raise
                    raise rejected("maps", f"{name}, byte {size}", _first_line(problem)) from None
                size += len(line) + len(data)
                if size > MAX_MEMBER:
                    raise rejected("too-large", name, f"more than {MAX_MEMBER:,} bytes")
                digester.update(line)
                digester.update(data)
                yield about, maps, line + data
        _same(name, digester.hexdigest(), digest)

    def _open(self, name: str) -> BinaryIO:
        try:
            return self._archive.open(name)  # type: ignore[return-value]
        except KeyError:
            raise rejected("missing-file", name, "is missing") from None
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError, struct.error) as problem:
            raise rejected("not-a-zip", name, str(problem)[:200]) from None

    def _read(self, member: BinaryIO, name: str, most: int, line: bool = False, part: bool = False) -> bytes:
        try:
            data = member.readline(most + 1) if line else member.read(most + (not part))
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError) as problem:
            raise rejected("not-a-zip", name, f"damaged: {str(problem)[:200]}") from None
        if len(data) > most:
            raise rejected("too-large", name, f"{'a line' if line else 'it'} is longer than {most:,} bytes")
        return data


def _same(name: str, actual: str, stated: str) -> None:
    if actual != stated:
        raise rejected("checksum", name, f"its SHA-256 is {actual}, but the manifest says {stated}")


def _first_line(problem: Exception) -> str:
    return (str(problem) or type(problem).__name__).partition("\n")[0][:200]
