"""Versions of Python, lmms_vg and its dependencies, compared with the declared requirements."""

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
from lmms_vg.doctor.check_result import Check, CheckResult, note, ok, problem
from lmms_vg.doctor.pip import reinstall

OURS = "lmms-vg"
SHOWN = ("lmms-eval", "torch", "torchvision", "transformers", "tokenizers", "accelerate", "datasets")


def python() -> Iterator[CheckResult]:
    """Python against Requires-Python."""
    version = platform.python_version()
    try:
        required = metadata.metadata(OURS)["Requires-Python"] or ""
    except metadata.PackageNotFoundError:  # `installed` reports it
        required = ""
    if SpecifierSet(required).contains(version, prereleases=True):
        yield ok(f"Python {version}{required and f' ({required})'}")
    else:
        yield problem(
            f"Python {version}: lmms-vg requires {required}",
            "python3.11 -m venv .venv   (or another version in that range; then install lmms-vg into it)",
        )


def installed() -> Iterator[CheckResult]:
    """lmms_vg itself: without metadata lmms-eval does not find it, and old metadata state wrong requirements."""
    version = _version(OURS)
    if version is None:
        yield problem("lmms-vg is not installed, so lmms-eval does not know its models and tasks", reinstall())
    elif version != __version__:
        yield problem(f"lmms-vg is installed as {version}, but its code is {__version__}", reinstall())
    else:
        yield ok(f"lmms-vg {version}")


def distributions() -> Iterator[CheckResult]:
    """Versions of the libraries that affect numbers most, and the output of `pip check`."""
    yield ok(", ".join(f"{name} {_version(name) or 'is missing'}" for name in SHOWN))
    if find_spec("pip"):
        command = [sys.executable, "-m", "pip", "check", "--disable-pip-version-check"]
    elif uv := shutil.which("uv"):  # uv creates environments without pip
        command = [uv, "pip", "check", "--python", sys.executable]
    else:
        yield note("neither pip nor uv is here to compare versions", f'"{sys.executable}" -m ensurepip')
        return
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        yield ok("all requirements are met (pip check)")
    else:
        yield problem(f"pip check: {done.stdout} {done.stderr}", f"{reinstall()}   (or install what is required)")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


CHECKS: dict[str, Check] = {"Python": python, OURS: installed, "distributions": distributions}
