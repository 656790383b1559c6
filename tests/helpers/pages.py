"""Pages of the documentation: the files to write and the commands to type."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> Iterator[tuple[str, str]]:
    """Language and text of every block of a page."""
    for block in _BLOCK.finditer((DOCS / page).read_text()):
        yield block[1], block[2]


def files(page: str) -> dict[str, str]:
    """Blocks whose first line is a comment with their name, such as `# reader.py`."""
    named = (text.partition("\n") for _, text in blocks(page) if text.startswith("# "))
    return {first.removeprefix("# "): rest for first, _, rest in named}


def commands(page: str) -> list[str]:
    """The commands to type, one per line."""
    typed = (text.replace("\\\n", "") for language, text in blocks(page) if language == "sh")
    return [line for text in typed for line in text.splitlines()]


def packaged(page: str, folder: Path) -> Path:
    """Build and install with pip the package of a page; returns the folder to put on the path."""
    code = dict(files(page))
    project = folder / "project"
    (name,) = re.findall(r'= "(\w+)\.\w+:', code["pyproject.toml"])
    (project / name).mkdir(parents=True)
    (project / "pyproject.toml").write_text(code.pop("pyproject.toml"))
    (project / name / "__init__.py").touch()
    for path, text in code.items():
        if path.endswith(".py"):
            (project / name / path).write_text(text)
    install = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "pip", *install, "--target", str(folder / "site"), str(project)],
        check=True,
        capture_output=True,
        text=True,
    )
    return folder / "site"
