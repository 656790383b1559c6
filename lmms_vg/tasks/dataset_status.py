"""The state of a data set: its files, the number of questions in them, and the command that fetches missing files."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from huggingface_hub import constants

from lmms_vg.datasets.schema import DatasetSpec
from lmms_vg.datasets.source import local_root

#: Complete; complete but with an unexpected number of questions; some files missing; all files missing; a file is wrong.
State = Literal["here", "partial", "incomplete", "missing", "wrong"]


class QuestionCount(NamedTuple):
    """The number of questions of one task that are here.

    Attributes:
        task: name of the task.
        expected: number of questions of the benchmark; None if it is not known.
        found: number of questions read; None if files are missing or cannot be read.
        images: whether the images of the questions are here too.
        problem: what is wrong with the files; empty if nothing is.
    """

    task: str
    expected: int | None
    found: int | None = None
    images: bool = True
    problem: str = ""

    @property
    def complete(self) -> bool:
        """Whether no file is missing."""
        return bool(self.problem) or (self.found is not None and self.images)

    @property
    def partial(self) -> bool:
        """Whether the number of questions differs from the benchmark's."""
        return None not in (self.found, self.expected) and self.found != self.expected

    def __str__(self) -> str:
        if self.problem:
            return f"{self.task}: WRONG, {self.problem}"
        expected = "" if self.expected is None else f" of {self.expected:,} expected"
        if self.found is None:
            return f"{self.task}: none{expected}"
        images = "" if self.images else "; images are missing"
        return f"{self.task}: {self.found:,} questions{expected}{': PARTIAL' * self.partial}{images}"


class DatasetStatus(NamedTuple):
    """The state of one data set on this machine.

    Attributes:
        spec: the data set.
        folder: where its files are, or would be; None if neither LMMS_VG_DATA nor the hub's cache has a place for them.
        files: file or pattern of the spec -> size of what is here, as text; None if nothing is here.
        counts: question counts of its tasks; of tasks with the same questions, only the first.
        used_by: groups whose tasks all need it, and the tasks in none of these groups.
        unread: other revisions in the hub's cache, which are not read.
        remarks: what else a person should know of the files that are here.
    """

    spec: DatasetSpec
    folder: Path | None
    files: dict[str, str | None]
    counts: list[QuestionCount]
    used_by: list[str]
    unread: list[str]
    remarks: Sequence[str] = ()

    @property
    def name(self) -> str:
        """Name of the data set."""
        return self.spec.name

    @property
    def complete(self) -> bool:
        """Whether no file is missing.

        Readers accept more names and places than there are patterns, so the patterns decide only where nothing was read.
        """
        return all(count.complete for count in self.counts) if self.counts else all(self.files.values())

    @property
    def state(self) -> State:
        """The worst state of its files and counts."""
        if any(count.problem for count in self.counts):
            return "wrong"
        if not self.complete:
            return "incomplete" if any(self.files.values()) else "missing"
        return "partial" if any(count.partial for count in self.counts) else "here"

    @property
    def fetch(self) -> str:
        """The command that downloads what is missing."""
        return f"{'HF_HUB_OFFLINE=0 ' if constants.HF_HUB_OFFLINE else ''}lmms-vg data fetch {self.name}"

    @property
    def remedy(self) -> str:
        """The command to type next; empty if nothing is wrong."""
        if self.state in ("missing", "incomplete"):
            return self.fetch
        return "" if self.state == "here" else self._again()

    def lines(self, tasks: Collection[str] | None = None) -> Iterator[str]:
        """Text for people: licence and revision, files with sizes, counts; with `tasks`, the counts of these only."""
        yield f"{self.name}: {self.spec.source} ({self.spec.licence}){self._pin()}"
        if tasks is None:
            yield f"  used by: {' '.join(self.used_by)}"
        if self.unread:
            yield f"  the hub's cache has another revision, which is not read: {', '.join(self.unread)}"
        otherwise = "not here under this name" if self.complete else "MISSING"
        for pattern, size in self.files.items():
            yield f"  {pattern}: {size or f'{otherwise}, {self.spec.files[pattern]}'}"
        yield from (f"  {count}" for count in self.counts if tasks is None or count.task in tasks)
        yield from (f"  {remark}" for remark in self.remarks)
        if not self.complete:
            yield f"  get it with: {self.fetch}"

    def _pin(self) -> str:
        if self.spec.hub_id is None:
            return ""
        revision = self.spec.revision
        return f", pinned to revision {revision[:8]}" if revision else ", not pinned: the hub's newest"

    def _again(self) -> str:
        """Return the command that fetches it again; the old files are moved, not removed: they may still be useful."""
        root = local_root(self.spec)
        if root is not None:
            return f'mv "{root}" "{root}.wrong" && {self.fetch}'
        revision = f" --revision {self.spec.revision}" if self.spec.revision else ""
        return f"hf download {self.spec.hub_id} --repo-type dataset{revision} --force-download"
