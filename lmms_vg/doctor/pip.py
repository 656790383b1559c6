"""What to type to install into the environment that was examined."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import lmms_vg


def pip(arguments: str) -> str:
    """The pip of this interpreter; its path is left out where `python` is this one."""
    python = "python" if shutil.which("python") == sys.executable else f'"{sys.executable}"'
    return f"{python} -m pip {arguments}"


def reinstall() -> str:
    """Install lmms_vg again: from its checkout if the code runs from one."""
    root = Path(lmms_vg.__file__).parents[1]
    return pip(f'install -e "{root}"' if (root / "pyproject.toml").is_file() else "install --force-reinstall lmms-vg")
