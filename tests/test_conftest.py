"""The marks of tests say what they do, and a test without one starts no program."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

COMMAND = [sys.executable, "--version"]


@pytest.fixture
def version(programs: None) -> str:
    return subprocess.run(COMMAND, capture_output=True, text=True, check=True).stdout


def swallowed() -> None:
    with suppress(Exception):
        subprocess.run(COMMAND, check=True)


def test_a_program_is_refused_even_where_errors_are_swallowed() -> None:
    with pytest.raises(pytest.fail.Exception, match="mark it e2e"):
        swallowed()


@pytest.mark.e2e
def test_a_marked_test_starts_programs() -> None:
    assert subprocess.run(COMMAND, capture_output=True, check=True).stdout


def test_a_fixture_that_starts_programs_marks_its_tests(version: str, request: pytest.FixtureRequest) -> None:
    assert version.startswith("Python ")
    assert [mark.name for mark in request.node.iter_markers()] == ["e2e"]


def test_real_data_are_marked(shared_data: Path, request: pytest.FixtureRequest) -> None:
    assert [mark.name for mark in request.node.iter_markers()] == ["real_data"]


def test_git_is_free() -> None:
    assert subprocess.run(["git", "--version"], capture_output=True, check=True).stdout
