"""The leaderboard as a folder of static files, from a folder of bundles: the same input gives the same bytes.

Bundles are validated one after the other, and of each only its scores stay in memory; answers are read again when they are
written. The folder is made whole beside its place and then moved there.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from lmms_vg.leaderboard import history, pages
from lmms_vg.leaderboard import standings as profile
from lmms_vg.leaderboard.alike import Likeness, likenesses
from lmms_vg.leaderboard.answer_explorer import check_withheld, data_files
from lmms_vg.leaderboard.formats import FORMATS
from lmms_vg.leaderboard.plain_pairing import NONE, plain_runs
from lmms_vg.leaderboard.tables import tables
from lmms_vg.paper.protocols import PROTOCOLS, ProtocolName
from lmms_vg.submission.validate import check
from lmms_vg.submission.validated import Entry

MARKER = ".lmms-vg-site"
BUNDLE = "bundle.zip"

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_SAID = "Written by lmms-vg leaderboard build, which replaces this folder when it is asked to build here again.\n"


class Submission(NamedTuple):
    """A validated bundle; `digest` is its SHA-256."""

    entry: Entry
    path: Path
    digest: str


class Refused(NamedTuple):
    """A bundle that was left out, and why."""

    path: Path
    reasons: list[str]


class Built(NamedTuple):
    """What became of the bundles; `empty` are folders without one. `alike`: what each is like that is like any.

    `unordered` says why nobody knows which of them came first, empty if the repository's history tells.
    `initial`: the largest number of bytes that a page of tables loads.
    """

    submissions: int
    refused: list[Refused]
    empty: list[Path]
    alike: dict[str, list[Likeness]]
    unordered: str
    initial: int


def build(folder: Path, out: Path, withheld: Collection[str] = ()) -> Built:
    """Write the site of `folder/<id>/bundle.zip` to `out`, replacing a site that is there.

    `withheld` are data sets whose questions, options and references are kept out of it. Errors: ValueError for other things
    at `out`, for no valid bundle (all reasons are named), and for unknown data sets.
    """
    check_withheld(withheld)
    place = _free(out, folder)
    if not folder.is_dir():
        raise ValueError(f"{folder}: there is no such folder")
    past = history.read(folder)
    valid, refused = _read(folder, past.arrivals)
    if not valid:
        reasons = "\n".join(f"{one.path}: {reason}" for one in refused for reason in one.reasons)
        raise ValueError(f"{folder}: holds no valid <id>/{BUNDLE}, so there is nothing to show\n{reasons}".rstrip())
    alike = likenesses([one.entry for one in valid])
    scratch = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        for path, text in _files(valid, alike, withheld):
            _write(scratch / path, text)
        initial = _initial(scratch)
        _move(scratch, place)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    empty = [one for one in sorted(folder.iterdir()) if one.is_dir() and not (one / BUNDLE).exists()]
    return Built(len(valid), refused, empty, alike, past.unknown, initial)


def _free(out: Path, folder: Path) -> Path:
    place = out.resolve()
    if folder.resolve().is_relative_to(place) or place.is_relative_to(folder.resolve()):
        raise ValueError(
            f"{out}: a site beside its bundles or around them would be lost or mixed up; name another folder"
        )
    if place.exists() and not (place / MARKER).is_file() and not (place.is_dir() and not any(place.iterdir())):
        raise ValueError(
            f"{out}: is there and is no site that lmms-vg wrote, so it is not replaced; name another folder"
        )
    return place


def _read(folder: Path, arrivals: Mapping[str, int]) -> tuple[list[Submission], list[Refused]]:
    valid: list[Submission] = []
    refused: list[Refused] = []
    paths = sorted(folder.glob(f"*/{BUNDLE}"), key=lambda path: path.parent.name)
    for path in tqdm(paths, desc="checking", unit="bundle"):
        id = path.parent.name
        if not _ID.fullmatch(id):
            said = (
                f"{id!r} is no id: rename the folder to a-z, 0-9, '.', '_', '-', at most 100, first a letter or digit"
            )
            refused.append(Refused(path, [said]))
            continue
        try:
            checked = check(path, id)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as problem:
            refused.append(Refused(path, [f"cannot be read: {problem.strerror}"]))
            continue
        if checked.entry is None:
            refused.append(Refused(path, list(map(str, checked.errors))))
        else:
            entry = replace(checked.entry, arrival=arrivals.get(f"{id}/{BUNDLE}"))
            valid.append(Submission(entry, path, digest))
    return valid, refused


def _files(
    valid: Sequence[Submission], alike: Mapping[str, list[Likeness]], withheld: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Path and text of every file."""
    yield MARKER, _SAID
    yield ".nojekyll", ""  # else GitHub Pages turns the Markdown files into pages
    for file in resources.files("lmms_vg.leaderboard").joinpath("static").iterdir():
        yield file.name, file.read_text("utf-8")
    entries = [one.entry for one in valid]
    present = {entry.manifest.protocol for entry in entries}
    offered = [protocol for protocol in PROTOCOLS if protocol in present] or [*PROTOCOLS][:1]
    made = {protocol: tables(entries, protocol, alike) for protocol in offered}
    for protocol, shown in made.items():
        yield pages.page_of(protocol, offered), pages.front(protocol, offered, shown, withheld)
        for table in shown:
            for kind, form in FORMATS.items():
                yield f"downloads/{protocol}/{table.key}.{kind}", form(table)
    standings = {protocol: profile.standings(shown) for protocol, shown in made.items()}
    yield from _submissions(valid, standings, alike, withheld)


def _submissions(
    valid: Sequence[Submission],
    standings: dict[ProtocolName, dict[str, list[profile.Standing]]],
    alike: Mapping[str, list[Likeness]],
    withheld: Collection[str],
) -> Iterator[tuple[str, str]]:
    offered = list(standings)
    plain = plain_runs([one.entry for one in valid])
    done: set[str] = set()
    for entry, path, digest in tqdm(valid, desc="writing", unit="bundle"):
        stands = standings[entry.manifest.protocol or offered[0]].get(entry.id, [])
        page = pages.submission(
            entry, plain.get(entry.id, NONE).of, alike.get(entry.id, []), digest, stands, offered, withheld
        )
        yield f"submissions/{entry.id}.html", page
        for name, text in data_files(entry, path, withheld, done):
            done.add(name)
            yield name, text


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def _initial(site: Path) -> int:
    files = {path: path.stat().st_size for path in site.iterdir() if path.is_file()}
    largest = max(size for path, size in files.items() if path.suffix == ".html")
    return largest + sum(size for path, size in files.items() if path.suffix in (".css", ".js", ".svg"))


def _move(scratch: Path, place: Path) -> None:
    """Into place, with the old site aside until the new one is there."""
    old = place.with_name(f"{scratch.name}.old")
    if place.exists():
        os.replace(place, old)
    try:
        os.replace(scratch, place)
    except OSError:
        if old.exists():
            os.replace(old, place)
        raise
    shutil.rmtree(old, ignore_errors=True)
