"""What a run would ask, download and take, before anything is run: `lmms-vg run --dry-run`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lmms_vg.reproduce import checkpoints, cost
from lmms_vg.reproduce.checkpoints import Checkpoint
from lmms_vg.reproduce.downloads import BYTES, checkpoint, datasets
from lmms_vg.reproduce.own_checkpoint import own_checkpoint
from lmms_vg.runs.text_tables import aligned
from lmms_vg.tasks.registry import TASKS
from lmms_vg.tasks.yaml_files import groups

_KNOWN = {one.pretrained: one for one in vars(checkpoints).values() if isinstance(one, Checkpoint)}


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
    tasks = list(dict.fromkeys(task for name in names for task in groups().get(name, [name])))
    ours = [task for task in tasks if task in TASKS]
    own = own_checkpoint(family, pretrained)
    model = _KNOWN.get(own.pretrained, own)
    yield "nothing is run"
    yield from _questions(ours, len(methods))
    if others := [task for task in tasks if task not in TASKS]:
        yield f"not counted, because they are not tasks of lmms_vg: {', '.join(others)}"
    yield "downloads:"
    yield from (f"  {line}" for line in [checkpoint(model), *datasets(ours)])
    yield _memory(model)
    yield from _times(model, methods, ours)


def _questions(tasks: Sequence[str], methods: int) -> Iterator[str]:
    numbers = [cost.numbers(task) for task in tasks]
    rows = [[task, f"{n:,}", f"{images:,}"] for task, (n, images) in zip(tasks, numbers, strict=True)]
    total = sum(n for n, _ in numbers)
    yield from aligned([["task", "n", "images (at most)"], *rows])
    yield f"{total:,} questions for each of {methods} methods; answers that are in the journal are not asked again"


def _memory(model: Checkpoint) -> str:
    if not model.billions:
        return "memory: not known, as the weights are not here"
    half, full = BYTES * model.billions, 2 * BYTES * model.billions
    return f"memory: weights {half:.3g} GB in bfloat16, {full:.3g} GB in float32 (a CPU); batch_size=auto fills what is left"


def _times(model: Checkpoint, methods: Sequence[str], tasks: Sequence[str]) -> Iterator[str]:
    if not model.billions:
        yield "time: not known, as the weights are not here"
        return
    for device in (cost.A100, cost.H100):
        constants = cost.Constants.modelled(model.billions, device, model.image_tokens)
        times = [
            sum(constants.seconds(method if method in cost.WORK else "plain", *cost.numbers(task)) for task in tasks)
            for method in methods
        ]
        yield f"time: {cost.spoken(sum(times))} on one {device.name}, modelled, one question at a time (docs/scaling.md)"
    if unknown := [method for method in methods if method not in cost.WORK]:
        yield f"  counted as plain, because their cost is not modelled: {', '.join(unknown)}"
