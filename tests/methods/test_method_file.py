"""A method in a user's file: registered by name, checked like every method, hashed as it runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributions import found, install, method

from lmms_vg.cli import method_files
from lmms_vg.cli.main import main
from lmms_vg.extensions.registered import model_ids
from lmms_vg.inference.source_hash import method_hash
from lmms_vg.methods import METHODS
from lmms_vg.methods.method_file import register


@pytest.fixture(autouse=True)
def _nothing_stays(tmp_path: Path) -> Iterator[None]:
    with found(tmp_path / "nothing"):
        yield
    for name in [name for name in sys.modules if name.startswith("method_file_")]:
        del sys.modules[name]


def written(path: Path, code: str) -> Path:
    path.write_text(code)
    return path


def test_it_is_known_by_its_name(tmp_path: Path) -> None:
    (cls,) = register(written(tmp_path / "my file.py", method("sharpen")))
    assert METHODS["sharpen"] is cls
    assert model_ids()["huatuo_sharpen"] == ("huatuo", "sharpen")


def test_a_file_may_have_several_and_a_base_of_its_own(tmp_path: Path) -> None:
    code = (
        method("sharpen") + method("blunt") + "\n@dataclass(frozen=True)\nclass Base(Plain):\n    weight: float = 1\n"
    )
    register(written(tmp_path / "two.py", code))
    assert {"sharpen", "blunt"} < set(METHODS)
    assert len(METHODS) == len(set(METHODS))


WRONG = {
    "no file": (None, "there is no work.py in"),
    "raises": ("\n\nraise RuntimeError('boom')", ", line 3: RuntimeError: boom"),
    "leaves": ("raise SystemExit('bye')", ", line 1: SystemExit: bye"),
    "no Python": ("def f(:", "SyntaxError"),
    "a module that is not there": ("import nowhere_to_be_found", ", line 1: ModuleNotFoundError"),
    "no method": ("from lmms_vg.methods.plain import Plain\nx = 5", "defines no method"),
    "no dataclass": (method("sharpen").replace("@dataclass(frozen=True)\n", ""), "Sharpen is not a frozen dataclass"),
    "not frozen": (method("sharpen").replace("(frozen=True)", ""), "cannot inherit non-frozen"),
    "a name of ours": (method("pai"), "method pai of lmms_vg"),
    "a name of others": (method("theirs"), "method theirs of theirs"),
    "twice": (method("sharpen") + method("sharpen").replace("class Sharpen", "class Other"), "method sharpen of"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_line_and_status_2(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, message = WRONG[case]
    path = tmp_path / "work.py"
    if code is not None:
        path.write_text(code)
    install(tmp_path / "site", "theirs", {"methods:theirs": "theirs:Theirs"})
    arguments = ["--method_file", str(path), "--tasks", "vqa_demo_hard", "--output_path", str(tmp_path / "out")]
    with found(tmp_path / "site"):
        for command in (
            ["run", "--methods", "plain,work", "--model", "huatuo"],
            ["run", "--model", "huatuo_work"],
            ["sweep", "--model", "huatuo_work", "--grid", "k=1"],
        ):
            assert main([*command, *arguments]) == 2
            (line,) = capsys.readouterr().err.splitlines()
            assert str(path) in line
            assert message in line
            for name in [name for name in sys.modules if name.startswith("method_file_")]:
                del sys.modules[name]


@pytest.mark.parametrize(("name", "message"), [("work", "a folder"), ("work.txt", "not a .py file")])
def test_what_is_no_python_file_is_named(name: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.mkdir() if message == "a folder" else path.write_text("")
    with pytest.raises(ValueError, match=f"{name}: {message}; allowed is a Python file"):
        register(path)


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    register(written(tmp_path / "work.py", method("sharpen")))
    with pytest.raises(ValueError, match=r"other/work.py: another file of this name"):
        register(written(tmp_path / "other" / "work.py", method("blunt")))


def test_the_key_holds_the_code_that_runs(tmp_path: Path) -> None:
    """Holds even if the file was edited within the same second without a change of size."""
    path = written(tmp_path / "work.py", method("sharpen"))
    method_files.register([path])
    first = method_hash(METHODS["sharpen"])
    path.write_text(method("sharpen").replace("2020", "2021"))
    assert method_hash(METHODS["sharpen"]) == first
