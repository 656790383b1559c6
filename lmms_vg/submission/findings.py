"""What can be wrong with a submission: a code that never changes its meaning, where, and what in words."""

from __future__ import annotations

from typing import NamedTuple

CODES = {
    # the file
    "not-a-zip": "no zip, damaged, or a kind of zip that lmms-vg submit does not write",
    "too-large": "larger than any honest submission: the file, one of its members, or a line",
    "path": "a member whose name leads out of the bundle",
    "link": "a member that is no plain file",
    "duplicate-file": "two members of one name",
    "unknown-file": "a member that no bundle has",
    "missing-file": "a member that its manifest needs, or a task that a group needs",
    "checksum": "a file that is not the one its manifest was written for",
    # what it says
    "json": "not JSON, or JSON that could be read in two ways",
    "not-finite": "NaN or infinity where a number is needed",
    "schema-version": "made for another version of the schema",
    "schema": "a field is missing, unknown, not of its type, or names no data set",
    "private": "a path, a host name or a token",
    "unexpected": "this version of lmms_vg fails on it, which is a fault of its own: please report it",
    # what it stands for
    "unknown-task": "a task or group that this version does not have",
    "protocol": "tasks of two protocols, or another than the task's own",
    "restricted": "run on part of a benchmark, or decoded otherwise, or at greater length, than its protocol says",
    "provenance": "does not say what exactly was run",
    "mixed": "runs of different models, methods or circumstances",
    "failed": "questions that the model did not answer",
    "count": "another number of questions than the benchmark has, or than have a score",
    "duplicate-uid": "a question that is there twice",
    "missing-uid": "a question without an answer, or an answer without a question",
    "questions": "other questions, options or reference answers than the benchmark has",
    "alignment": "alignment values that no attention map has, or that the task does not measure",
    "verdict": "a verdict that the answer does not give",
    "metric": "a value that the answers do not give",
    "outdated-rule": "scored by another version's rule, which gives other verdicts or values here",
    # what is said beside it, and is no error
    "unverified-questions": "the questions could not be compared with the benchmark's: it is not on this machine",
    "unverified-metric": "a value that needs a language model was not computed again",
    "unverified-alignment": "alignment values are the submitter's: attention cannot be computed again without the model",
    "unmeasured": "questions without alignment values, such as boxes in a part of the image that the model does not see",
    "rule": "scored by another version's rule",
    "leak": "heads that were, or may have been, ranked on images that are asked about",
}
"""Code -> what it means."""

NOTES = frozenset({"unverified-questions", "unverified-metric", "unverified-alignment", "unmeasured", "rule", "leak"})
"""Codes that do not make a submission invalid."""


_LONGEST = 1_000


class Finding(NamedTuple):
    """``where`` is the file, task or field."""

    code: str
    where: str
    message: str

    @property
    def is_note(self) -> bool:
        """Whether the submission counts all the same."""
        return self.code in NOTES

    def __str__(self) -> str:
        """On one line of what can be printed: a stranger's text may not move the cursor, nor command whoever reads a log."""
        said = f"{self.code}  {self.where}: {self.message}"
        return "".join(sign if sign.isprintable() else "?" for sign in said)[:_LONGEST]


class Rejected(ValueError):
    """A submission that cannot be read on, or cannot be made. Holds at least one finding."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__("\n".join(map(str, findings)))
        self.findings = findings


def rejected(code: str, where: str, message: str) -> Rejected:
    """For ``raise``."""
    return Rejected(Finding(code, where, message))
