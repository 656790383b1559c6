"""Findings about a submission: a code whose meaning never changes, where it was found, and a message."""

from __future__ import annotations

from typing import NamedTuple

#: Code -> what it means.
CODES = {
    # the file
    "not-a-zip": "not a zip, damaged, or a kind of zip that lmms-vg submit does not write",
    "too-large": "larger than any honest submission: the file, one of its members, or a line",
    "path": "a member whose name leads out of the bundle",
    "link": "a member that is not a plain file",
    "duplicate-file": "two members with the same name",
    "unknown-file": "a member that does not belong in a bundle",
    "missing-file": "a member that the manifest names, or a task that a group needs, is missing",
    "checksum": "a file that is not the one the manifest was written for",
    # what it says
    "json": "not JSON, or JSON that could be read in two ways",
    "not-finite": "NaN or infinity where a number is needed",
    "schema-version": "made for another version of the schema",
    "schema": "a field is missing, unknown, of the wrong type, or names an unknown data set",
    "private": "a path, a host name or a token",
    "unexpected": "this version of lmms_vg crashes on it, which is a bug: please report it",
    # what it stands for
    "unknown-task": "a task or group that this version does not have",
    "protocol": "tasks of two protocols, or a protocol that is not the task's",
    "restricted": "run on part of a benchmark, decoded differently than the protocol says, or answers longer than it allows",
    "provenance": "does not say exactly what was run, where a model of lmms_vg has to say it",
    "mixed": "runs of different models, methods or circumstances",
    "failed": "questions that the model did not answer",
    "count": "not the benchmark's number of questions, or not the number that have a score",
    "duplicate-uid": "a question that appears twice",
    "missing-uid": "a question without an answer, or an answer without a question",
    "questions": "questions, options or reference answers that are not the benchmark's",
    "alignment": "alignment values that no attention map gives, or that the task does not measure",
    "maps": "maps that are damaged, incomplete, or not of the task's boxes, or that give other values than those stated",
    "first-token": "first-token values of other answers than the question allows, or of a model that signs nothing",
    "verdict": "a verdict that the answer does not give",
    "metric": "a value that the answers do not give",
    "outdated-rule": "scored by another version's rule; this version's rule gives other verdicts or values",
    # notes, which are no errors
    "declared": "the model is not of lmms_vg, so what was run is the submitter's word; its answers are scored as all others",
    "unverified-questions": "the questions could not be compared with the benchmark's, which is not on this machine",
    "unverified-metric": "a value that needs a language model was not computed again",
    "unverified-alignment": "alignment values are the submitter's: attention cannot be recomputed without the model",
    "recomputed-alignment": "alignment values that were computed again from the maps in the bundle",
    "unmeasured": "questions without alignment values, for example because the model does not see their boxes",
    "rule": "scored by another version's rule",
    "leak": "heads that were, or may have been, ranked on images that are asked about",
}

#: Codes that do not make a submission invalid.
NOTES = frozenset(
    {
        "declared",
        "unverified-questions",
        "unverified-metric",
        "unverified-alignment",
        "recomputed-alignment",
        "unmeasured",
        "rule",
        "leak",
    }
)


_LONGEST = 1_000  # characters of a printed finding


class Finding(NamedTuple):
    """One thing that was noticed; `where` is the file, task or field."""

    code: str
    where: str
    message: str

    @property
    def is_note(self) -> bool:
        """Whether the submission is valid all the same."""
        return self.code in NOTES

    def __str__(self) -> str:
        """Return one line of printable characters: a stranger's text must not move the cursor of whoever reads a log."""
        line = f"{self.code}  {self.where}: {self.message}"
        return "".join(character if character.isprintable() else "?" for character in line)[:_LONGEST]


class Rejected(ValueError):
    """A submission that cannot be made, or not be read any further; it holds at least one finding."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__("\n".join(map(str, findings)))
        self.findings = findings


def rejected(code: str, where: str, message: str) -> Rejected:
    """Return a `Rejected` with one finding, to be raised."""
    return Rejected(Finding(code, where, message))
