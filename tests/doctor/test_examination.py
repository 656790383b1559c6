"""All checks together: the order of output, crashes, secrets, and the exit status."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from loguru import logger

from lmms_vg.cli.main import main
from lmms_vg.doctor import examination, folders
from lmms_vg.doctor.check_result import Check, CheckResult, note, ok, problem
from lmms_vg.doctor.examination import GROUPS, Examination
from lmms_vg.host import entry_points

TOKEN = "hf_" + "x" * 30


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch) -> dict[str, Check]:
    """The checks of the only group."""
    module, checks = ModuleType("checks_of_this_test"), {}
    module.CHECKS = checks  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for heading in list(GROUPS):
        monkeypatch.delitem(GROUPS, heading)
    monkeypatch.setitem(GROUPS, "group", module.__name__)
    return checks


def test_headings_findings_and_a_summary(group: dict[str, Check]) -> None:
    group["all"] = lambda: [ok("fine"), note("so so"), problem("broken", "mend it"), problem("lost", "find it")]
    examination = Examination()
    assert list(examination.lines()) == [
        "group",
        "  ok       fine",
        "  note     so so",
        "  PROBLEM  broken",
        "           remedy: mend it",
        "  PROBLEM  lost",
        "           remedy: find it",
        "",
        "2 problems, 1 note",
    ]
    assert (examination.problems, examination.notes) == (2, 1)


def test_lines_come_as_they_are_made(group: dict[str, Check]) -> None:
    looked: list[str] = []

    def slow() -> Iterator[CheckResult]:
        looked.append("first")
        yield ok("first")
        looked.append("second")
        yield ok("second")

    group["slow"] = slow
    lines = Examination().lines()
    assert (next(lines), looked) == ("group", [])
    assert (next(lines), looked) == ("  ok       first", ["first"])
    assert (next(lines), looked) == ("  ok       second", ["first", "second"])


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (ZeroDivisionError("by zero"), "ZeroDivisionError: by zero"),
        (SystemExit("lmms_vg: no"), "SystemExit: lmms_vg: no"),
    ],
)
def test_a_check_that_crashes_is_a_problem(group: dict[str, Check], failure: BaseException, message: str) -> None:
    def crashes() -> Iterator[CheckResult]:
        yield ok("before")
        raise failure

    group["a thing"] = crashes
    group["another"] = lambda: [ok("after")]
    lines = list(Examination().lines())
    assert lines[1] == "  ok       before"
    assert lines[2] == f"  PROBLEM  the check of group (a thing) ended with {message}"
    assert lines[3].startswith("           remedy: ")
    assert "-m pip check " in lines[3]
    assert lines[4] == "  ok       after"
    assert lines[-1] == "1 problem, 0 notes"


def test_whoever_stops_it_may(group: dict[str, Check]) -> None:
    def stopped() -> Iterator[CheckResult]:
        raise KeyboardInterrupt

    group["a thing"] = stopped
    with pytest.raises(KeyboardInterrupt):
        list(Examination().lines())


def test_checks_that_cannot_be_imported_are_a_problem(group: dict[str, Check], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GROUPS, "broken", "lmms_vg.doctor.no_such_module")
    group["another"] = lambda: [ok("fine")]
    lines = list(Examination().lines())
    assert "  ok       fine" in lines
    assert (
        "  PROBLEM  the check of broken ended with ModuleNotFoundError: No module named 'lmms_vg.doctor.no_such_module'"
    ) in lines


def test_a_library_that_is_broken_is_a_problem_of_its_checks(
    group: dict[str, Check], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Groups import what they examine inside their checks."""
    monkeypatch.setitem(GROUPS, "devices", "lmms_vg.doctor.devices")
    monkeypatch.setitem(sys.modules, "torch", None)
    shown = "\n".join(Examination().lines())
    assert "the check of devices (accelerators) ended with ModuleNotFoundError: import of torch halted" in shown
    assert "the check of devices (CPU) ended with ModuleNotFoundError" in shown


def test_what_is_logged_is_not_among_the_findings(group: dict[str, Check]) -> None:
    heard: list[str] = []
    sink = logger.add(lambda line: heard.append(str(line)), level="INFO", format="{message}")
    try:

        def logs() -> Iterator[CheckResult]:
            exec("logger.warning('of ours')", {"__name__": "lmms_vg.plugin", "logger": logger})
            yield ok("fine")

        group["logs"] = logs
        list(Examination().lines())
        assert "of ours\n" not in heard
        exec("logger.warning('of a run')", {"__name__": "lmms_vg.plugin", "logger": logger})
        assert heard[-1] == "of a run\n"
    finally:
        logger.remove(sink)


@pytest.mark.parametrize("name", ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "OPENAI_API_KEY"])
def test_no_token_is_printed(name: str, group: dict[str, Check], monkeypatch: pytest.MonkeyPatch) -> None:
    """This holds even if another package puts it into a message."""

    def quotes() -> Iterator[CheckResult]:
        yield note(f"1 at https://user:{TOKEN}@hub", f"curl -H {TOKEN}")
        raise ValueError(f"bad header {TOKEN}")

    monkeypatch.setenv(name, TOKEN)
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
    group["quotes"] = quotes
    shown = "\n".join(Examination().lines())
    assert TOKEN not in shown
    assert shown.count(f"<{name}>") == 3
    assert "  note     1 at https://" in shown, "switches are no secrets"


def test_exit_status(
    group: dict[str, Check], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A note is no problem; exit status 2 is kept for wrong arguments."""
    monkeypatch.setattr(folders, "LEAST", 0)
    monkeypatch.setitem(GROUPS, "group", folders.__name__)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LMMS_VG_DATA", str(tmp_path / "file"))
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out.endswith("\n\n0 problems, 1 note\n")
    monkeypatch.setenv("LMMS_VG_HOME", str(tmp_path / "file" / "home"))
    assert main(["doctor"]) == 1
    assert capsys.readouterr().out.endswith("\n\n1 problem, 1 note\n")
    with pytest.raises(SystemExit) as caught:
        main(["doctor", "--fix"])
    assert caught.value.code == 2


@pytest.mark.e2e
def test_all_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On this machine, whatever it lacks: with a token, and with another plugin that puts it into its error."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    (tmp_path / "leaking.py").write_text("import os\nraise RuntimeError('no access with ' + os.environ['HF_TOKEN'])\n")
    monkeypatch.syspath_prepend(tmp_path)
    leaking = metadata.EntryPoint("leaking", "leaking:it", entry_points.GROUP)
    entries = [leaking, *metadata.entry_points(group=entry_points.GROUP)]
    monkeypatch.setattr(entry_points, "metadata", SimpleNamespace(entry_points=lambda group: entries))
    assert main(["doctor"]) == 1
    shown, errors = capsys.readouterr()
    lines = shown.splitlines()
    assert [line for line in lines if line and not line.startswith(" ")][:-1] == list(examination.GROUPS)
    assert TOKEN not in shown + errors
    assert "  note     HF_TOKEN is set: " in shown
    assert "RuntimeError: no access with <HF_TOKEN>" in " ".join(shown.split())
    problems = [number for number, line in enumerate(lines) if line.startswith("  PROBLEM")]
    for number in problems:
        following = next(line for line in lines[number + 1 :] if line[:11].strip() or line[11:].startswith("remedy: "))
        assert following.startswith("           remedy: "), lines[number]
    assert lines[-1].startswith(f"{len(problems)} problem")
    assert " ended with " not in shown, "no check crashed"
