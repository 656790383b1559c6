"""PNG files written by hand: of any size in pixels, but a few kB."""

from __future__ import annotations

import struct
import zlib


def png(width: int, height: int, depth: int, colour: int) -> bytes:
    """A PNG of zeros, a few kB whatever its size in pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = bytes(1 + (width * depth * {0: 1, 2: 3, 4: 2, 6: 4}[colour] + 7) // 8)
    packer = zlib.compressobj(1)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
