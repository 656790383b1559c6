"""Library versions and the commit of the package, which may change a number."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

from lmms_vg import __version__

#: Libraries that compute answers; their versions are in the journal's key.
COMPUTING = ("torch", "torchvision", "transformers", "tokenizers", "numpy", "pillow")


def computing_versions() -> dict[str, str]:
    """Return the versions of the libraries in `COMPUTING`."""
    return {name: metadata.version(name) for name in COMPUTING}


def versions() -> dict[str, str]:
    """Return the versions of everything that may change an answer or a score."""
    others = {name: metadata.version(name) for name in ("lmms_eval", "accelerate", "datasets")}
    return {"lmms_vg": __version__, "python": platform.python_version(), **others, **computing_versions()}


@cache
def commit() -> str | None:
    """Return the commit that the package was installed from or whose checkout it is in, with "-dirty" if its files differ.

    None for a release, which its version identifies, and wherever git does not know.
    """
    try:
        stated = json.loads(metadata.distribution("lmms-vg").read_text("direct_url.json") or "{}")
    except metadata.PackageNotFoundError:  # a checkout on the path
        stated = {}
    installed: str | None = stated.get("vcs_info", {}).get("commit_id")
    package = Path(__file__).parents[1]
    git = shutil.which("git")
    if installed or git is None or not (package.parent / ".git").exists():
        return installed
    head = _git(git, package, "rev-parse", "HEAD")
    changed = _git(git, package, "status", "--porcelain", "--", ".")
    return head and f"{head}{'-dirty' if changed else ''}"


def _git(git: str, folder: Path, *arguments: str) -> str | None:
    process = subprocess.run([git, "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    return process.stdout.strip() if process.returncode == 0 else None
