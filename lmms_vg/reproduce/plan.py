"""The plan of a target, made from the command line before anything runs: its runs, and which of them are done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lmms_vg.extensions.registered import families
from lmms_vg.paper.published import PublishedTable, table
from lmms_vg.paper.side_by_side import side_by_side
from lmms_vg.reproduce.ask import DEMO, Ask, ask_of, folder_of
from lmms_vg.reproduce.checkpoints import Checkpoint, NotHere
from lmms_vg.reproduce.columns import Column, columns
from lmms_vg.reproduce.not_here import AskElsewhere, ask_elsewhere
from lmms_vg.reproduce.own_checkpoint import own_checkpoint, own_rows
from lmms_vg.reproduce.target import Target, TargetRow
from lmms_vg.reproduce.targets import FIGURE, TARGETS

_DEMO_PAIR = ("vgmed_demo", "vgmed_demo")
_OURS = ("--tasks", "--output_path", "--methods")


@dataclass(frozen=True)
class Plan:
    """The runs and data that a target needs.

    `table` is None for a figure, whose `figure` maps a kind of question to (medical, COCO) tasks. `own` is a checkpoint of
    one's own in place of the paper's; None for these.
    """

    name: str
    target: Target
    table: PublishedTable | None
    columns: list[Column]
    figure: dict[str, tuple[str, str]]
    tasks: list[str]
    asks: list[Ask]
    elsewhere: list[AskElsewhere]
    out: Path
    demo_model: bool
    demo_data: bool
    own: Checkpoint | None = None


def make(name: str, model: str | None, data: str | None, model_args: str, out: Path | None) -> Plan:
    """Make the plan of one of `TARGETS`, and look up what is done.

    Args:
        name: a key of `TARGETS`.
        model: "demo" for the demo model, or the family of a checkpoint of one's own; None for the paper's checkpoints.
        data: "demo" for phantoms, else None.
        model_args: for all rows, such as device_map=auto; with a family also pretrained=.
        out: folder of the results; None for `reproduce/<name>`.

    Raises:
        ValueError: `model_args` set a checkpoint or hyper-parameters, which belong to the rows.
    """
    demo_model, demo_data = model == DEMO, data == DEMO
    pretrained, model_args = _divided(model_args, model is not None and not demo_model)
    own = None if model is None or demo_model else own_checkpoint(model, pretrained)
    target, folder = TARGETS[name], out or Path("reproduce") / name
    if own is not None:
        target = target._replace(rows=own_rows(target, own), not_here=())
    printed = _printed(target)
    if printed is not None and own is not None:
        printed = printed.model_copy(update={"rows": {row.name: [None] * len(printed.columns) for row in target.rows}})
    wanted = columns(printed, demo_data) if printed else []
    figure = {} if printed else dict.fromkeys(FIGURE, _DEMO_PAIR) if demo_data else FIGURE
    parts = [*(column.tasks for column in wanted), *figure.values()]
    tasks = list(dict.fromkeys(task for part in parts for task in part))
    here = [row for row in target.rows if row.checkpoint.family in families()]
    not_here = [*(_missing(row) for row in target.rows if row not in here), *target.not_here]
    asks: list[Ask] = []
    for row in here:
        asks.append(ask_of(row, demo_model, model_args, folder, tasks, target.varied, asks))
    scored = [] if figure or demo_model or demo_data else tasks
    elsewhere = [ask_elsewhere(row, scored, model_args, folder_of(folder, row.name)) for row in not_here]
    return Plan(name, target, printed, wanted, figure, tasks, asks, elsewhere, folder, demo_model, demo_data, own)


def require_ours(more: Sequence[str]) -> None:
    """Check that lmms-eval's arguments do not set what the target sets.

    Raises:
        ValueError: an argument is the target's.
    """
    for argument in more:
        if argument.split("=")[0] in _OURS:
            raise ValueError(f"{argument}: the target sets tasks and folders; choose another output folder with -o")


def calibration(ask: Ask, demo_data: bool = False) -> str:
    """Return the command that makes a row's head list."""
    data = calibration_data(demo_data)
    return f"lmms-vg heads calibrate --model {ask.family} --model_args {ask.common} --data {data} -o {ask.heads}"


def calibration_data(demo_data: bool) -> str:
    """Return the data set that heads are ranked on: `--data` of `lmms-vg heads calibrate`."""
    return DEMO if demo_data else "coco"


def _printed(target: Target) -> PublishedTable | None:
    """Return the paper's table of a target, or its tables side by side; None for a figure without numbers."""
    if target.radar:
        return side_by_side(target.radar, target.title)
    return table(target.table) if target.table else None


def _missing(row: TargetRow) -> NotHere:
    checkpoint = row.checkpoint
    return NotHere(row.name, f"its family {checkpoint.family} is not installed", checkpoint.elsewhere)


def _divided(model_args: str, own: bool) -> tuple[str | None, str]:
    """Return the checkpoint in `--model_args`, and the other arguments.

    Raises:
        ValueError: they set hyper-parameters, or a checkpoint that is not one's own; these belong to the rows.
    """
    if not model_args:
        return None, ""
    from lmms_vg.experiments.method_settings import is_common, pairs  # late: it takes seconds

    given = dict(pairs(model_args))
    pretrained = given.pop("pretrained", None) if own else None
    for name, value in given.items():
        if name == "pretrained" or not is_common(name):
            raise ValueError(
                f"--model_args {name}={value}: every row sets its own checkpoint and hyper-parameters; for a checkpoint of "
                "your own name its family: --model llava --model_args pretrained=..."
            )
    return pretrained, ",".join(f"{name}={value}" for name, value in given.items())
