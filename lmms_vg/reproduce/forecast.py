"""Forecast of a run's questions, downloads and time, before anything is run: `lmms-vg run --dry-run`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from lmms_vg.datasets.own_images import own_files
from lmms_vg.datasets.own_rows import read
from lmms_vg.reproduce import checkpoints, cost
from lmms_vg.reproduce.checkpoints import Checkpoint
from lmms_vg.reproduce.downloads import BYTES, checkpoint, datasets, sized
from lmms_vg.reproduce.own_checkpoint import own_checkpoint
from lmms_vg.runs.text_tables import aligned
from lmms_vg.tasks.own_tasks import own_groups, own_tasks
from lmms_vg.tasks.registry import TASKS
from lmms_vg.tasks.yaml_files import groups

_KNOWN = {value.pretrained: value for value in vars(checkpoints).values() if isinstance(value, Checkpoint)}


def forecast(family: str, methods: Sequence[str], pretrained: str | None, names: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a forecast. No weights are read, nothing is downloaded.

    Args:
        family: name of the family.
        methods: names of its methods.
        pretrained: folder or hub id; None for the family's default.
        names: tasks and groups; those that are not ours are named and not counted.

    Raises:
        CheckpointError: the family does not load the checkpoint.
    """
    members = {**groups(), **(own_groups() if own_files() else {})}
    tasks = list(dict.fromkeys(task for name in names for task in members.get(name, [name])))
    numbers = {task: _numbers(task) for task in tasks if task in TASKS or task in members.get("own", ())}
    own = own_checkpoint(family, pretrained)
    model = _KNOWN.get(own.pretrained, own)
    yield "nothing is run"
    yield from _questions(numbers, len(methods))
    if others := [task for task in tasks if task not in numbers]:
        yield f"not counted, because they are not tasks of lmms_vg: {', '.join(others)}"
    yield "downloads:"
    yield from (f"  {line}" for line in [checkpoint(model), *datasets([task for task in numbers if task in TASKS])])
    yield _memory(model)
    yield from _times(model, methods, numbers.values())


def _numbers(task: str) -> tuple[int, int]:
    """Return the number of questions of a task, and of images."""
    if task in TASKS:
        return cost.numbers(task)
    path, kind = own_tasks()[task]
    rows = [row for row in read(path).rows.values() if row.kind == kind]
    return len(rows), len({row.image for row in rows})


def _questions(numbers: Mapping[str, tuple[int, int]], methods: int) -> Iterator[str]:
    rows = [[task, f"{n:,}", f"{images:,}"] for task, (n, images) in numbers.items()]
    total = sum(n for n, _ in numbers.values())
    yield from aligned([["task", "n", "images (at most)"], *rows])
    yield f"{total:,} questions for each of {methods} methods; answers that are in the journal are not asked again"


def _memory(model: Checkpoint) -> str:
    if not model.billions:
        return "memory: not known, as the weights are not here"
    half, full = BYTES * model.billions, 2 * BYTES * model.billions
    return f"memory: weights {sized(half)} in bfloat16, {sized(full)} in float32 (a CPU); batch_size=auto fills what is left"


def _times(model: Checkpoint, methods: Sequence[str], numbers: Collection[tuple[int, int]]) -> Iterator[str]:
    if not model.billions:
        yield "time: not known, as the weights are not here"
        return
    for device in (cost.A100, cost.H100):
        constants = cost.Constants.modelled(model.billions, device, model.image_tokens)
        times = [
            sum(constants.seconds(method if method in cost.WORK else "plain", *pair) for pair in numbers)
            for method in methods
        ]
        yield f"time: {cost.spoken(sum(times))} on one {device.name}, modelled, one question at a time (docs/scaling.md)"
    if unknown := [method for method in methods if method not in cost.WORK]:
        yield f"  counted as plain, because their cost is not modelled: {', '.join(unknown)}"
