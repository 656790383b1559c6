"""Tasks for own questions: `own` for all files of `LMMS_VG_OWN`, `own_NAME` for one, `own_NAME_KIND` for its rows of a kind.

lmms-eval reads tasks from YAML files, so these are written into a folder of the user's cache, which is named after their
content. They are no benchmark: the registry, `lmms-vg tasks`, `submit` and the leaderboard do not know them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from lmms_vg._util.atomic_files import replace_file
from lmms_vg._util.suggest import suggest
from lmms_vg.datasets import own, own_images
from lmms_vg.datasets.own_images import OWN_ENV, own_files
from lmms_vg.datasets.own_rows import KEYS, Kind, read
from lmms_vg.datasets.schema import Sample
from lmms_vg.datasets.source import DataError
from lmms_vg.journal.location import home
from lmms_vg.plugin import TASK_FOLDER
from lmms_vg.tasks.registry import TASKS, process_docs


class OwnKind(NamedTuple):
    """The scoring of a kind of rows.

    Attributes:
        base: the YAML that their task includes, in our folder of tasks.
        words: what is measured, for people.
        measures: whether it is where the model looks, alone or beside the answer.
    """

    base: str
    words: str
    measures: bool = False


_LOOK = "where the model looks (AR, KL, JS, excess over chance)"
KINDS: dict[Kind, OwnKind] = {
    "choice": OwnKind("_choice_yaml", "the letter of an option: right or wrong"),
    "closed": OwnKind("_closed_yaml", "yes or no: right or wrong"),
    "open": OwnKind("_open_yaml", "a free answer: BLEU-1, recall, BERTScore"),
    "grounding": OwnKind("_measurement_yaml", _LOOK, measures=True),
    "grounded_choice": OwnKind("own/_grounded_choice_yaml", f"the letter of an option, and {_LOOK}", measures=True),
    "grounded_closed": OwnKind("own/_grounded_closed_yaml", f"yes or no, and {_LOOK}", measures=True),
    "grounded_open": OwnKind("slake/_grounded_open_yaml", f"a free answer, and {_LOOK}", measures=True),
}


def kinds_of(path: Path) -> dict[Kind, int]:
    """Kind -> number of rows of a file that are of it, in the order of `KINDS`.

    Raises:
        DataError, OSError: as `own_rows.read`.
    """
    counts = Counter(row.kind for row in read(path).rows.values())
    return {kind: counts[kind] for kind in KINDS if counts[kind]}


def measured(path: Path) -> Iterator[str]:
    """Lines on what a run measures of a file, as `lmms-vg data check` prints them.

    Raises:
        DataError, OSError: as `own_rows.read`.
    """
    file, name = read(path), own_images.name_of(path)
    yield f"{path}: {len(file.rows)} of {len(file.rows) + len(file.problems)} lines are questions"
    for key, lines in sorted(file.unread.items()):
        yield f"key {key!r} is not read ({lines} lines); {suggest(key, KEYS).strip()}"
    for kind, n in kinds_of(path).items():
        rows = [row for row in file.rows.values() if row.kind == kind]
        images, patients = (
            len({own_images.uri_of(name, row) for row in rows}),
            len({row.patient for row in rows} - {""}),
        )
        yield f"own_{name}_{kind}: n = {n}, {images} images{f', {patients} patients' * bool(patients)}: {KINDS[kind].words}"
    yield f"ask them: lmms-vg run --data {path} --model huatuo_vgrefine --model_args pretrained=demo --output_path out"


def own_tasks() -> dict[str, tuple[Path, Kind]]:
    """Task -> its file and kind, for all files of `LMMS_VG_OWN`.

    Raises:
        DataError: a file is missing or has no row that can be scored, or two tasks or groups would have the same name.
        OSError: a file cannot be read.
    """
    tasks: dict[str, tuple[Path, Kind]] = {}
    for name, path in own_files().items():
        kinds = kinds_of(path)
        if not kinds:
            raise DataError(f"{path}: no row has an answer, bbox or mask, so nothing can be measured")
        tasks |= {f"own_{name}_{kind}": (path, kind) for kind in kinds}
    twice = tasks.keys() & {f"own_{name}" for name in own_files()}
    if twice:
        raise DataError(f"{', '.join(twice)}: would be both a file and part of another; rename one of the files")
    return tasks


def here() -> dict[str, tuple[Path, Kind]]:
    """`own_tasks`, but none where the files that `LMMS_VG_OWN` names cannot be read: a journal holds other tasks as well."""
    try:
        return own_tasks()
    except (DataError, OSError):
        return {}


def own_groups() -> dict[str, list[str]]:
    """Group -> its tasks; errors as `own_tasks`."""
    tasks = own_tasks()
    groups = {
        f"own_{name}": [task for task, (of, _) in tasks.items() if of == path] for name, path in own_files().items()
    }
    return {"own": list(tasks), **groups} if tasks else {}


def samples(task: str) -> list[Sample]:
    """Samples of a task of ours, or of own questions.

    Raises:
        DataError: there is no such task, or its data are missing or damaged.
        OSError: they cannot be read.
    """
    if task in TASKS:
        return TASKS[task].load()
    if not task.startswith("own_"):
        raise DataError(f"{task} is no task of this version")
    tasks = own_tasks()
    if task not in tasks:
        raise DataError(f"{task}: {OWN_ENV} does not name its file; set it as it was for the run")
    return own.load(*tasks[task])


def folder() -> Path:
    """Write the YAML files of all tasks and groups, unless they are there, and return their folder.

    Raises:
        DataError: as `own_tasks`.
        OSError: they cannot be written.
    """
    texts = dict(_texts())
    digest = hashlib.sha256("".join(f"{name}\n{text}" for name, text in texts.items()).encode()).hexdigest()
    place = home() / "own" / digest[:16]
    for name, text in texts.items():
        if not (place / f"{name}.yaml").exists():
            replace_file(place / f"{name}.yaml", text)
    return place


def _texts() -> Iterator[tuple[str, str]]:
    for name, (_, kind) in own_tasks().items():
        config = {"include": str(TASK_FOLDER / KINDS[kind].base), "task": name}
        yield name, f"{_dumped(config)}process_docs: !function {__name__}.{name}\n"
    for name, members in own_groups().items():
        yield name, _dumped({"group": name, "task": members, "metadata": {"version": 1.0}})


def _dumped(config: dict[str, Any]) -> str:
    return str(yaml.safe_dump(config, sort_keys=False, allow_unicode=True))


def __getattr__(name: str) -> Callable[[object], Any]:
    if not name.startswith("own_") or name not in (tasks := own_tasks()):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    path, kind = tasks[name]
    return process_docs(name, partial(own.load, path, kind), measures=KINDS[kind].measures)
