"""One row of a target as a run: its model, its arguments, its folder, and what of it is done."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lmms_vg.reproduce.existing_runs import find, lacking
from lmms_vg.reproduce.target import TargetRow
from lmms_vg.runs.method_spec import MethodSpec
from lmms_vg.runs.results import Run

if TYPE_CHECKING:
    from lmms_vg.models.checkpoint import Shape

DEMO = "demo"

_HEADS = "heads_{}.json"
_DEMO_FAMILIES = ("huatuo", "llava")  # the demo model is a LLaVA; for rows of other families, `llava` runs it


class Ask(NamedTuple):
    """One row of a table as a run.

    Attributes:
        row: the row of the target.
        family: the family that runs it.
        folder: where its results go.
        common: the part of `model_args` that all rows of its checkpoint share.
        hyper_parameters: the rest of `model_args`.
        stated: every hyper-parameter with its value, for people.
        heads: the head list that has to be calibrated first; None if none is needed.
        run: the finished run, if there is one.
        missing: the tasks that still have to run.
    """

    row: TargetRow
    family: str
    folder: Path
    common: str
    hyper_parameters: str
    stated: str
    heads: Path | None
    run: Run | None
    missing: list[str]

    @property
    def model(self) -> str:
        """lmms-eval's `--model`."""
        return f"{self.family}_{self.row.method}"

    @property
    def model_args(self) -> str:
        """lmms-eval's `--model_args`."""
        return ",".join(filter(None, (self.common, self.hyper_parameters)))


def folder_of(out: Path, row: str) -> Path:
    """Return the folder of a row's results."""
    return out / re.sub(r"[^a-z0-9.]+", "-", row.lower()).strip("-")


def ask_of(
    row: TargetRow,
    demo: bool,
    model_args: str,
    out: Path,
    tasks: list[str],
    varied: Sequence[str],
    before: Sequence[Ask],
) -> Ask:
    """Return the run of a row; one that equals a run `before` it has that one's folder, so it is asked once."""
    checkpoint = row.checkpoint
    family = "llava" if demo and checkpoint.family not in _DEMO_FAMILIES else checkpoint.family
    given: dict[str, Any] = dict(row.hyper_parameters)
    heads: Path | None = None
    if (
        demo and "layers" in given
    ):  # the paper's layers and heads do not exist in the demo model (six layers of six heads)
        given = {name: given[name] for name in varied}
    elif row.calibrate:
        heads = out / _HEADS.format(Path(checkpoint.pretrained).name)
        given["heads"] = str(heads)
    if "k" in varied and heads is None:
        given["k"] = min(given["k"], _known_heads(row, demo))
    hyper_parameters = ",".join(
        f"{name}={text}" for name, text in MethodSpec(name=row.method, hyper_parameters=given).arguments.items()
    )
    parts = [
        f"pretrained={DEMO if demo else checkpoint.pretrained}",
        *(f"{name}={value}" for name, value in checkpoint.settings if not demo),
        *(f"{name}={value}" for name, value in row.settings.items()),
        *filter(None, [model_args]),
    ]
    common, stated = ",".join(parts), _stated(row, given, demo)
    run_of = checkpoint, common, hyper_parameters, row.method
    same = (
        ask.folder for ask in before if (ask.row.checkpoint, ask.common, ask.hyper_parameters, ask.row.method) == run_of
    )
    folder = next(same, folder_of(out, row.name))
    ask = Ask(
        row,
        family,
        folder,
        common,
        hyper_parameters,
        stated,
        None if heads is None or heads.is_file() else heads,
        None,
        tasks,
    )
    run = find(folder, ask.model, ask.model_args)
    if run is None or run.restricted or _newer(heads, run.path):
        return ask
    return ask._replace(run=run, missing=lacking(run, tasks))


def _known_heads(row: TargetRow, demo: bool) -> int:
    """Return the number of heads in the list that the package has for a row's checkpoint, or for the demo model."""
    from lmms_vg.methods.head_lists import resolve  # late: it takes seconds

    return len(resolve(_shape(row, demo), None, layers_given=False).heads)


def _shape(row: TargetRow, demo: bool) -> Shape:
    from lmms_vg.models.checkpoint import Shape, shape_of

    checkpoint = row.checkpoint
    return (
        shape_of(DEMO)
        if demo
        else Shape(checkpoint.pretrained, checkpoint.layers, checkpoint.heads, {}, checkpoint.family)
    )


def _stated(row: TargetRow, given: Mapping[str, Any], demo: bool) -> str:
    """All hyper-parameters as resolved for the checkpoint; only those given if its heads are not ranked yet."""
    from lmms_vg.methods import METHODS  # late: it takes seconds

    if "heads" in given:
        return MethodSpec(name=row.method, hyper_parameters=dict(given)).shown
    return MethodSpec(**METHODS[row.method].for_checkpoint(_shape(row, demo), **given).spec()).shown


def _newer(heads: Path | None, results: Path) -> bool:
    """Return whether the head list was calibrated after the results were written."""
    return heads is not None and heads.is_file() and heads.stat().st_mtime > results.stat().st_mtime
