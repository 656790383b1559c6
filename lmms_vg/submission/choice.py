"""Which tasks of a run go into a bundle, where it holds more than one bundle may: a bundle stands under one protocol."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from lmms_vg._util.suggest import suggest
from lmms_vg.paper.protocols import PROTOCOLS, ProtocolName
from lmms_vg.submission.findings import rejected
from lmms_vg.tasks.registry import TASKS
from lmms_vg.tasks.yaml_files import groups, tasks


class Choice(NamedTuple):
    """``protocol`` None and ``tasks`` empty leave nothing out."""

    protocol: ProtocolName | None = None
    tasks: frozenset[str] = frozenset()

    def takes(self, task: str) -> bool:
        """Whether one of our tasks is to be in the bundle."""
        named = not self.tasks or task in self.tasks
        return named and (self.protocol is None or self.protocol in _allowed(task))

    def require(self, found: Collection[str]) -> None:
        """Errors: ValueError where the tasks of the runs are not those that were asked for."""
        missing = sorted(self.tasks - set(found))
        if missing:
            raise ValueError(f"--tasks {','.join(missing)}: not in the runs, which have {', '.join(sorted(found))}")
        if found and not any(map(self.takes, found)):
            stated = ", ".join(f"{task} is of {' or '.join(_allowed(task))}" for task in sorted(found))
            raise ValueError(f"--protocol {self.protocol}: no task of the runs is of it; {stated}")


def choice(protocol: str | None, names: Sequence[str]) -> Choice:
    """``names`` are of tasks and of groups, which stand for their tasks. Errors: ValueError for an unknown name."""
    stated = next((name for name in PROTOCOLS if name == protocol), None)
    if protocol is not None and stated is None:
        raise ValueError(f"--protocol {protocol}: {suggest(protocol, PROTOCOLS)}Allowed are {', '.join(PROTOCOLS)}")
    chosen: set[str] = set()
    for name in names:
        if name not in tasks() and name not in groups():
            known = [*groups(), *sorted(tasks())]
            raise ValueError(f"--tasks {name}: {suggest(name, known)}It is no task or group; lmms-vg tasks lists them")
        chosen |= {name} if name in tasks() else {*groups()[name]}
    return Choice(stated, frozenset(chosen))


def only_protocol(tasks: Collection[str], stated: ProtocolName | None = None) -> ProtocolName | None:
    """The protocol of a bundle of these tasks; None for measurements alone.

    Where they may stand under several, it is the stated one, or the first of `PROTOCOLS`.

    Raises:
        Rejected: no protocol has all of them (`protocol`).
    """
    of = {task: TASKS[task].protocols for task in sorted(tasks) if not TASKS[task].measures}
    common = [name for name in PROTOCOLS if all(name in allowed for allowed in of.values())]
    if not common:
        named = ", ".join(f"{task} is of {' or '.join(allowed)}" for task, allowed in of.items())
        raise rejected("protocol", "tasks", f"{named}; choose with --protocol NAME, or --tasks NAME,...")
    if not of:
        return None
    return stated if stated in common else common[0]


def _allowed(task: str) -> Collection[ProtocolName]:
    """The protocols of whose bundles a task may be part: measurements go with every one."""
    return TASKS[task].protocols or PROTOCOLS.keys()
