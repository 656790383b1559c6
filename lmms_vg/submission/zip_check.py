"""Whether a file is a zip that may be a bundle, before any of it is unpacked."""

from __future__ import annotations

import re
import stat
import struct
import zipfile
from typing import BinaryIO

from lmms_vg.submission.findings import rejected

_MEMBER = re.compile(r"manifest\.json|(?:questions|answers)/[a-z0-9_]{1,100}\.jsonl|maps/[a-z0-9_]{1,100}\.maps")

# In bytes. The paper's benchmarks and VGMED with a model of 60 layers take 60 MB packed, 400 MB unpacked, 110 members; maps
# add at most 100 MB (`packing`).
MAX_FILE = 200_000_000
MAX_MEMBERS = 200
MAX_UNPACKED = 600_000_000
MAX_MEMBER = 100_000_000

_END = struct.Struct("<4s4H2LH")  # end of central directory
_ZIP64_LOCATOR = 20  # bytes in front of the end record in a zip of more than 4 GB


def check_end(file: BinaryIO, where: str) -> None:
    """Check the number of members before the zip library makes an object of each.

    Raises:
        Rejected: it is not a zip, or too large.
    """
    size = file.seek(0, 2)
    if size > MAX_FILE:
        raise rejected("too-large", where, f"{size:,} bytes, at most {MAX_FILE:,}")
    if size < _END.size:
        raise rejected("not-a-zip", where, f"{size} bytes are too few for a zip")
    file.seek(-_END.size, 2)
    mark, _, _, _, count, directory, _, comment = _END.unpack(file.read())
    if mark != b"PK\x05\x06" or comment:
        raise rejected("not-a-zip", where, "it does not end as a zip without a comment does")
    if size >= _END.size + _ZIP64_LOCATOR:
        file.seek(-_END.size - _ZIP64_LOCATOR, 2)
        if file.read(4) == b"PK\x06\x07":
            raise rejected("not-a-zip", where, "it is a ZIP64 file, the kind for more than 4 GB")
    if count > MAX_MEMBERS or directory > MAX_MEMBERS * 1_000:
        raise rejected("too-large", where, f"{count:,} members, at most {MAX_MEMBERS}")
    file.seek(0)


def check_members(archive: zipfile.ZipFile, where: str) -> None:
    """Check name, kind, compression and size of every member, as stated in the zip's directory.

    Raises:
        Rejected: a member is none that a bundle may have, or they are too large.
    """
    infos = archive.infolist()
    seen: set[str] = set()
    for info in infos:
        name = info.filename
        label = repr(name[:100])
        kind = stat.S_IFMT(info.external_attr >> 16)
        if name.startswith("/") or re.search(r"\.\.|[\\:\0]", name) or name != info.orig_filename:
            raise rejected("path", label, "leads out of the bundle, or could on some systems")
        if kind not in (0, stat.S_IFREG) or info.is_dir():
            raise rejected("link", label, "is a link, a folder or a device")
        if not _MEMBER.fullmatch(name):
            raise rejected("unknown-file", label, "a bundle holds manifest.json, questions/, answers/ and maps/ only")
        if name in seen:
            raise rejected("duplicate-file", label, "appears twice")
        seen.add(name)
        if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise rejected("not-a-zip", label, "is encrypted, or compressed with a method other than deflate")
        if info.file_size > MAX_MEMBER:
            raise rejected("too-large", label, f"{info.file_size:,} bytes unpacked, at most {MAX_MEMBER:,}")
    if sum(info.file_size for info in infos) > MAX_UNPACKED:
        raise rejected("too-large", where, f"more than {MAX_UNPACKED:,} bytes unpacked")
