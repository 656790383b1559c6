"""Scores of answers given without the image, for the questions of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lmms_vg.datasets.training import training
from lmms_vg.metrics.chance import Blind, by_question, majority
from lmms_vg.runs.results import TaskRun

MAJORITY = "chance: one answer"
TRAINING = "chance: training answer"

#: Row -> what it does.
ABOUT = {
    MAJORITY: "the most frequent reference answer to every question",
    TRAINING: "the most frequent training answer to a question of the same words, where the training questions are here",
}


class ChanceRow(NamedTuple):
    """A row that opens no image, on a task or group.

    Attributes:
        row: one of `ABOUT`.
        name: the task or group.
        blind: the result; a group weighs every question the same.
    """

    row: str
    name: str
    blind: Blind


def chance_rows(names: Mapping[str, Sequence[TaskRun]]) -> list[ChanceRow]:
    """Return the rows for every task or group of closed questions, name -> its tasks; open questions have none.

    A group of several tasks gives each task its own answer. The row of training answers is there if every task has one.
    """
    results: list[ChanceRow] = []
    for name, parts in names.items():
        if all(part.metric == "acc" and part.scores and part.scores.keys() <= part.asked.keys() for part in parts):
            results.append(ChanceRow(MAJORITY, name, _summed([_majority(part) for part in parts])))
            trained = [_trained(part) for part in parts]
            known = [blind for blind in trained if blind is not None]
            if len(known) == len(trained):
                results.append(ChanceRow(TRAINING, name, _summed(known)))
    return results


def _majority(part: TaskRun) -> Blind:
    return majority([part.asked[uid].reference for uid in part.scores])


def _trained(part: TaskRun) -> Blind | None:
    questions = training(part.task)
    if questions is None or not part.scores.keys() <= questions.asked.keys() or not questions.answers:
        return None
    return by_question([(questions.asked[uid], part.asked[uid].reference) for uid in part.scores], questions.answers)


def _summed(parts: Sequence[Blind]) -> Blind:
    answers = {part.answer for part in parts}
    return Blind(
        sum(part.right for part in parts),
        sum(part.n for part in parts),
        answers.pop() if len(answers) == 1 else "",
        sum(part.known for part in parts),
    )
