"""What the README's two commands install: the lock, the build of it in the Makefile, and the hosted checks."""

from __future__ import annotations

import os
import re
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from hatchling.builders.sdist import SdistBuilder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))
}
PYTHONS = ("3.10", "3.11", "3.12")
MACHINES = {
    "linux": {"sys_platform": "linux", "platform_machine": "x86_64", "platform_system": "Linux"},
    "macos": {"sys_platform": "darwin", "platform_machine": "arm64", "platform_system": "Darwin"},
}


def entries() -> list[tuple[Requirement, str]]:
    """Every requirement of the lock, with the lines that belong to it."""
    text = re.sub(r"^ *#.*\n", "", LOCK.read_text(encoding="utf-8"), flags=re.MULTILINE)
    blocks = [block.replace("\\\n", " ") for block in re.split(r"\n(?=\S)", text.strip())]
    return [(Requirement(block.partition("--hash")[0]), block) for block in blocks]


def environment(python: str, machine: str) -> dict[str, str]:
    return MACHINES[machine] | {
        "python_version": python,
        "python_full_version": f"{python}.1",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "os_name": "posix",
        "extra": "dev",
    }


def test_every_line_of_the_lock_is_one_version_with_hashes() -> None:
    assert len(entries()) > 150
    for requirement, block in entries():
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", block
        assert "+" not in specifier.version, "a local version is of one machine's own index"
        assert re.findall(r"--hash=sha256:[0-9a-f]{64}", block), block
        assert not re.sub(r"--hash=sha256:[0-9a-f]{64}", "", block).count("--"), "no option of pip stands in the lock"


def test_the_lock_names_no_index_and_no_host() -> None:
    assert not re.search(r"://|@|--index|--extra|--find|/[a-z]+/", LOCK.read_text(encoding="utf-8"))


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("python", PYTHONS)
def test_what_the_project_asks_for_is_locked(python: str, machine: str) -> None:
    """On every interpreter and machine: each direct dependency once, in a version that pyproject.toml allows."""
    where = environment(python, machine)
    locked = [
        requirement for requirement, _ in entries() if not requirement.marker or requirement.marker.evaluate(where)
    ]
    versions = {
        canonicalize_name(requirement.name): next(iter(requirement.specifier)).version for requirement in locked
    }
    assert len(versions) == len(locked), "a name stands in the lock twice"
    asked = [Requirement(line) for line in metadata.requires("lmms-vg") or []]
    assert len(asked) > 25
    for requirement in asked:
        if requirement.marker is None or requirement.marker.evaluate(where):
            assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)], prereleases=True)


@pytest.mark.e2e
def test_the_makefile_takes_uv_out_of_the_lock() -> None:
    recipe = next(line for line in (ROOT / "Makefile").read_text(encoding="utf-8").splitlines() if "awk" in line)
    command = recipe.strip().lstrip("@").replace("$$", "$").partition(" > ")[0]
    printed = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    blocks = [block for requirement, block in entries() if requirement.name == "uv"]
    assert [printed.strip().replace("\\\n", " ")] == blocks


@pytest.mark.e2e
@pytest.mark.parametrize(("asked", "status"), [("", 0), ("3.11.9", 0), ("3.12.1", 2)])
def test_an_interpreter_that_is_asked_for_is_never_passed_over(tmp_path: Path, asked: str, status: int) -> None:
    """An environment of 3.11 is there already, as after the first `make test`."""
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name, version in ((".venv/bin/python", "3.11.9"), (".venv/bin/uv", ""), ("asked", asked)):
        (tmp_path / name).write_text(f"#!/bin/sh\necho Python {version}\n")
        (tmp_path / name).chmod(0o755)
    command = ["make", "-f", str(ROOT / "Makefile"), "interpreter", *(["PYTHON=./asked"] if asked else [])]
    without = {name: value for name, value in os.environ.items() if name not in ("PYTHON", "MAKEFLAGS", "VENV")}
    done = subprocess.run(command, cwd=tmp_path, env=without, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    assert ("has Python 3.11.9, and PYTHON=./asked is Python 3.12.1: 'make clean' first" in done.stderr) == (status > 0)


def test_a_source_archive_has_what_the_makefile_needs() -> None:
    packed = {file.distribution_path for file in SdistBuilder(str(ROOT)).recurse_included_files()}
    assert {"Makefile", "requirements.lock", "CONTRIBUTING.md", "lmms_vg/__init__.py"} <= packed


def steps() -> list[dict[str, Any]]:
    return [step for workflow in WORKFLOWS.values() for job in workflow["jobs"].values() for step in job["steps"]]


def test_hosted_checks_are_pinned_and_may_only_read() -> None:
    assert WORKFLOWS.keys() == {"ci", "release"}
    assert tuple(WORKFLOWS["ci"]["jobs"]["test"]["strategy"]["matrix"]["python"]) == PYTHONS
    for workflow in WORKFLOWS.values():
        assert workflow["permissions"] == {"contents": "read"}
    granted = {
        name: job["permissions"]
        for workflow in WORKFLOWS.values()
        for name, job in workflow["jobs"].items()
        if "permissions" in job
    }
    assert granted == {"publish": {"id-token": "write"}}, "the job that publishes runs nothing of ours"
    assert all("run" not in step for step in WORKFLOWS["release"]["jobs"]["publish"]["steps"])
    for step in steps():
        assert "run" in step or re.fullmatch(r"(actions|pypa)/[a-z-]+@[0-9a-f]{40}", step["uses"]), step
        assert "${{" not in step.get("run", ""), "an expression would be pasted into the script"


def test_hosted_checks_call_what_there_is() -> None:
    """Each command of a step is a target of the Makefile or a script of .ci."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = [line for step in steps() for line in step.get("run", "").splitlines()]
    for target in re.findall(r"^make (\S+)", "\n".join(commands), re.MULTILINE):
        assert re.search(rf"^[\w. ]*\b{re.escape(target)}\b[\w. ]*:", makefile, re.MULTILINE), target
    for script in re.findall(r"(\.ci/\w+)", "\n".join(commands)):
        assert (ROOT / script).is_file(), script


def test_the_address_stands_once() -> None:
    """Under [project.urls]; CONTRIBUTING.md names the placeholder that stands there until it is known."""
    (url,) = [line.split(", ")[1] for line in metadata.metadata("lmms-vg").get_all("Project-URL") or []]
    assert url in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert url in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    others = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "templates").rglob("*.*")]
    assert [path.name for path in others if path.is_file() and url in path.read_text(encoding="utf-8")] == [
        "CONTRIBUTING.md"
    ]
