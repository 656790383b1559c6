"""Build the leaderboard, a folder of static files, from a folder of bundles; the same input gives the same bytes.

Bundles are validated one after the other, and only their scores stay in memory; answers are read again when they are written.
The site is completed in a folder beside its place and then moved there.
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
from lmms_vg.leaderboard.best_gains import best_gains, headlines
from lmms_vg.leaderboard.chance_rows import chance
from lmms_vg.leaderboard.formats import FORMATS
from lmms_vg.leaderboard.plain_pairing import NONE, PlainRuns, plain_runs
from lmms_vg.leaderboard.submitted_looks import SubmittedLooks
from lmms_vg.leaderboard.table_specs import shapes
from lmms_vg.leaderboard.tables import tables
from lmms_vg.paper.protocols import PROTOCOLS, ProtocolName
from lmms_vg.submission.validate import check
from lmms_vg.submission.validated import Entry

MARKER = ".lmms-vg-site"
BUNDLE = "bundle.zip"

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_SAID = "Written by lmms-vg leaderboard build, which replaces this folder when it builds here again.\n"


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
    """The outcome of a build.

    Attributes:
        submissions: number of bundles shown.
        empty: folders without a bundle.
        alike: id -> the submissions that it is like, if any.
        unordered: why nobody knows which bundle came first; empty if the repository's history says.
        initial: largest number of bytes that a page of tables loads.
    """

    submissions: int
    refused: list[Refused]
    empty: list[Path]
    alike: dict[str, list[Likeness]]
    unordered: str
    initial: int


def build(folder: Path, out: Path, withheld: Collection[str] = ()) -> Built:
    """Write the site of `folder/<id>/bundle.zip` to `out`, replacing an older site.

    Args:
        folder: the submissions.
        out: the site.
        withheld: data sets whose questions, options and references are kept out of the site.

    Raises:
        ValueError: `out` holds other things, no bundle is valid (all reasons are named), or a data set is unknown.
    """
    check_withheld(withheld)
    place = _free(out, folder)
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder")
    past = history.read(folder)
    valid, refused = _read(folder, past.arrivals)
    if not valid:
        reasons = "\n".join(f"{item.path}: {reason}" for item in refused for reason in item.reasons)
        raise ValueError(f"{folder} holds no valid <id>/{BUNDLE}, so there is nothing to show\n{reasons}".rstrip())
    alike = likenesses([item.entry for item in valid])
    scratch = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        for path, content in _files(valid, alike, withheld):
            _write(scratch / path, content)
        initial = _initial(scratch)
        _move(scratch, place)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    empty = [item for item in sorted(folder.iterdir()) if item.is_dir() and not (item / BUNDLE).exists()]
    return Built(len(valid), refused, empty, alike, past.unknown, initial)


def _free(out: Path, folder: Path) -> Path:
    place = out.resolve()
    if folder.resolve().is_relative_to(place) or place.is_relative_to(folder.resolve()):
        raise ValueError(
            f"-o {out}: a site inside or around its bundles' folder would be lost or mixed up with it; name another folder"
        )
    if place.exists() and not (place / MARKER).is_file() and not (place.is_dir() and not any(place.iterdir())):
        raise ValueError(
            f"-o {out} exists and is not a site that lmms-vg wrote, so it is not replaced; name another folder"
        )
    return place


def _read(folder: Path, arrivals: Mapping[str, int]) -> tuple[list[Submission], list[Refused]]:
    valid: list[Submission] = []
    refused: list[Refused] = []
    paths = sorted(folder.glob(f"*/{BUNDLE}"), key=lambda path: path.parent.name)
    for path in tqdm(paths, desc="checking", unit="bundle"):
        id = path.parent.name
        if not _ID.fullmatch(id):
            message = f"{id!r} is not an id: use at most 100 of a-z, 0-9, '.', '_', '-', first a letter or digit"
            refused.append(Refused(path, [message]))
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
) -> Iterator[tuple[str, str | bytes]]:
    """Yield path and content of every file."""
    yield MARKER, _SAID
    yield ".nojekyll", ""  # otherwise GitHub Pages turns the Markdown files into pages
    for file in resources.files("lmms_vg.leaderboard").joinpath("static").iterdir():
        yield file.name, file.read_text("utf-8")
    entries = [item.entry for item in valid]
    looked = SubmittedLooks({item.entry.id: item.path for item in valid})
    plain = plain_runs(entries)
    present = {entry.manifest.protocol for entry in entries}
    offered = [protocol for protocol in PROTOCOLS if protocol in present] or [*PROTOCOLS][:1]
    blind = chance([(item.entry, item.path) for item in valid])
    views = {protocol: tables(entries, protocol, alike, blind) for protocol in offered}
    for protocol, protocol_views in views.items():
        specs = {spec.key: spec.measures for spec in shapes(protocol)}
        shown = [headline for view in protocol_views for headline in headlines(view, specs[view.key])]
        gains = best_gains(shown, entries, plain, looked.read)
        yield pages.page_of(protocol, offered), pages.front(protocol, offered, protocol_views, withheld, gains)
        for table in protocol_views:
            for kind, form in FORMATS.items():
                yield f"downloads/{protocol}/{table.key}.{kind}", form(table)
    standings = {protocol: profile.standings(protocol_views) for protocol, protocol_views in views.items()}
    yield from _submissions(valid, standings, alike, withheld, plain, looked)


def _submissions(
    valid: Sequence[Submission],
    standings: dict[ProtocolName, dict[str, list[profile.Standing]]],
    alike: Mapping[str, list[Likeness]],
    withheld: Collection[str],
    plain: Mapping[str, PlainRuns],
    looked: SubmittedLooks,
) -> Iterator[tuple[str, str | bytes]]:
    offered = list(standings)
    written: set[str] = set()
    for entry, path, digest in tqdm(valid, desc="writing", unit="bundle"):
        places = standings[entry.manifest.protocol or offered[0]].get(entry.id, [])
        of = plain.get(entry.id, NONE).of
        shown = list(looked.shown(entry, of, withheld))
        page = pages.submission(entry, of, alike.get(entry.id, []), digest, places, offered, withheld, shown)
        yield f"submissions/{entry.id}.html", page
        for look in shown:
            yield from ((f"submissions/{picture.file}", picture.data) for picture in look.pictures)
        for name, text in data_files(entry, path, withheld, written):
            written.add(name)
            yield name, text


def _write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def _initial(site: Path) -> int:
    files = {path: path.stat().st_size for path in site.iterdir() if path.is_file()}
    largest = max(size for path, size in files.items() if path.suffix == ".html")
    return largest + sum(size for path, size in files.items() if path.suffix in (".css", ".js", ".svg"))


def _move(scratch: Path, place: Path) -> None:
    """Move the new site into place; the old one is kept aside until that has succeeded."""
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
