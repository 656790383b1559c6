"""Answers that move to another machine: nothing is lost, doubled or taken from a zip that is damaged or hostile."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest
from head_values import question_heads
from journals import find, held, record
from maps import question_map

from lmms_vg import journal
from lmms_vg.journal import Journal, JournalError, archive, read_entries, read_lines, read_records
from lmms_vg.journal.archive import Imported, export, load
from lmms_vg.journal.lines import FORMAT, encode

NAME = "llava_plain-0123456789abcdef"
HEADER = encode([{"format": FORMAT, "run": {"weights": "w"}}])
GOOD = HEADER + encode([record(key).model_dump(mode="json") for key in "ab"])


@pytest.fixture
def moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """From now on this is another machine, on which there is nothing yet; returns its journal of that configuration."""

    def move() -> Path:
        monkeypatch.setenv("LMMS_VG_HOME", str(tmp_path / "there"))
        return journal.home() / "journal" / NAME

    return move


@pytest.fixture
def here() -> Path:
    """A journal of two ranks with batches, a failure, and a text that is no text."""
    folder = journal.home() / "journal" / NAME
    with Journal(folder, provenance={"weights": "w"}) as made:
        made.write(
            [record("a"), record("b", text="żółw \udc80\n\0"), record("c", alignment={"heads": {"kl": [[1.5]]}})]
        )
        made.write([record("bad", text="", error="E: no", error_code="model")])
    with Journal(folder, rank=1) as made:
        made.write([record("d"), record("e")])
        made.find("a", "t2", "u2")
    return folder


@pytest.fixture
def with_maps() -> Path:
    """A journal with maps and values of heads of two ranks, one file torn at its end."""
    folder = journal.home() / "journal" / NAME
    for rank, keys in enumerate(("ab", "c")):
        with Journal(folder, rank) as made:
            made.write(
                [record(key) for key in keys],
                [question_map(key, f"i{rank}") for key in keys],
                [question_heads(key) for key in keys],
            )
    with (folder / "rank1.maps").open("ab") as file:
        file.write(b'{"sha256": "torn')
    return folder


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with ZipFile(path, "w", ZIP_DEFLATED) as out:
        for name, data in members.items():
            out.writestr(name, data)
        out.comment = f"lmms_vg journals, {len(members)} files".encode()
    return path


@pytest.mark.slow
def test_a_journal_arrives_as_it_was(here: Path, tmp_path: Path, moved: Callable[[], Path]) -> None:
    files = {path.name: path.read_bytes() for path in here.glob("rank*")}
    export([here], tmp_path / "a.zip")
    there = moved()
    assert load(tmp_path / "a.zip") == [Imported(there, answers=6, failures=1)]
    assert {path.name: path.read_bytes() for path in there.glob("rank*")} == files
    with Journal(there) as made:
        assert made.keys() == set("abcde")
        assert find(made, "b") == record("b", text="żółw \udc80\n\0")


def test_maps_and_values_of_heads_go_along_once(with_maps: Path, tmp_path: Path, moved: Callable[[], Path]) -> None:
    files = {path.name: path.read_bytes().removesuffix(b'{"sha256": "torn') for path in with_maps.glob("rank*")}
    export([with_maps], tmp_path / "a.zip")
    there = moved()
    for _ in range(2):
        load(tmp_path / "a.zip")
        assert {path.name: path.read_bytes() for path in there.glob("rank*")} == files


def test_maps_of_another_layout_stay_where_they_are(with_maps: Path, tmp_path: Path, moved: Callable[[], Path]) -> None:
    """Of an export those that are readable; of an import none into such a file, but the answers."""
    (with_maps / "rank1.maps").write_bytes(b"other")
    export([with_maps], tmp_path / "a.zip")
    there = moved()
    there.mkdir(parents=True)
    (there / "rank0.maps").write_bytes(b"other")
    assert load(tmp_path / "a.zip") == [Imported(there, answers=3)]
    assert {path.name: path.read_bytes() for path in there.glob("*.maps")} == {"rank0.maps": b"other"}


def test_damaged_maps_are_said_and_nothing_is_imported(
    with_maps: Path, tmp_path: Path, moved: Callable[[], Path]
) -> None:
    data = bytearray((with_maps / "rank0.maps").read_bytes())
    data[-1] ^= 1
    there = moved()
    bad = zipped(tmp_path / "a.zip", {f"{NAME}/rank0.jsonl": GOOD, f"{NAME}/rank0.maps": bytes(data)})
    with pytest.raises(ValueError, match=r"rank0\.maps, block 3: damaged .the checksum .*nothing was imported"):
        load(bad)
    assert not list(there.glob("*"))
    bad = zipped(tmp_path / "a.zip", {f"{NAME}/rank0.maps": block_of_layout(2)})
    with pytest.raises(JournalError, match="its layout is 2; this version of lmms_vg supports 1"):
        load(bad)


def block_of_layout(layout: int) -> bytes:
    return encode([{"layout": layout, "key": "k"}])


def test_importing_twice_changes_nothing(here: Path, tmp_path: Path, moved: Callable[[], Path]) -> None:
    export([here], tmp_path / "a.zip")
    there = moved()
    load(tmp_path / "a.zip")
    before = {path.name: path.read_bytes() for path in there.glob("rank*")}
    assert load(tmp_path / "a.zip") == [Imported(there, known=7)]
    assert {path.name: path.read_bytes() for path in there.glob("rank*")} == before


def test_what_is_there_stays_and_what_is_new_is_added(here: Path, tmp_path: Path, moved: Callable[[], Path]) -> None:
    export([here], tmp_path / "a.zip")
    there = moved()
    with Journal(there, provenance={"weights": "w2"}) as made:
        made.write([record("b", text="theirs"), record("z")])
    (there / "rank0.jsonl").open("ab").write(b'{"sha256": "torn')
    assert load(tmp_path / "a.zip") == [Imported(there, answers=5, failures=1, known=1)]
    entries = list(read_entries(sorted(there.glob("rank*"))))
    assert [one.key if isinstance(one, journal.Record) else one for one in entries] == [
        *({"weights": "w2"}, "b", "z", {"weights": "w"}, "a", "c", "bad"),
        *({}, "d", "e", "a"),
    ]
    with Journal(there) as made:
        assert find(made, "b") == record("b", text="theirs")
    lines = (there / "rank0.jsonl").read_bytes().splitlines()
    assert [b'"more": 1' in line for line in lines] == [False, True, False, False, True, False, False, False], "batches"


def test_damaged_and_torn_lines_are_not_exported(here: Path, tmp_path: Path, moved: Callable[[], Path]) -> None:
    path = here / "rank0.jsonl"
    path.write_bytes(path.read_bytes().replace(b"says a", b"says b")[:-5])
    export([here], tmp_path / "a.zip")
    moved()
    assert [(one.answers, one.failures) for one in load(tmp_path / "a.zip")] == [(5, 0)]


def test_an_import_that_was_killed_goes_on(
    here: Path, tmp_path: Path, moved: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed within a batch: it leaves whole batches, and importing again adds the rest."""
    export([here], tmp_path / "a.zip")
    there = moved()
    real = os.write
    with monkeypatch.context() as full:
        full.setattr(os, "ftruncate", lambda *_: None)
        full.setattr(os, "write", lambda file, data: real(file, bytes(data)[:400]) and (_ for _ in ()).throw(OSError()))
        with pytest.raises(JournalError):
            load(tmp_path / "a.zip")
    load(tmp_path / "a.zip")
    assert {one.key for one in read_records(sorted(there.glob("rank*")))} == {*"abcde", "bad"}


@pytest.mark.parametrize(
    "name",
    [
        f"../{NAME}/rank0.jsonl",
        "../rank0.jsonl",
        f"/{NAME}/rank0.jsonl",
        f"{NAME}/../../rank0.jsonl",
        f"{NAME}\\rank0.jsonl",
        f"{NAME}/deeper/rank0.jsonl",
        f".{NAME}/rank0.jsonl",
        "rank0.jsonl",
        f"{NAME}/holder.json",
        f"{NAME}/rank.jsonl",
        f"{NAME}/",
    ],
)
def test_names_that_lead_out_are_refused(name: str, tmp_path: Path) -> None:
    bad = zipped(tmp_path / "a.zip", {f"{NAME}/rank0.jsonl": GOOD, name: GOOD})
    with pytest.raises(ValueError, match="nothing was imported") as refused:
        load(bad)
    assert "\n" not in str(refused.value)
    assert [path.name for path in tmp_path.rglob("*")] == ["a.zip"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (GOOD.replace(b"says a", b"says b"), "line 2: damaged .the checksum"),
        (GOOD[:-5], "line 3: damaged"),
        (HEADER + b"\0" * 50, "line 2: damaged"),
        (HEADER + encode([{"key": "k"}]), "line 2: damaged .Field required"),
        (HEADER + encode([record("a").model_dump(mode="json") | {"new": 1}]), "line 2: damaged .Extra inputs"),
        (HEADER + encode([{"run": {}}]).replace(b"{}", b"[" * 100_000), "line 2: damaged"),
        (encode([{"run": {}}]), "its format is 1; this version of lmms_vg supports 2"),
        (encode([{"format": 3, "run": {}}]), "its format is 3; this version of lmms_vg supports 2"),
    ],
)
def test_damage_is_said_and_nothing_is_imported(data: bytes, says: str, tmp_path: Path) -> None:
    """The damaged member comes last, behind one that is intact."""
    bad = zipped(tmp_path / "a.zip", {f"{NAME}/rank0.jsonl": GOOD, f"{NAME}/rank1.jsonl": data})
    with pytest.raises((ValueError, JournalError), match=says) as refused:
        load(bad)
    assert f"{bad}, member {NAME}/rank1.jsonl" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert [path.name for path in tmp_path.rglob("*")] == ["a.zip"]


def test_a_link_is_never_made(tmp_path: Path) -> None:
    link = ZipInfo(f"{NAME}/rank0.jsonl")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with ZipFile(tmp_path / "a.zip", "w") as out:
        out.writestr(link, "/etc/passwd")
        out.comment = b"lmms_vg journals, 1 files"
    with pytest.raises(ValueError, match="line 1: damaged"):
        load(tmp_path / "a.zip")


def test_a_line_without_end_is_not_read_to_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "LONGEST", 1000)
    bomb = zipped(tmp_path / "a.zip", {f"{NAME}/rank0.jsonl": HEADER + b"x" * 100_000})
    with pytest.raises(ValueError, match="line 2: damaged"):
        load(bomb)


def test_what_does_not_fit_on_the_disk_is_refused_before_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = zipped(tmp_path / "a.zip", {f"{NAME}/rank0.jsonl": GOOD})
    monkeypatch.setattr(archive.shutil, "disk_usage", lambda _: type("Usage", (), {"free": len(GOOD) - 1}))
    with pytest.raises(ValueError, match=f"its {len(GOOD)} bytes do not fit"):
        load(good)
    assert list(journal.home().rglob("*.jsonl")) == []


@pytest.mark.parametrize("data", [b"", b"PK", GOOD, b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_zip_of_journals_is_said(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(ValueError, match=f"{tmp_path}/a.zip: it is no zip|it is incomplete, or not made by"):
        load(tmp_path / "a.zip")


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.99])
def test_a_truncated_zip_is_said(here: Path, tmp_path: Path, cut: float) -> None:
    export([here], tmp_path / "a.zip")
    data = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(data[: int(len(data) * cut)])
    with pytest.raises(ValueError, match=r"it is .*incomplete"):
        load(tmp_path / "a.zip")


@pytest.mark.slow
def test_a_zip_with_flipped_bytes_is_never_half_imported(here: Path, tmp_path: Path, moved: Callable[[], Path]) -> None:
    export([here], tmp_path / "a.zip")
    data = bytearray((tmp_path / "a.zip").read_bytes())
    there = moved()
    expected = {path.name: list(read_lines(path)) for path in here.glob("rank*")}
    for place in range(len(data)):
        broken = bytearray(data)
        broken[place] ^= 0x80
        (tmp_path / "b.zip").write_bytes(broken)
        with suppress(ValueError):
            load(tmp_path / "b.zip")
        files = {path.name: list(read_lines(path)) for path in there.glob("rank*")}
        assert files in ({}, expected), "it is there where the byte says nothing about the content, a time for instance"
        for path in there.glob("*"):
            path.unlink()


def test_an_existing_file_is_not_overwritten(here: Path, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("mine")
    with pytest.raises(ValueError, match="already exists"):
        export([here], tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_text() == "mine"


def test_another_format_is_not_exported(here: Path, tmp_path: Path) -> None:
    (here / "rank2.jsonl").write_bytes(encode([{"format": 3, "run": {}}]))
    with pytest.raises(JournalError, match="its format is 3"):
        export([here], tmp_path / "a.zip")
    assert list(tmp_path.glob("*a.zip*")) == []


@pytest.mark.e2e
def test_a_journal_in_use_is_said_and_nothing_is_imported(
    here: Path, tmp_path: Path, moved: Callable[..., Any]
) -> None:
    export([here], tmp_path / "a.zip")
    there = moved()
    with held(there) as process, pytest.raises(JournalError, match=f"in use by process {process.pid} .*import again"):
        load(tmp_path / "a.zip")
    assert not list(there.glob("rank*"))
    assert load(tmp_path / "a.zip") == [Imported(there, answers=6, failures=1)]
