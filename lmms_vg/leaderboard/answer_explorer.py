"""The answer explorer's data: each question once for all submissions, and the answers of each submission and task.

A page opened from disk may not fetch files, but it may load scripts. So every file is a script with one call, which hands its
value to the page.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lmms_vg._util.suggest import suggest
from lmms_vg.submission.schema_lines import BundleQuestion
from lmms_vg.submission.validate import pairs
from lmms_vg.submission.validated import Entry
from lmms_vg.tasks.registry import DATASETS, TASKS

_DIGITS = 4  # decimals stored of values that are shown with two
_ORDER = ("acc", "open_recall", "ar", "")


class Explorable(NamedTuple):
    """A task whose answers the page can show.

    Attributes:
        metric: empty if reference answers are not public.
        n: number of questions.
        questions: key of the data file of the questions.
        answers: key of the data file of the answers.
        plain: key of the data file of the plain run's answers; empty if there is no plain run.
        withheld: whether the questions are kept out of the site.
    """

    task: str
    metric: str
    n: int
    questions: str
    answers: str
    plain: str
    withheld: bool


def check_withheld(names: Collection[str]) -> None:
    """Check the values of `--withhold`.

    Raises:
        ValueError: a name is not a data set.
    """
    known = sorted(DATASETS)
    for name in names:
        if name not in known:
            raise ValueError(
                f"--withhold {name}: {suggest(name, known)}It is not a data set; allowed are {', '.join(known)}"
            )


def withheld(task: str, names: Collection[str]) -> bool:
    """Return whether a task's questions come from one of these data sets.

    HuatuoGPT-Vision's evaluation file holds questions of six data sets, so its tasks count as tasks of those data sets too.
    """
    return any(spec.name in names for spec in TASKS[task].question_sets)


def explorables(entry: Entry, plain: Mapping[str, Entry], names: Collection[str]) -> list[Explorable]:
    """Return a submission's tasks, those whose answers are right or wrong first.

    Args:
        entry: the submission.
        plain: task -> its plain run.
        names: data sets whose questions are withheld.
    """
    tasks = [
        Explorable(
            task=task,
            metric=entry.scores[task].metric if task in entry.scores else "",
            n=stated.asked,
            questions=_questions_key(entry, task),
            answers=f"answers/{entry.id}/{task}",
            plain=f"answers/{plain[task].id}/{task}" if task in plain else "",
            withheld=withheld(task, names),
        )
        for task, stated in sorted(entry.manifest.tasks.items())
    ]
    return sorted(tasks, key=lambda item: _ORDER.index(item.metric))


def data_files(entry: Entry, bundle: Path, names: Collection[str], done: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield path in the site and text of the data files of a valid bundle; questions' files in `done` are left out."""
    for task in sorted(entry.manifest.tasks):
        answered = list(pairs(bundle, task))
        key = _questions_key(entry, task)
        if path_of(key) not in done:
            hidden = withheld(task, names)
            yield path_of(key), script(key, [_question(question, hidden) for question, _ in answered])
        values = entry.scores[task].values if task in entry.scores else [math.nan] * len(answered)
        key = f"answers/{entry.id}/{task}"
        rows = [
            [answer.answer, answer.extracted, _number(value), *([answer.error] if answer.error else [])]
            for (_, answer), value in zip(answered, values, strict=True)
        ]
        yield path_of(key), script(key, rows)


def script(key: str, value: Any) -> str:
    """Return the call as ASCII text that neither HTML nor JavaScript can read as anything but the value."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return f"lmmsVg({json.dumps(key)},{text});\n"


def path_of(key: str) -> str:
    """Return a data file's path in the site."""
    return f"data/{key}.js"


def _questions_key(entry: Entry, task: str) -> str:
    return f"questions/{task}-{entry.manifest.tasks[task].questions}"


def _question(question: BundleQuestion, hidden: bool) -> list[Any]:
    if hidden:
        return [question.uid]
    return [question.uid, question.question, question.options, question.answer, ", ".join(question.images)]


def _number(value: float) -> float | int | None:
    if math.isnan(value):
        return None
    return int(value) if value == int(value) else round(float(value), _DIGITS)
