"""The answer explorer's data: questions once for all who were asked them, answers for each submission and task.

A page that is opened from disk may not fetch files, but it may load scripts, so every file is a script of one call that hands
its value to the page.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lmms_vg._util.suggest import suggest
from lmms_vg.submission.schema import BundleQuestion
from lmms_vg.submission.validate import pairs
from lmms_vg.submission.validated import Entry
from lmms_vg.tasks.registry import DATASETS, TASKS

_DIGITS = 4  # of a value that is shown with two
_ORDER = ("acc", "open_recall", "ar", "")


class Explorable(NamedTuple):
    """A task whose answers can be looked through. `metric` is empty where scores are not public.

    `questions`, `answers` and `plain` are keys of data files, `plain` empty where no plain run is beside it.
    """

    task: str
    metric: str
    n: int
    questions: str
    answers: str
    plain: str
    withheld: bool


def check_withheld(names: Collection[str]) -> None:
    """Errors: ValueError for what is no data set."""
    known = sorted(DATASETS)
    for name in names:
        if name not in known:
            raise ValueError(
                f"--withhold {name}: {suggest(name, known)}It is no data set; allowed are {', '.join(known)}"
            )


def withheld(task: str, names: Collection[str]) -> bool:
    """Whether a task's questions are of one of these data sets.

    HuatuoGPT-Vision's evaluation file holds questions of six data sets, so a task of it is of that set, too.
    """
    stem = task.removesuffix("_greedy").removesuffix("_chen")
    alike = [other for other in TASKS if other == task or (stem != task and f"{other}_".startswith(f"{stem}_"))]
    return any(TASKS[other].spec.name in names for other in alike)


def explorables(entry: Entry, plain: Mapping[str, Entry], names: Collection[str]) -> list[Explorable]:
    """Of a submission's tasks, those first that are right or wrong; questions of the data sets `names` are withheld.

    `plain`: task -> its plain run.
    """
    made = [
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
    return sorted(made, key=lambda one: _ORDER.index(one.metric))


def data_files(entry: Entry, bundle: Path, names: Collection[str], done: Collection[str]) -> Iterator[tuple[str, str]]:
    """Path in the site and text, for every task of a valid bundle; questions whose path is in `done` are left out."""
    for task in sorted(entry.manifest.tasks):
        both = list(pairs(bundle, task))
        key = _questions_key(entry, task)
        if path_of(key) not in done:
            hidden = withheld(task, names)
            yield path_of(key), script(key, [_question(question, hidden) for question, _ in both])
        values = entry.scores[task].values if task in entry.scores else [math.nan] * len(both)
        key = f"answers/{entry.id}/{task}"
        rows = [
            [answer.answer, answer.extracted, _number(value), *([answer.error] if answer.error else [])]
            for (_, answer), value in zip(both, values, strict=True)
        ]
        yield path_of(key), script(key, rows)


def script(key: str, value: Any) -> str:
    """ASCII that no reading of HTML or JavaScript takes for anything but the value."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return f"lmmsVg({json.dumps(key)},{text});\n"


def path_of(key: str) -> str:
    """Of a data file, in the site."""
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
