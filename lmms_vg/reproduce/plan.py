"""What a target asks of whom, and what of it is done: made from the command line, before anything is run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from lmms_vg.paper.published import PublishedTable, table
from lmms_vg.reproduce.columns import Column, columns
from lmms_vg.reproduce.existing_runs import find, lacking
from lmms_vg.reproduce.targets import FIGURE, TARGETS, Target, TargetRow
from lmms_vg.runs.method_spec import MethodSpec
from lmms_vg.runs.results import Run

DEMO = "demo"

_DEMO_PAIR = ("vgmed_demo", "vgmed_demo")
_HEADS = "heads_{}.json"
_OURS = ("--tasks", "--output_path", "--methods")


class Ask(NamedTuple):
    """A row as a run: `model` and `model_args` as lmms-eval takes them, and `common` the part all rows of it share.

    `stated` names every hyper-parameter with its value, for people. `run` is a finished one, and `missing` the tasks it lacks,
    which may be all. `heads` is the head list that has to be calibrated first, None if none has to be.
    """

    row: TargetRow
    folder: Path
    common: str
    hyper_parameters: str
    stated: str
    heads: Path | None
    run: Run | None
    missing: list[str]

    @property
    def model(self) -> str:
        return f"{self.row.checkpoint.family}_{self.row.method}"

    @property
    def model_args(self) -> str:
        return ",".join(filter(None, (self.common, self.hyper_parameters)))


@dataclass(frozen=True)
class Plan:
    """`table` is None for the figure, whose `figure` is kind of question -> medical and COCO task."""

    name: str
    target: Target
    table: PublishedTable | None
    columns: list[Column]
    figure: dict[str, tuple[str, str]]
    tasks: list[str]
    asks: list[Ask]
    out: Path
    demo_model: bool
    demo_data: bool


def make(name: str, model: str | None, data: str | None, model_args: str, out: Path | None) -> Plan:
    """A plan for one of `TARGETS`, and what of it is done.

    Args:
        model, data: "demo" for the embedded model and phantoms, else None.
        model_args: of all rows, such as device_map=auto.

    Raises:
        ValueError: `model_args` name what is the row's: its checkpoint, or hyper-parameters.
    """
    if model_args:
        _require_common(model_args)
    target, folder = TARGETS[name], out or Path("reproduce") / name
    demo_model, demo_data = model == DEMO, data == DEMO
    printed = table(target.table) if target.table else None
    asked = columns(printed, demo_data) if printed else []
    figure = {} if printed else dict.fromkeys(FIGURE, _DEMO_PAIR) if demo_data else FIGURE
    parts = [*(column.tasks for column in asked), *figure.values()]
    tasks = list(dict.fromkeys(task for part in parts for task in part))
    asks = [_ask(row, demo_model, model_args, folder, tasks) for row in target.rows]
    return Plan(name, target, printed, asked, figure, tasks, asks, folder, demo_model, demo_data)


def require_ours(more: Sequence[str]) -> None:
    """Raises ValueError for arguments of lmms-eval that a target settles."""
    for argument in more:
        if argument.split("=")[0] in _OURS:
            raise ValueError(f"{argument}: tasks and folders are the target's; -o names another folder for all of them")


def calibration(ask: Ask) -> str:
    """The command that makes a row's head list."""
    family = ask.row.checkpoint.family
    return f"lmms-vg heads calibrate --model {family} --model_args {ask.common} --data coco -o {ask.heads}"


def _ask(row: TargetRow, demo: bool, model_args: str, out: Path, tasks: list[str]) -> Ask:
    folder = out / re.sub(r"[^a-z0-9.]+", "-", row.name.lower()).strip("-")
    given: dict[str, Any] = dict(row.hyper_parameters)
    heads: Path | None = None
    if (
        demo and "layers" in given
    ):  # the demo has six layers of six heads: the paper's numbers are those of other models
        given = {}
    elif row.calibrate:
        heads = out / _HEADS.format(Path(row.checkpoint.pretrained).name)
        given["heads"] = str(heads)
    own = ",".join(
        f"{name}={text}" for name, text in MethodSpec(name=row.method, hyper_parameters=given).arguments.items()
    )
    common = ",".join(filter(None, (f"pretrained={DEMO if demo else row.checkpoint.pretrained}", model_args)))
    stated = _stated(row, given, demo)
    ask = Ask(row, folder, common, own, stated, None if heads is None or heads.is_file() else heads, None, tasks)
    run = find(folder, ask.model, ask.model_args)
    if run is None or run.restricted or _newer(heads, run.path):
        return ask
    return ask._replace(run=run, missing=lacking(run, tasks))


def _stated(row: TargetRow, given: Mapping[str, Any], demo: bool) -> str:
    """All hyper-parameters as they are resolved for the checkpoint; those given, where its heads have yet to be ranked."""
    from lmms_vg.methods import METHODS  # late: it takes seconds
    from lmms_vg.models.checkpoint import Shape, shape_of

    if "heads" in given:
        return MethodSpec(name=row.method, hyper_parameters=dict(given)).shown
    family, pretrained, _, layers, heads = row.checkpoint
    shape = shape_of(DEMO) if demo else Shape(pretrained, layers, heads, {}, family)
    return MethodSpec(**METHODS[row.method].for_checkpoint(shape, **given).spec()).shown


def _require_common(model_args: str) -> None:
    from lmms_vg.experiments.joint_run import is_common, pairs  # late: it takes seconds

    for name, value in pairs(model_args):
        if name == "pretrained" or not is_common(name):
            raise ValueError(f"--model_args {name}={value}: checkpoint and hyper-parameters are those of each row")


def _newer(heads: Path | None, results: Path) -> bool:
    """Whether heads were calibrated anew since."""
    return heads is not None and heads.is_file() and heads.stat().st_mtime > results.stat().st_mtime
