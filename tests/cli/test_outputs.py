"""A place that cannot be written is named with its option, in one line, before anything is read or asked."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest

from lmms_vg.cli.main import _parser, main
from lmms_vg.cli.outputs import output

#: Every command that writes to a place of the user's, with arguments that are right; `-o PLACE` goes behind them.
COMMANDS = {
    "vgmed build": ["there.yaml"],
    "vgmed validate": ["there"],
    "vgmed rate page": ["there"],
    "vgmed rate merge": ["there", "there.json"],
    "vgmed blind page": ["there", "there", "--task", "vgmed_localization", "--key", "key.json"],
    "vgmed export": ["there", "--to", "own"],
    "study run": ["--models", "llava_plain", "--data", "demo"],
    "study build": ["there"],
    "overlay": [],
    "demo train": [],
    "look": ["there.png", "Where?", "--model", "llava_plain"],
    "compare": ["there", "there"],
    "journal export": ["any"],
    "submit": ["there", "--card", "there.json"],
    "export": ["there.zip", "--to", "mmmu"],
    "leaderboard build": ["there"],
    "heads calibrate": ["--model", "llava", "--data", "demo"],
    "heads show": ["demo"],
    "reproduce": ["tableF4"],
}


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there").mkdir()
    Path("there/inside").touch()
    for name in ("there.yaml", "there.json", "there.png", "there.zip", "file"):
        Path(name).touch()
    Path("dangling").symlink_to("nowhere/at/all")


def _writing(parser: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, argparse.Action]]:
    """Every command with an option for a place to write."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for part, sub in action.choices.items():
                yield from _writing(sub, f"{name} {part}".strip())
        elif {"--out", "--output_path", "--key"} & set(action.option_strings):
            yield name, action


def test_the_table_names_every_command_that_writes() -> None:
    assert {name for name, action in _writing(_parser()) if "-o" in action.option_strings} == set(COMMANDS)


@pytest.mark.parametrize("place", ["/proc/x", "/proc/x/y.png", "file/x", "file/x/y", "x" * 300])
def test_every_option_refuses_an_impossible_place(place: str) -> None:
    for name, action in _writing(_parser()):
        option = action.option_strings[0]
        with pytest.raises(OSError, match=f"^{option} {place}: ") as refused:
            action.type(place)  # type: ignore[operator,misc]
        assert "name a" in str(refused.value), name


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("place", ["/proc/x.json", "file/x.png"])
def test_a_command_says_so_in_one_line(name: str, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*name.split(), *COMMANDS[name], "-o", place]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"lmms-vg: -o {place}: ")
    assert (said.out, said.err.count("\n")) == ("", 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--model", "llava_plain", "--tasks", "vqa_demo"],
        ["run", "--model", "llava", "--methods", "plain,vgrefine", "--tasks", "vqa_demo"],
        ["sweep", "--model", "llava_vgrefine", "--tasks", "vqa_demo", "--grid", "k=1,2"],
    ],
)
def test_a_run_is_not_begun_that_could_not_be_saved(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, "--output_path", "file/out"]) == 2
    assert capsys.readouterr().err == (
        "lmms-vg: --output_path file/out: file is not a folder, so nothing can be written in it; name another place\n"
    )


@pytest.mark.parametrize(
    ("kind", "place", "reason"),
    [
        ("folder", "file", "this is not a folder, but a folder is to be written"),
        ("file", "there", "this is a folder; name the file to write"),
        ("file", "/dev/null", "this is not an ordinary file, but would be replaced by one"),
        ("new", "there", "already exists and will not be overwritten; choose another path or remove it"),
        ("new", "file", "already exists"),
        ("new", "dangling", "already exists"),
        ("new", "dangling/x", "dangling is not a folder"),
        ("file", "", "names no place; name one"),
        ("folder", "", "names no place; name one"),
        ("file", ".", "is a folder"),
    ],
)
def test_what_is_there_already(kind: str, place: str, reason: str) -> None:
    with pytest.raises(OSError, match=reason):
        output("-o", kind)(place)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "place"),
    [("folder", "there"), ("folder", "a/b/c"), ("file", "file"), ("file", "a/b.png"), ("new", "a/b"), ("new", "b")],
)
def test_what_can_be_written_is_left_as_it_is(kind: str, place: str) -> None:
    before = sorted(Path().rglob("*"))
    assert output("-o", kind)(place) == Path(place)  # type: ignore[arg-type]
    assert sorted(Path().rglob("*")) == before


def test_places_that_a_command_itself_refuses_name_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leaderboard", "build", "there", "-o", "there/site"]) == 2
    assert capsys.readouterr().err.startswith("lmms-vg: -o there/site: a site inside or around")
    Path("full").mkdir()
    Path("full/precious").touch()
    assert main(["leaderboard", "build", "there", "-o", "full"]) == 2
    assert capsys.readouterr().err.startswith("lmms-vg: -o full exists and is not a site")
    Path("full/dataset.json").touch()
    assert main(["vgmed", "build", "there.yaml", "-o", "full"]) == 2
    assert capsys.readouterr().err.startswith("lmms-vg: -o full holds a data set already")
