"""Choose the tasks of a run that go into a bundle, since a bundle has exactly one protocol."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from lmms_vg._util.suggest import suggest
from lmms_vg.paper.protocols import PROTOCOLS, ProtocolName
from lmms_vg.submission.findings import rejected
from lmms_vg.tasks.registry import TASKS
from lmms_vg.tasks.yaml_files import groups, tasks


class Choice(NamedTuple):
    """The tasks to put into a bundle; the default takes all of them.

    Attributes:
        protocol: only tasks that may be part of its bundles; None for any.
        tasks: only these; empty for any.
    """

    protocol: ProtocolName | None = None
    tasks: frozenset[str] = frozenset()

    def takes(self, task: str) -> bool:
        """Return whether one of our tasks goes into the bundle."""
        named = not self.tasks or task in self.tasks
        return named and (self.protocol is None or self.protocol in _allowed(task))

    def require(self, names: Collection[str]) -> None:
        """Check the choice against the tasks of the runs.

        Raises:
            ValueError: a chosen task is not in the runs, or none of their tasks is chosen.
        """
        missing = sorted(self.tasks - set(names))
        if missing:
            raise ValueError(f"--tasks {','.join(missing)}: not in the runs, which have {', '.join(sorted(names))}")
        if names and not any(map(self.takes, names)):
            stated = ", ".join(f"{task} is of {' or '.join(_allowed(task))}" for task in sorted(names))
            raise ValueError(f"--protocol {self.protocol}: no task of the runs is of it; {stated}")


def choice(protocol: str | None, names: Sequence[str]) -> Choice:
    """Parse the values of `--protocol` and `--tasks`; a group stands for its tasks.

    Raises:
        ValueError: a name is unknown.
    """
    stated = next((name for name in PROTOCOLS if name == protocol), None)
    if protocol is not None and stated is None:
        raise ValueError(f"--protocol {protocol}: {suggest(protocol, PROTOCOLS)}Allowed are {', '.join(PROTOCOLS)}")
    chosen: set[str] = set()
    for name in names:
        if name not in tasks() and name not in groups():
            known = [*groups(), *sorted(tasks())]
            raise ValueError(
                f"--tasks {name}: {suggest(name, known)}It is not a task or group; lmms-vg tasks lists them"
            )
        chosen |= {name} if name in tasks() else {*groups()[name]}
    return Choice(stated, frozenset(chosen))


def only_protocol(tasks: Collection[str], stated: ProtocolName | None = None) -> ProtocolName | None:
    """Return the protocol of a bundle of these tasks; None for measurements alone.

    If several protocols have all the tasks, it is the stated one, or else the first of `PROTOCOLS`.

    Raises:
        Rejected: no protocol has all of them (`protocol`).
    """
    protocols = {task: TASKS[task].protocols for task in sorted(tasks) if not TASKS[task].measures}
    common = [name for name in PROTOCOLS if all(name in allowed for allowed in protocols.values())]
    if not common:
        named = ", ".join(f"{task} is of {' or '.join(allowed)}" for task, allowed in protocols.items())
        raise rejected("protocol", "tasks", f"{named}; choose with --protocol NAME, or --tasks NAME,...")
    if not protocols:
        return None
    return stated if stated in common else common[0]


def _allowed(task: str) -> Collection[ProtocolName]:
    """Return the protocols whose bundles may hold a task; measurements may be in all of them."""
    return TASKS[task].protocols or PROTOCOLS.keys()
