"""Ask the questions of a study, through the joint runs that other commands use, and say first what it costs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from lmms_vg._util.suggest import suggest
from lmms_vg.datasets import own_images
from lmms_vg.datasets.source import DataError
from lmms_vg.experiments.joint_run import run_together
from lmms_vg.experiments.method_settings import settings_of
from lmms_vg.extensions.registered import model_ids
from lmms_vg.runs.image_control_lines import BOX, ELSEWHERE
from lmms_vg.study.short_names import DATA
from lmms_vg.tasks import yaml_files
from lmms_vg.tasks.own_tasks import KINDS, own_tasks
from lmms_vg.tasks.own_tasks import samples as samples_of
from lmms_vg.tasks.registry import TASKS


class JointAsk(NamedTuple):
    """The family, methods and control that one process asks.

    Attributes:
        family: the family.
        methods: its methods; their weights and image prefixes are shared.
        control: what every question is changed by; empty for nothing.
    """

    family: str
    methods: tuple[str, ...]
    control: str = ""

    def out(self, folder: Path) -> Path:
        """Return the folder of its runs."""
        return folder / "runs" / (f"{self.family}_{self.control}" if self.control else self.family)

    def runs(self, folder: Path) -> list[Path]:
        """Return the output path of each method."""
        return [self.out(folder) / method for method in self.methods]


def asks_of(models: Sequence[str], causal: bool) -> list[JointAsk]:
    """Group models by family; with `causal`, plain methods are asked again under both controls that fill a place.

    Raises:
        ValueError: a model is unknown.
    """
    ids = model_ids()
    if unknown := [model for model in models if model not in ids]:
        raise ValueError(
            f"--models {unknown[0]}: {suggest(unknown[0], ids)}allowed are models <family>_<method>; lmms-vg methods shows them"
        )
    families: dict[str, list[str]] = {}
    for family, method in (ids[model] for model in dict.fromkeys(models)):
        families.setdefault(family, []).append(method)
    asks = [JointAsk(family, tuple(methods)) for family, methods in families.items()]
    controls = (BOX, ELSEWHERE) if causal else ()
    return [
        *asks,
        *(JointAsk(ask.family, ("plain",), control) for ask in asks for control in controls if "plain" in ask.methods),
    ]


def tasks_of(data: Sequence[str]) -> list[str]:
    """Return the tasks of data sets by short name, of tasks that measure by their own, and of files of own questions.

    The files become the own questions of this process and of those that it starts.

    Raises:
        ValueError: a name is none of these, or no row of a file has a place.
    """
    files = [name for name in data if Path(name).is_file()]
    if files:
        own_images.use(os.pathsep.join(files))
    tasks = [task for task, (_, kind) in own_tasks().items() if KINDS[kind].measures] if files else []
    if files and not tasks:
        raise ValueError(f"--data {files[0]}: no row has bbox or mask, so there is no place to look at")
    known = yaml_files.tasks()  # some of the registry are no tasks of lmms-eval
    allowed = [*DATA, *(task for task, spec in TASKS.items() if spec.measures and task in known)]
    for name in [name for name in data if name not in files]:
        if name not in allowed:
            raise ValueError(
                f"--data {name}: {suggest(name, allowed)}allowed is {', '.join(allowed)}, or a JSON-lines file"
            )
        tasks += DATA.get(name, (name,))
    return list(dict.fromkeys(tasks))


def cost(asks: Sequence[JointAsk], tasks: Sequence[str]) -> Iterator[str]:
    """Say how many questions about how many images are asked, and what that means."""
    questions, images = 0, set()
    for task in tasks:
        try:
            samples = samples_of(task)
        except (DataError, OSError) as problem:
            yield f"{task} cannot be asked: {problem}"
            continue
        yield f"{task}: {len(samples):,} questions about {len({image for s in samples for image in s.images}):,} images"
        questions += len(samples)
        images |= {image for sample in samples for image in sample.images}
    for ask in asks:
        under = f" under {ask.control}" if ask.control else ""
        shared = "one prefix per question, as its image is changed" if ask.control else "one prefix per image"
        number = questions * len(ask.methods)
        yield f"{ask.family}, {', '.join(ask.methods)}{under}: {number:,} answers, {shared}"
    yield (
        f"In all {sum(questions * len(ask.methods) for ask in asks):,} answers about {len(images):,} images. What a journal "
        "holds already is not asked again; a study that is stopped goes on when the same command is run again"
    )


def ask(
    asks: Sequence[JointAsk], tasks: Sequence[str], model_args: str, more: Sequence[str], out: Path
) -> tuple[list[Path], list[str]]:
    """Run everything, and return the output paths of the runs that finished, and what failed.

    Args:
        asks: what to ask.
        tasks: the tasks.
        model_args: for all models, in lmms-eval's syntax; hyper-parameters name their method, vgrefine.k=10.
        more: further arguments of lmms-eval.
        out: folder of the study.

    Raises:
        ValueError: arguments are wrong; nothing has been asked.
    """
    done: list[Path] = []
    failed: list[str] = []
    for ask in asks:
        given = ",".join(filter(None, (model_args, f"control={ask.control}" if ask.control else "")))
        settings, common = settings_of(ask.family, ask.methods, given)
        status = run_together(ask.family, settings, common, ["--tasks", ",".join(tasks), *more], ask.out(out))
        for method, path in zip(ask.methods, ask.runs(out), strict=True):
            if any(path.rglob("*_results.json")):
                done.append(path)
            if status.get(method, 1):
                failed.append(f"{path} (status {status.get(method, 1)})")
    return done, failed
