"""Which tasks of a run go into a bundle, where it holds more than one bundle may."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, get_args

from lmms_vg._util.suggest import suggest
from lmms_vg.submission.protocol import protocols_of
from lmms_vg.submission.schema import Protocol
from lmms_vg.tasks.yaml_files import groups, tasks


class Choice(NamedTuple):
    """``protocol`` None and ``tasks`` empty leave nothing out."""

    protocol: Protocol | None = None
    tasks: frozenset[str] = frozenset()

    def takes(self, task: str) -> bool:
        """Whether one of our tasks is to be in the bundle."""
        named = not self.tasks or task in self.tasks
        return named and (self.protocol is None or self.protocol in protocols_of(task))

    def require(self, found: Collection[str]) -> None:
        """Errors: ValueError where the tasks of the runs are not those that were asked for."""
        missing = sorted(self.tasks - set(found))
        if missing:
            raise ValueError(f"--tasks {','.join(missing)}: not in the runs, which have {', '.join(sorted(found))}")
        if found and not any(map(self.takes, found)):
            of = {task: " or ".join(sorted(protocols_of(task))) for task in found}
            stated = ", ".join(f"{task} is of {of[task]}" for task in sorted(found))
            raise ValueError(f"--protocol {self.protocol}: no task of the runs is of it; {stated}")


def choice(protocol: str | None, names: Sequence[str]) -> Choice:
    """``names`` are of tasks and of groups, which stand for their tasks. Errors: ValueError for an unknown name."""
    protocols: dict[str, Protocol] = {known: known for known in get_args(Protocol)}
    if protocol is not None and protocol not in protocols:
        raise ValueError(f"--protocol {protocol}: {suggest(protocol, protocols)}Allowed are {', '.join(protocols)}")
    chosen: set[str] = set()
    for name in names:
        if name not in tasks() and name not in groups():
            known = [*groups(), *sorted(tasks())]
            raise ValueError(f"--tasks {name}: {suggest(name, known)}It is no task or group; lmms-vg tasks lists them")
        chosen |= {name} if name in tasks() else {*groups()[name]}
    return Choice(None if protocol is None else protocols[protocol], frozenset(chosen))
