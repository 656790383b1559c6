"""Only the main line of the repository says what came first, whatever dates and branches a submission has."""

from __future__ import annotations

from pathlib import Path

import pytest
from repository import add, git, put

from lmms_vg.leaderboard.history import read

LONG_AGO = {"GIT_AUTHOR_DATE": "2001-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2001-01-01T00:00:00Z"}


def ordered(folder: Path) -> list[str]:
    found = read(folder / "submissions")
    assert found.unknown == ""
    return [path.removesuffix("/bundle.zip") for path, _ in sorted(found.arrivals.items(), key=lambda one: one[1])]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--initial-branch", "main")
    add(tmp_path, "z")
    return tmp_path


def test_the_order_of_commits(repository: Path) -> None:
    add(repository, "a", **LONG_AGO)
    add(repository, "m")
    assert ordered(repository) == ["z", "a", "m"]


@pytest.mark.parametrize("how", [["merge", "--no-ff"], ["merge", "--squash"], ["cherry-pick"]])
def test_a_branch_comes_when_it_is_merged(repository: Path, how: list[str]) -> None:
    """It does not come when its commits say that they were made."""
    git(repository, "checkout", "-b", "thief")
    add(repository, "a", **LONG_AGO)
    git(repository, "checkout", "main")
    add(repository, "honest")
    git(repository, *how, "thief")
    if "--squash" in how:
        git(repository, "commit", "--message", "squashed")
    assert ordered(repository) == ["z", "honest", "a"]


def test_what_is_changed_comes_anew(repository: Path) -> None:
    """Otherwise an early id could be filled with something else later."""
    add(repository, "a")
    add(repository, "z", "other")
    assert ordered(repository) == ["a", "z"]


def test_what_comes_together_has_no_order(repository: Path) -> None:
    put(repository, "a")
    add(repository, "b")
    found = read(repository / "submissions").arrivals
    assert found["a/bundle.zip"] == found["b/bundle.zip"] > found["z/bundle.zip"]


def test_what_is_not_committed_has_not_arrived(repository: Path) -> None:
    add(repository, "changed")
    add(repository, "removed")
    git(repository, "rm", "--cached", "-r", "submissions/removed")
    put(repository, "new")
    put(repository, "staged")
    git(repository, "add", "submissions/staged")
    put(repository, "changed", "since")
    assert ordered(repository) == ["z"]


def test_names_of_other_languages_and_folders_beside(repository: Path) -> None:
    add(repository, "ü n\nd")
    (repository / "README.md").write_text("later")
    git(repository, "add", "--all")
    git(repository, "commit", "--message", "readme")
    assert ordered(repository) == ["z", "ü n\nd"]


def test_where_there_is_no_history_it_says_why(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert "git repository" in read(elsewhere).unknown
    add(repository, "a")
    git(elsewhere, "clone", "--depth", "1", repository.as_uri(), "shallow")
    found = read(elsewhere / "shallow" / "submissions")
    assert found.arrivals == {}
    assert "fetch-depth: 0" in found.unknown
    monkeypatch.setenv("GIT_DIR", str(elsewhere / "shallow" / ".git"))
    assert ordered(repository) == ["z", "a"], "the folder's own repository, whatever the surroundings name"
    monkeypatch.setenv("PATH", str(elsewhere))
    assert read(repository / "submissions").unknown
