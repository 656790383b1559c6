"""Vary a method's hyper-parameters (paper, Table 4): plan the settings and run them together with `plain`.

All settings share the image prefixes and the captured maps; only what they do with the maps differs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

from lmms_eval.utils import simple_parse_args_string

from lmms_vg._util.atomic_files import replace_file
from lmms_vg._util.suggest import suggest
from lmms_vg.experiments.boxed_tasks import BOXED_TASKS
from lmms_vg.experiments.joint_run import run_together
from lmms_vg.experiments.method_settings import Setting, is_common, pairs
from lmms_vg.extensions.registered import model_ids
from lmms_vg.inference.build import resolve
from lmms_vg.methods import METHODS, Method
from lmms_vg.runs import comparison_tables
from lmms_vg.runs.best_setting import chosen_notes, highest_note
from lmms_vg.runs.compare import compare
from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.plots.sweep import Point, as_csv, as_markdown, draw

#: Folder of the baseline.
PLAIN = "plain"


class GridAxis(NamedTuple):
    """One hyper-parameter and its values, as written."""

    name: str
    values: list[str]


def parse_grid(method: str, grid: Sequence[str]) -> list[GridAxis]:
    """Parse a grid such as `k=1,2,5 p=30,50` into axes.

    Raises:
        ValueError: An axis has no values, occurs twice or is no hyper-parameter of the method, or a value occurs twice.
    """
    options = METHODS[method].options()
    axes: list[GridAxis] = []
    for part in grid:
        name, _, values = part.partition("=")
        axis = GridAxis(name, [value for value in values.split(",") if value])
        if name not in options:
            raise ValueError(f"--grid {part!r}: {suggest(name, options)}{method} has {', '.join(options)}")
        if not axis.values or len(set(axis.values)) < len(axis.values) or name in [other.name for other in axes]:
            raise ValueError(f"--grid {part!r}: allowed is each hyper-parameter once, with different values: k=1,2,5")
        axes.append(axis)
    return axes


def plan(axes: Sequence[GridAxis], cross: bool) -> list[tuple[str, str, dict[str, str]]]:
    """List every setting: name of the axis, value on it, hyper-parameters.

    Axes vary one after the other (paper, Table 4); with `cross`, all combinations form a single axis.
    """
    if not cross:
        return [(axis.name, value, {axis.name: value}) for axis in axes for value in axis.values]
    names = [axis.name for axis in axes]
    combinations = product(*(axis.values for axis in axes))
    return [(", ".join(names), ", ".join(values), dict(zip(names, values, strict=True))) for values in combinations]


def join(values: dict[str, str]) -> str:
    """Hyper-parameters in the form of `--model_args`."""
    return ",".join(f"{name}={value}" for name, value in values.items())


def divide(model_args: str, family: str) -> tuple[dict[str, str], dict[str, str]]:
    """Divide `--model_args` into arguments common to all settings, including plain, and the method's hyper-parameters.

    Raises:
        ValueError: An argument has no value.
    """
    given = list(pairs(model_args))
    common, own = (
        {name: value for name, value in given if is_common(name, family) == of_model} for of_model in (True, False)
    )
    return common, own


def require_comparable(arguments: Sequence[str]) -> None:
    """Check, before anything is run, that the results can be compared with plain's.

    Raises:
        ValueError: Options restrict the benchmark or change its decoding, or all tasks only measure attention.
    """
    given = [argument.split("=")[0] for argument in arguments]
    restricting: list[str] = [argument for argument in ("--limit", "--offset", "--gen_kwargs") if argument in given]
    if os.environ.get("LMMS_VG_PARTIAL_DATA") == "1":
        restricting.append("LMMS_VG_PARTIAL_DATA=1")
    if restricting:
        raise ValueError(
            f"{', '.join(restricting)}: a sweep compares its settings with plain, and such runs are not compared, as their "
            "numbers do not stand for their benchmark; to try things take a small task, such as --tasks vqa_demo"
        )
    tasks = arguments[given.index("--tasks") + 1].split(",")
    if set(tasks) <= {*BOXED_TASKS, "vgmed", "vgmed_coco"}:
        raise ValueError(
            f"--tasks {','.join(tasks)} measures where a model looks, and has no right answers to compare settings by; to "
            "vary a method there, run it several times (lmms-vg run) and read the reports"
        )


def sweep(
    model: str,
    model_args: str,
    grid: Sequence[str],
    cross: bool,
    arguments: Sequence[str],
    out: Path,
    choose_on_half: bool = False,
) -> tuple[str, list[str]]:
    """Run all settings and plain; write `sweep.md`, `sweep.csv` and `sweep.png` into `out`.

    With `choose_on_half`, the best setting is chosen on half of the images and compared with plain on the other half.

    Returns:
        The Markdown (empty on all ranks but the first), and the labels of settings that failed.

    Raises:
        ValueError: A model, axis or value is unknown, or no setting can be compared with plain.
    """
    family, method = model_ids().get(model, ("", PLAIN))
    if not METHODS[method].options():
        able = [name for name, (_, method) in model_ids().items() if method != PLAIN]
        raise ValueError(f"--model {model!r}: {suggest(model, able)}allowed is {', '.join(able)}")
    require_comparable(arguments)
    shared, own = divide(model_args, family)
    common = join(shared)
    settings: dict[Method, Setting] = {}  # equal settings, such as a default, are run once
    points: list[tuple[str, str, Setting]] = []
    for axis, value, values in plan(parse_grid(method, grid), cross):
        setting = Setting(join(values).replace("/", "_"), method, join(own | values))
        resolved = resolve(family, method, simple_parse_args_string(setting.model_args(common)))
        points.append((axis, value, settings.setdefault(resolved, setting)))
    status = run_together(family, [Setting(PLAIN, PLAIN), *settings.values()], common, arguments, out)
    failed = [label for label in (PLAIN, *(entry.label for entry in settings.values())) if status.get(label, 1)]
    done = [entry.label for entry in settings.values() if entry.label not in failed]
    if int(os.environ.get("RANK", 0)):  # only the first rank has results and writes
        return "", failed
    if PLAIN in failed or not done:
        raise ValueError(f"nothing to compare: {', '.join(failed)} failed, see above")
    runs = {label: read_run(out / label) for label in done}
    table = compare([read_run(out / PLAIN), *runs.values()])
    shown = [Point(axis, value, runs[setting.label].path) for axis, value, setting in points if setting.label in runs]
    names = {line.name: table.base.groups.get(line.name, [line.name]) for line in table.lines}
    luck = [highest_note(table.base, list(runs.values()), names)]
    luck += chosen_notes(table.base, list(runs.values()), names) if choose_on_half else []
    text = "\n\n".join([as_markdown(shown, table), *luck, comparison_tables.details(table)])
    replace_file(out / "sweep.md", text)
    replace_file(out / "sweep.csv", as_csv(shown, table))
    replace_file(out / "sweep.png", draw(shown, table, f"{method} against {table.base.model}"))
    return text, failed
