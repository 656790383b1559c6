"""Versions of Python, of lmms_vg and of the distributions it builds on, against what each of them asks of the others."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib import metadata

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from lmms_vg import __version__
from lmms_vg.doctor.finding import Check, Finding, ok, problem
from lmms_vg.doctor.pip import pip, reinstall

OURS = "lmms-vg"

#: What is looked at even where our own requirements do not name it: it may move a number or stop a run.
INDIRECT = ("torchvision", "tokenizers", "jinja2")

_WHY = {
    "lmms-eval": "the hook that adds our tasks relies on its internals",
    "transformers": "attention is read and edited through its interfaces",
}


def python() -> Iterator[Finding]:
    """Python against Requires-Python."""
    found = platform.python_version()
    try:
        wanted = metadata.metadata(OURS)["Requires-Python"] or ""
    except metadata.PackageNotFoundError:  # `installed` says so
        wanted = ""
    if SpecifierSet(wanted).contains(found, prereleases=True):
        yield ok(f"Python {found}{wanted and f' ({wanted})'}")
    else:
        yield problem(
            f"Python {found}: lmms-vg asks for {wanted}",
            "python3.11 -m venv .venv   (or another version of that range; then install lmms-vg into it)",
        )


def installed() -> Iterator[Finding]:
    """lmms_vg itself: without its metadata lmms-eval does not know it, and old ones ask for the wrong things."""
    found = _version(OURS)
    if found is None:
        yield problem("lmms-vg is not installed, so lmms-eval cannot know of its models and tasks", reinstall())
    elif found != __version__:
        yield problem(f"lmms-vg is installed as {found}, but its code is {__version__}", reinstall())
    else:
        yield ok(f"lmms-vg {found}")


def distributions() -> Iterator[Finding]:
    """A finding a distribution: there, and as lmms-vg and the others that are listed ask for it."""
    own = [canonicalize_name(requirement.name) for requirement in _requirements(OURS)]
    names = sorted({*own, *map(canonicalize_name, INDIRECT)})
    asked: dict[str, list[tuple[str, SpecifierSet]]] = {name: [] for name in names}
    for owner in (OURS, *names):
        for requirement in _requirements(owner):
            if (needed := canonicalize_name(requirement.name)) in asked:
                asked[needed].append((owner, requirement.specifier))
    for name, wanted in asked.items():
        yield _compared(name, _version(name), wanted)


def _compared(name: str, found: str | None, wanted: list[tuple[str, SpecifierSet]]) -> Finding:
    broken = [
        f"{owner} asks for {specifier or 'it'}"
        for owner, specifier in wanted
        if found is None or not specifier.contains(found, prereleases=True)
    ]
    if found is not None and not broken:
        first = str(wanted[0][1]) if wanted else ""  # that of lmms-vg wherever it asks
        return ok(f"{name} {found}{first and f' ({first})'}")
    what = ": ".join(filter(None, [f"{name} {found or 'is missing'}", ", ".join(broken)]))
    why = f"; {_WHY[name]}" if name in _WHY else ""
    wish = _joined([specifier for _, specifier in wanted])
    return problem(f"{what}{why}", pip(f'install "{name}{wish}"'))


def _joined(wanted: list[SpecifierSet]) -> str:
    """What satisfies everybody; of several lower bounds the greatest says it all."""
    specifiers = {one for specifier in wanted for one in specifier}
    lower = sorted((one for one in specifiers if one.operator == ">="), key=lambda one: Version(one.version))
    return ",".join(sorted(map(str, specifiers.difference(lower[:-1]))))


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _requirements(name: str) -> list[Requirement]:
    """What a distribution asks for here, its extras left out; nothing if it is not installed."""
    try:
        lines = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []
    found = map(Requirement, lines)
    return [one for one in found if one.marker is None or one.marker.evaluate({"extra": ""})]


CHECKS: dict[str, Check] = {"Python": python, OURS: installed, "distributions": distributions}
