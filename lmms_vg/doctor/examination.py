"""All checks in order, as lines that are printed as soon as they are known."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module

from loguru import logger

from lmms_vg.doctor.check_result import Check, CheckResult, described, problem
from lmms_vg.doctor.pip import pip

#: Heading -> the module with its checks.
GROUPS = {
    "versions": "lmms_vg.doctor.versions",
    "known-bad combinations": "lmms_vg.doctor.combinations",
    "lmms-eval": "lmms_vg.doctor.hook",
    "devices": "lmms_vg.doctor.devices",
    "data sets": "lmms_vg.doctor.data_sets",
    "gated repositories": "lmms_vg.doctor.gated",
    "folders": "lmms_vg.doctor.folders",
    "offline": "lmms_vg.doctor.offline",
}

_SECRET = ("TOKEN", "KEY", "SECRET", "PASSWORD")


@dataclass
class Examination:
    """The number of problems and notes, counted while `lines` is read."""

    problems: int = 0
    notes: int = 0

    def lines(self, groups: Mapping[str, str] = GROUPS) -> Iterator[str]:
        """Yield a heading and the findings of each group; at the end, how many findings were problems and notes."""
        for heading, module in groups.items():
            yield heading
            for finding in _findings(heading, module):
                self.problems += finding.mark == "PROBLEM"
                self.notes += finding.mark == "note"
                yield from map(_without_secrets, finding.lines())
            yield ""
        yield f"{_count(self.problems, 'problem')}, {_count(self.notes, 'note')}"


def _findings(heading: str, module: str) -> Iterator[CheckResult]:
    try:
        checks: Mapping[str, Check] = import_module(module).CHECKS
    except Exception as failure:  # noqa: BLE001 - a check can fail in any way, and the others must go on
        yield _crashed(heading, failure)
        return
    for name, check in checks.items():
        try:
            with _quiet():
                yield from check()
        except (Exception, SystemExit) as failure:  # noqa: BLE001 - as above; SystemExit is how our runs fail
            yield _crashed(f"{heading} ({name})", failure)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence logs: they are meant for runs, and the findings say the same."""
    for library in ("lmms_vg", "lmms_eval"):
        logger.disable(library)
    try:
        yield
    finally:
        for library in ("lmms_vg", "lmms_eval"):
            logger.enable(library)


def _crashed(name: str, failure: BaseException) -> CheckResult:
    return problem(
        f"the check of {name} ended with {described(failure)}",
        f"{pip('check')}   (names packages that are missing or do not fit; if it names none, report this line with the "
        "versions above)",
    )


def _without_secrets(line: str) -> str:
    """Replace values of secret variables: a message of another package may quote a token."""
    for name, value in os.environ.items():
        if name.endswith(_SECRET) and len(value.strip()) > 5:  # "1" and "false" are switches, not secrets
            line = line.replace(value.strip(), f"<{name}>")
    return line


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
