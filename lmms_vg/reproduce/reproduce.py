"""Run what a plan still lacks, and write the paper's cells next to ours.

Rows of one checkpoint run together, as with `lmms-vg run --methods`: they share weights, image prefixes and the unedited
forward pass. Answers go through the journal, so a run that was stopped can be resumed.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lmms_vg._util.atomic_files import replace_file
from lmms_vg.datasets.source import DataError
from lmms_vg.experiments.joint_run import run_together
from lmms_vg.experiments.method_settings import Setting
from lmms_vg.reproduce import figure_report, radar_report, result_report
from lmms_vg.reproduce.ask import Ask
from lmms_vg.reproduce.cells import cells
from lmms_vg.reproduce.chance_cells import chance_cells
from lmms_vg.reproduce.domain_gap import gaps
from lmms_vg.reproduce.domain_gap_plot import draw
from lmms_vg.reproduce.existing_runs import find, lacking
from lmms_vg.reproduce.gains import Pair, gains
from lmms_vg.reproduce.heads_first import rank_heads
from lmms_vg.reproduce.plan import Plan
from lmms_vg.reproduce.plan_report import announce
from lmms_vg.runs.results import Run
from lmms_vg.tasks.registry import TASKS

#: Writes the study of runs into a folder, as `lmms_vg.study.build.build` does.
BuildStudy = Callable[[Sequence[Run], Path], object]


def reproduce(plan: Plan, more: Sequence[str], study: BuildStudy) -> tuple[str, list[str]]:
    """Run the rows that are not done, and write results into the plan's folder.

    They are `<target>.md` and `.csv`; of a table `_gains.csv`; of a figure `_strata.csv`, a picture per row and, of runs that
    measured where the model looked, a study in `study/`.

    Args:
        plan: the target and what of it is done.
        more: further arguments of lmms-eval, such as --batch_size 8.
        study: writes the study. A ValueError of it becomes a line of the results.

    Returns:
        The results as Markdown (empty unless this is rank 0), and the rows and tasks that were not run, with the reason.

    Raises:
        ValueError: the figure's run was saved by an older version.
    """
    pending = [ask for ask in plan.asks if ask.missing]
    problems = {ask.row.name: rank_heads(ask, plan.demo_data) for ask in pending if ask.heads is not None}
    failed = {row: problem for row, problem in problems.items() if problem}
    ready = [ask._replace(heads=None) for ask in pending if ask.row.name not in failed]
    tasks, unread = _readable(plan.tasks) if ready else (plan.tasks, {})
    asked = [ask for ask in ready if set(ask.missing) & set(tasks)]
    failed |= unread | {ask.row.name: "there are no data for it" for ask in ready if not tasks}
    failed |= _run(plan, asked, tasks, more)
    if int(os.environ.get("RANK", 0)):  # only the first rank has the results
        return "", _named(failed)
    runs = {}
    for ask in plan.asks:
        was_run = ask.row in [other.row for other in asked] and ask.row.name not in failed
        if (run := find(ask.folder, ask.model, ask.model_args) if was_run else ask.run) is not None:
            runs[ask.row.name] = run
    return _write(plan, runs, failed, study), _named(failed)


def _readable(tasks: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the tasks whose data can be read, and the reason for every other task. A missing one does not stop the rest."""
    readable, reasons = [], {}
    for task in tasks:
        try:
            TASKS[task].read()
        except (DataError, OSError) as problem:
            print(f"{task}: {problem}", file=sys.stderr)
            reasons[task] = "its data are missing or not as expected; see lmms-vg data status"
        else:
            readable.append(task)
    return readable, reasons


def _run(plan: Plan, asks: Sequence[Ask], tasks: Sequence[str], more: Sequence[str]) -> dict[str, str]:
    """Run the rows, those of one checkpoint together; returns the rows that failed, with the reason."""
    groups: dict[tuple[str, str], list[Ask]] = defaultdict(list)
    for ask in asks:
        groups[ask.family, ask.common].append(ask)
    failed: dict[str, str] = {}
    for (family, common), group in groups.items():
        named = {ask.folder.name: Setting(ask.folder.name, ask.row.method, ask.hyper_parameters) for ask in group}
        try:
            status = run_together(family, [*named.values()], common, ["--tasks", ",".join(tasks), *more], plan.out)
        except ValueError as problem:  # a checkpoint is not available; others may be
            print(f"lmms-vg: {problem}", file=sys.stderr)
            status = {}
        failed |= {
            ask.row.name: "it failed, see the messages of the run" for ask in group if status.get(ask.folder.name, 1)
        }
    return failed


def _write(plan: Plan, runs: Mapping[str, Run], failed: Mapping[str, str], study: BuildStudy) -> str:
    if plan.table is not None:
        rows = {ask.row.name: runs.get(ask.row.name) for ask in plan.asks}
        published = {ask.row.name: ask.row.published for ask in plan.asks}
        others = {ask.name: ask.run for ask in plan.elsewhere if ask.run is not None}
        runs = {**runs, **others}
        compared = cells(plan.table, plan.columns, rows | others, published | {name: name for name in others})
        claimed = gains(plan.table, plan.columns, _pairs(plan), rows)
        chance = chance_cells(plan.columns, runs.values())
        text = result_report.table_markdown(plan, compared, claimed, chance, runs)
        csv = result_report.table_csv(compared, chance)
        if claimed:
            replace_file(plan.out / f"{plan.name}_gains.csv", result_report.gains_csv(claimed))
        if plan.target.radar:
            text += "".join(f"\n- {path.name}" for path in radar_report.draw(plan, compared))
    else:
        measured = {row: [gaps(run, kind, *pair) for kind, pair in _asked(plan, run)] for row, run in runs.items()}
        text, csv = figure_report.figure_markdown(plan, measured, runs), figure_report.figure_csv(measured)
        replace_file(plan.out / f"{plan.name}_strata.csv", figure_report.strata_csv(measured))
        for ask in plan.asks:
            if measured.get(ask.row.name):
                picture = plan.out / f"{plan.name}_{ask.folder.name}.png"
                demo = ", demo: nothing is reproduced" if plan.demo_model or plan.demo_data else ""
                title = f"{ask.row.name}: {runs[ask.row.name].model}{demo}"
                replace_file(picture, draw(measured[ask.row.name], title))
                text += f"\n- {picture.name}: {ask.row.name}"
        looking = {run.path: run for run in runs.values() if run.measured}  # rows of one setting have one run
        if looking:
            text += f"\n- {_studied([*looking.values()], plan, study)}"
    text += "".join(f"\n- not run: {name}" for name in _named(failed)) + "\n"
    replace_file(plan.out / f"{plan.name}.md", f"{announce(_done(plan, runs))}\n\n{text}")
    replace_file(plan.out / f"{plan.name}.csv", csv)
    return text


def _studied(runs: Sequence[Run], plan: Plan, study: BuildStudy) -> str:
    """Write the study of runs beside the figure, and return what to say of it."""
    try:
        study(runs, plan.out / "study")
    except ValueError as problem:  # runs of an older version, which a figure still shows
        return f"no study: {problem}"
    return "study/: tables and figures of where these models look, with what a blind look has (docs/study.md)"


def _done(plan: Plan, runs: Mapping[str, Run]) -> Plan:
    """Return the plan after its runs."""
    finished = {row: run for row, run in runs.items() if not run.restricted}
    asks = [
        ask._replace(run=run, missing=lacking(run, plan.tasks))
        for ask, run in ((ask, finished.get(ask.row.name)) for ask in plan.asks)
    ]
    return replace(plan, asks=asks)


def _pairs(plan: Plan) -> list[Pair]:
    """Every method of a checkpoint with its plain row."""
    plain = {ask.row.checkpoint: ask.row for ask in plan.asks if ask.row.method == "plain"}
    methods = [ask.row for ask in plan.asks if ask.row.method != "plain" and ask.row.checkpoint in plain]
    bases = [plain[row.checkpoint] for row in methods]
    return [Pair(row.name, base.name, row.published, base.published) for row, base in zip(methods, bases, strict=True)]


def _asked(plan: Plan, run: Run) -> list[tuple[str, tuple[str, str]]]:
    """Return the kinds of questions for which a run has both data sets."""
    return [(kind, pair) for kind, pair in plan.figure.items() if set(pair) <= set(run.measured)]


def _named(failed: Mapping[str, str]) -> list[str]:
    return [f"{name} ({why})" for name, why in failed.items()]
