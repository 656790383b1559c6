"""Commands that install into the examined environment."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import lmms_vg


def pip(arguments: str) -> str:
    """Return a command for the pip of this interpreter; its path is omitted if `python` is this interpreter."""
    python = "python" if shutil.which("python") == sys.executable else f'"{sys.executable}"'
    return f"{python} -m pip {arguments}"


def reinstall() -> str:
    """Return the command that installs lmms_vg again: from its checkout if the code runs from one."""
    root = Path(lmms_vg.__file__).parents[1]
    return pip(f'install -e "{root}"' if (root / "pyproject.toml").is_file() else "install --force-reinstall lmms-vg")
