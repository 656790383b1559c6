"""Versions and code: what of the surroundings may move a number."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

from lmms_vg import __version__


def versions() -> dict[str, str]:
    """Versions of everything that may move a number."""
    names = (
        "lmms_eval",
        "torch",
        "torchvision",
        "transformers",
        "tokenizers",
        "accelerate",
        "datasets",
        "numpy",
        "pillow",
    )
    return {"lmms_vg": __version__, "python": platform.python_version(), **{n: metadata.version(n) for n in names}}


@cache  # what was imported stays in force, whatever happens to the files meanwhile
def code_hash() -> str:
    """Hash of the package's own source, so that a changed method never replays the answers of the old one."""
    digest = hashlib.sha256()
    root = Path(__file__).parent
    for path in sorted([*root.glob("*.py"), *(p for part in _ANSWERING for p in (root / part).glob("*.py"))]):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


#: The rooms of the package an answer passes through.
_ANSWERING = ("attention", "methods", "models", "metrics")


@cache
def commit() -> str | None:
    """The commit of the package: what it was installed from, or the checkout it lies in, with "-dirty" where its files differ.

    None for a release, whose version says it all, and wherever git cannot tell.
    """
    try:
        stated = json.loads(metadata.distribution("lmms-vg").read_text("direct_url.json") or "{}")
    except metadata.PackageNotFoundError:  # a checkout on the path
        stated = {}
    installed = stated.get("vcs_info", {}).get("commit_id")
    package = Path(__file__).parent
    git = shutil.which("git")
    if installed or git is None or not (package.parent / ".git").exists():
        return installed
    head = _git(git, package, "rev-parse", "HEAD")
    changed = _git(git, package, "status", "--porcelain", "--", ".")
    return head and f"{head}{'-dirty' if changed else ''}"


def _git(git: str, folder: Path, *arguments: str) -> str | None:
    done = subprocess.run([git, "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None
