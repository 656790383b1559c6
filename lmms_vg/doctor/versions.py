"""Versions of Python, of lmms_vg and of all that is installed beside it, against what is asked of them."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec

from packaging.specifiers import SpecifierSet

from lmms_vg import __version__
from lmms_vg.doctor.finding import Check, CheckResult, note, ok, problem
from lmms_vg.doctor.pip import reinstall

OURS = "lmms-vg"
SHOWN = ("lmms-eval", "torch", "torchvision", "transformers", "tokenizers", "accelerate", "datasets")


def python() -> Iterator[CheckResult]:
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


def installed() -> Iterator[CheckResult]:
    """lmms_vg itself: without its metadata lmms-eval does not know it, and old ones ask for the wrong things."""
    found = _version(OURS)
    if found is None:
        yield problem("lmms-vg is not installed, so lmms-eval cannot know of its models and tasks", reinstall())
    elif found != __version__:
        yield problem(f"lmms-vg is installed as {found}, but its code is {__version__}", reinstall())
    else:
        yield ok(f"lmms-vg {found}")


def distributions() -> Iterator[CheckResult]:
    """The libraries that numbers depend on most, and what `pip check` finds: who asks for what is not there."""
    yield ok(", ".join(f"{name} {_version(name) or 'is missing'}" for name in SHOWN))
    if find_spec("pip"):
        command = [sys.executable, "-m", "pip", "check", "--disable-pip-version-check"]
    elif uv := shutil.which("uv"):  # which makes environments without pip
        command = [uv, "pip", "check", "--python", sys.executable]
    else:
        yield note("nobody is here to compare versions, neither pip nor uv", f'"{sys.executable}" -m ensurepip')
        return
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        yield ok("every distribution has what it asks for (pip check)")
    else:
        yield problem(f"pip check: {done.stdout} {done.stderr}", f"{reinstall()}   (or install what is asked for)")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


CHECKS: dict[str, Check] = {"Python": python, OURS: installed, "distributions": distributions}
