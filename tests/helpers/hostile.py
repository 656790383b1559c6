"""Files that a stranger might send in place of a bundle."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

from tampered import parts, put_together

TASK = "vqa_demo_hard"
ANSWERS = f"answers/{TASK}.jsonl"

#: (a good bundle, where to write) -> writes the hostile one.
Make = Callable[[Path, Path], object]


def rezip(
    good: Path,
    out: Path,
    *,
    replace: dict[str, bytes] | None = None,
    add: list[tuple[zipfile.ZipInfo | str, bytes]] = (),
) -> None:
    """Return the good bundle's members, some replaced, with further ones added."""
    with zipfile.ZipFile(good) as archive, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name in archive.namelist():
            made.writestr(name, (replace or {}).get(name, archive.read(name)))
        for info, data in add:
            made.writestr(info, data)


def member(name: str, mode: int = 0o100644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def _renamed(name: str) -> Make:
    return lambda good, out: rezip(good, out, add=[(member(name), b"x")])


def _nul(good: Path, out: Path) -> None:
    """A name with a NUL, which Python's zip library does not write."""
    rezip(good, out, add=[(member("answers/x.jsonl#.txt"), b"x")])
    out.write_bytes(out.read_bytes().replace(b"x.jsonl#.txt", b"x.jsonl\0.txt"))


def _bytes(good: Path, out: Path, change: Callable[[bytearray], object]) -> None:
    data = bytearray(good.read_bytes())
    change(data)
    out.write_bytes(data)


def _zip64(good: Path, out: Path) -> None:
    data = good.read_bytes()
    out.write_bytes(data[:-22] + struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1) + data[-22:])


def _claims_many(good: Path, out: Path) -> None:
    def change(data: bytearray) -> None:
        data[-14:-10] = struct.pack("<HH", 65535, 65535)

    _bytes(good, out, change)


def _many_members(good: Path, out: Path) -> None:
    """A central directory of 60,000 names; an object for each would take tens of megabytes, for millions gigabytes."""
    names = [f"answers/t{number:05}.jsonl".encode() for number in range(60_000)]
    size = 30 + len(names[0])
    files = [struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 33, 0, 0, 0, size - 30, 0) + name for name in names]
    entries = [
        struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 33, 0, 0, 0, size - 30, 0, 0, 0, 0, 0, place * size)
        + name
        for place, name in enumerate(names)
    ]
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 60_000, 60_000, sum(map(len, entries)), 60_000 * size, 0)
    out.write_bytes(b"".join([*files, *entries, end]))
    with zipfile.ZipFile(out) as archive:
        assert archive.namelist()[-1] == names[-1].decode()


def _encrypted(good: Path, out: Path) -> None:
    def change(data: bytearray) -> None:
        start = data.index(b"PK\x01\x02")
        data[start + 8] |= 1

    _bytes(good, out, change)


def _other_compression(kind: int) -> Make:
    def make(good: Path, out: Path) -> None:
        with zipfile.ZipFile(good) as archive, zipfile.ZipFile(out, "w", kind) as made:
            for name in archive.namelist():
                made.writestr(name, archive.read(name))

    return make


def _bomb(good: Path, out: Path) -> None:
    """700 MB of zeros in a few, under the name of a member: more than a check may take of memory."""
    with zipfile.ZipFile(good) as archive, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
        for name in archive.namelist():
            if name != ANSWERS:
                made.writestr(name, archive.read(name))
        with made.open(ANSWERS, "w", force_zip64=True) as file:
            for _ in range(700):
                file.write(bytes(1_000_000))


def _lying_bomb(good: Path, out: Path) -> None:
    """A member of 90 MB whose entry says 10 bytes."""
    rezip(good, out, replace={ANSWERS: b" " * 90_000_000})
    data = bytearray(out.read_bytes())
    directory = data.index(b"PK\x01\x02")
    while data[directory + 46 : directory + 46 + len(ANSWERS)] != ANSWERS.encode():
        directory = data.index(b"PK\x01\x02", directory + 4)
    data[directory + 24 : directory + 28] = struct.pack("<L", 10)
    out.write_bytes(data)


def _bomb_of_lines(good: Path, out: Path) -> None:
    """90 MB of small valid lines: more than the task has questions."""
    made = parts(good)
    line = made[ANSWERS][0]
    made[ANSWERS] = [line] * 700_000
    put_together(out, made)


def _bomb_of_questions(good: Path, out: Path) -> None:
    """The same, but the manifest states the largest number of questions that is allowed."""
    made = parts(good)
    made["manifest"]["tasks"][TASK]["asked"] = 100_000
    made[ANSWERS] = [made[ANSWERS][0]] * 200_000
    made[f"questions/{TASK}.jsonl"] = [made[f"questions/{TASK}.jsonl"][0]] * 90_000
    put_together(out, made)


def _twice(good: Path, out: Path) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rezip(good, out, add=[(member(ANSWERS), b"{}\n")])


def _overlapping(good: Path, out: Path) -> None:
    """Two directory entries that read the same bytes."""

    def change(data: bytearray) -> None:
        first = data.index(b"PK\x01\x02")
        second = data.index(b"PK\x01\x02", first + 4)
        data[second + 42 : second + 46] = data[first + 42 : first + 46]

    _bytes(good, out, change)


def _damaged(good: Path, out: Path) -> None:
    def change(data: bytearray) -> None:
        start = data.index(ANSWERS.encode()) + len(ANSWERS) + 200
        data[start : start + 50] = bytes(50)

    _bytes(good, out, change)


def _boxes(good: Path, out: Path) -> None:
    made = parts(good)
    for line in made[f"questions/{TASK}.jsonl"]:
        line["boxes"] = [[]] * 33_000
    put_together(out, made)


def _no_utf8(good: Path, out: Path) -> None:
    """A first member whose local name is not UTF-8; nothing looks at it before the member is read."""

    def change(data: bytearray) -> None:
        directory = data.index(b"PK\x01\x02")
        data[7] |= 8
        data[directory + 9] |= 8
        data[30] = 0xFF

    _bytes(good, out, change)


def _line(text: bytes) -> Make:
    """A bundle whose first answer is this line."""

    def make(good: Path, out: Path) -> None:
        with zipfile.ZipFile(good) as archive:
            _, _, rest = archive.read(ANSWERS).partition(b"\n")
        rezip(good, out, replace={ANSWERS: text + b"\n" + rest})

    return make


def _manifest(text: bytes) -> Make:
    return lambda good, out: rezip(good, out, replace={"manifest.json": text})


CASES: dict[str, tuple[Make, str]] = {
    "nothing": (lambda _good, out: out.write_bytes(b""), "not-a-zip"),
    "text": (lambda _good, out: out.write_text("a submission " * 100), "not-a-zip"),
    "the end is missing": (lambda good, out: out.write_bytes(good.read_bytes()[:-500]), "not-a-zip"),
    "the start is missing": (lambda good, out: out.write_bytes(good.read_bytes()[500:]), "not-a-zip"),
    "only an end": (lambda good, out: out.write_bytes(good.read_bytes()[-22:]), "not-a-zip"),
    "a zip of nothing": (lambda _good, out: zipfile.ZipFile(out, "w").close(), "missing-file"),
    "the large kind of zip": (_zip64, "not-a-zip"),
    "it claims 65,535 members": (_claims_many, "too-large"),
    "60,000 members": (_many_members, "too-large"),
    "encrypted": (_encrypted, "not-a-zip"),
    "bzip2": (_other_compression(zipfile.ZIP_BZIP2), "not-a-zip"),
    "lzma": (_other_compression(zipfile.ZIP_LZMA), "not-a-zip"),
    "damaged": (_damaged, "not-a-zip"),
    "overlapping members": (_overlapping, "not-a-zip"),
    "a bomb": (_bomb, "too-large"),
    "a bomb that lies about its size": (_lying_bomb, "not-a-zip"),
    "a bomb of lines": (_bomb_of_lines, "missing-uid"),
    "a bomb of questions": (_bomb_of_questions, "count"),
    "one line of 90 MB": (_line(b'{"answer":"' + b"a" * 90_000_000 + b'","uid":"x"}'), "too-large"),
    "a manifest of 50 MB": (_manifest(b'{"a":"' + b"a" * 50_000_000 + b'"}'), "too-large"),
    "up and out": (_renamed("../../etc/passwd"), "path"),
    "up inside": (_renamed("answers/../../x.jsonl"), "path"),
    "from the root": (_renamed("/etc/passwd"), "path"),
    "backslashes": (_renamed("answers\\..\\x.jsonl"), "path"),
    "a drive": (_renamed("C:x.jsonl"), "path"),
    "a name cut by NUL": (_nul, "path"),
    "a symbolic link": (
        lambda good, out: rezip(good, out, add=[(member("answers/x.jsonl", 0o120777), b"/etc/passwd")]),
        "link",
    ),
    "a folder": (lambda good, out: rezip(good, out, add=[(member("answers/", 0o040755), b"")]), "link"),
    "a device": (lambda good, out: rezip(good, out, add=[(member("answers/x.jsonl", 0o020666), b"")]), "link"),
    "a member twice": (_twice, "duplicate-file"),
    "a program": (_renamed("run.py"), "unknown-file"),
    "an upper-case name": (_renamed("answers/VQA.jsonl"), "unknown-file"),
    "no manifest": (
        lambda good, out: put_members(good, out, lambda name: name != "manifest.json"),
        "missing-file",
    ),
    "no JSON": (_manifest(b"schema_version: 1"), "json"),
    "a list": (_manifest(b"[]"), "schema-version"),
    "a manifest of nothing": (_manifest(b'{"schema_version":1}'), "schema"),
    "nested 100,000 times": (_manifest(b"[" * 100_000 + b"]" * 100_000), "json"),
    "objects nested 100,000 times": (_manifest(b'{"a":' * 100_000 + b"1" + b"}" * 100_000), "json"),
    "a number of 500,000 digits": (_manifest(b'{"schema_version":' + b"9" * 500_000 + b"}"), "json"),
    "two versions": (_manifest(b'{"schema_version":1,"schema_version":2}'), "json"),
    "100,000 names and one twice": (
        _manifest(b"{" + b",".join(b'"%d":1' % n for n in [*range(80_000), 79_999]) + b"}"),
        "json",
    ),
    "questions of 33,000 boxes": (_boxes, "schema"),
    "a name that is no UTF-8": (_no_utf8, "not-a-zip"),
    "UTF-16": (_manifest('{"schema_version":1}'.encode("utf-16")), "json"),
    "no UTF-8": (_line(b'{"answer":"\xff","uid":"x"}'), "json"),
    "NaN": (_line(b'{"answer":"a","score":NaN,"uid":"x"}'), "not-finite"),
    "minus infinity": (_line(b'{"answer":"a","score":-Infinity,"uid":"x"}'), "not-finite"),
    "a number beyond all": (_line(b'{"answer":"a","score":1e999,"uid":"x"}'), "not-finite"),
    "half a surrogate": (_line(b'{"answer":"\\ud800","uid":"x"}'), "json"),
    "an empty line": (_line(b""), "json"),
    "a line cut off": (_line(b'{"answer":"a","uid":'), "json"),
    "a list for an answer": (_line(b"[1]"), "schema"),
}


def put_members(good: Path, out: Path, keep: Callable[[str], bool]) -> None:
    with zipfile.ZipFile(good) as archive, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name in filter(keep, archive.namelist()):
            made.writestr(name, archive.read(name))
