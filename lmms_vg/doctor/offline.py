"""Switches that keep the hub's libraries offline: which are set, what is in force, and where they disagree."""

from __future__ import annotations

import os
from collections.abc import Iterator

from lmms_vg.doctor.finding import Check, Finding, note, ok, problem

_HUB, _TRANSFORMERS, _DATASETS = SWITCHES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")

# What the libraries take for yes; they take everything else for no, typing errors included.
_YES = ("1", "ON", "YES", "TRUE")
_NO = ("0", "OFF", "NO", "FALSE", "")


def switches() -> Iterator[Finding]:
    """A finding a switch: unset, on, off, or something that is meant and not understood."""
    for name in SWITCHES:
        value = os.environ.get(name)
        if value is None:
            yield ok(f"{name} is not set")
        elif value.upper() not in _YES + _NO:
            yield problem(f"{name}={value} is not understood and means no", f"export {name}=1   (or unset {name})")
        else:
            yield ok(f"{name}={value}, {'offline' if _is_yes(value) else 'online'}")


def in_force() -> Iterator[Finding]:
    """What follows: the hub's client decides for models and for our data sets, the datasets library for itself."""
    hub = _is_yes(os.environ.get(_HUB) or os.environ.get(_TRANSFORMERS))
    if hub:
        yield ok("in force: nothing is downloaded; models and data sets must be here")
    else:
        yield ok("in force: models and data sets that are not here are downloaded")
    if os.environ.get(_HUB) and os.environ.get(_TRANSFORMERS) and _is_yes(os.environ[_TRANSFORMERS]) != hub:
        yield note(f"{_TRANSFORMERS} says otherwise than {_HUB}, which wins", f"unset {_TRANSFORMERS}")
    if _DATASETS in os.environ and _is_yes(os.environ[_DATASETS]) != hub:
        if hub:
            text = f"{_DATASETS} lets the datasets library ask a hub that everything else takes for unreachable"
        else:
            text = f"{_DATASETS} is for other tasks of lmms-eval only; models and our data sets are downloaded all the same"
        yield note(text, f"unset {_DATASETS}" if hub else f"export {_HUB}=1   (or unset {_DATASETS})")


def _is_yes(value: str | None) -> bool:
    return (value or "").upper() in _YES


CHECKS: dict[str, Check] = {"switches": switches, "in force": in_force}
