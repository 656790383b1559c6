"""Print a run as tables: accuracy, chance, what was said and preferred, every category, and where the model looked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from math import isnan
from statistics import fmean

from lmms_vg.metrics import chance, forced_choice, signal_detection
from lmms_vg.metrics.category_means import macro
from lmms_vg.metrics.statistics import FEW, Interval, cluster_interval, signature
from lmms_vg.runs.caveats import failure_notes, overlap_notes
from lmms_vg.runs.chance_rows import ABOUT, ChanceRow, chance_rows
from lmms_vg.runs.forced_choice import forced
from lmms_vg.runs.forced_choice_tables import ABOUT as ABOUT_FORCED
from lmms_vg.runs.forced_choice_tables import missing_note, report_table
from lmms_vg.runs.grounded_tables import GROUNDED, grounded_tables
from lmms_vg.runs.grounding import grounding
from lmms_vg.runs.grounding_tables import grounding_parts, grounding_rules
from lmms_vg.runs.group_weights import weights
from lmms_vg.runs.layer_choice import check_used, named
from lmms_vg.runs.map_looks import shares_of
from lmms_vg.runs.region_tables import region_parts
from lmms_vg.runs.results import MEASURED, Run, TaskRun
from lmms_vg.runs.said_tables import SAID, SAID_HEAD, said_cells
from lmms_vg.runs.saying import saying
from lmms_vg.runs.text_tables import row
from lmms_vg.runs.units import drawn_as, plural

_OPEN = ("bleu1", "bertscore", "open_recall", "average", "llava_med_recall", "token_f1", "exact_match")
_WEIGHTS = "micro: every question weighs the same; lmms-eval: parts weigh as in the protocol (mmmu_med: by test counts)"
_MARK = " (few)"
_FEW = f"(few): about fewer than {FEW} {{units}}; such a number says next to nothing about other {{units}}"
_LAYER = (
    "AR, KL and JS are lmms-eval's means at the layer of this run with the lowest mean KL; layers count from 0. Another run "
    "may have another layer."
)


def report(run: Run, layer: int | None = None) -> str:
    """Print a run as Markdown; `layer` is where its attention is judged; by default it is chosen on other images.

    The tables are: tasks and groups with n, score and interval; what answers without the image reach; what was said; forced
    choice; other metrics; categories with micro and macro means; correct against grounded; measurements, and their excess
    over other images. Below them are the tasks that were left out, and the rule of every metric.

    Raises:
        ValueError: the layer is not there, or named although no task's attention was measured.
    """
    check_used(layer, run.with_looks, run.label)
    parts = [f"# {run.model}", f"`{run.path.name}`", *run.notes]
    if run.restricted:
        parts.append(f"**Restricted by {run.restricted}: these numbers do not stand for their benchmarks.**")
    if run.control:
        parts.append(
            f"**Control {run.control}: every question was changed before it was asked, so this is no result.**"
        )
    if run.quantized:
        parts.append(f"**Quantised weights: {run.quantized}. Results of the checkpoint itself may be others.**")
    if run.leak:
        parts.append(f"**Leak: {run.leak}.**")
    scored = [task for task in run.tasks.values() if task.scores]
    unit = drawn_as(scored, "image")
    chances = chance_rows({task.task: [task] for task in scored})
    said = {task.task: about for task in scored if (about := saying([task])) is not None}
    if run.tasks:
        parts += ["\n".join(_overview(run, unit)), _WEIGHTS]
        groups = {group: [run.tasks[name] for name in names] for group, names in run.groups.items()}
        parts += [*failure_notes([run], list(run.tasks)), *overlap_notes(groups)]
    if chances:
        parts += [
            "\n".join(_chance(chances)),
            "; ".join(f"{name}: {ABOUT[name]}" for name in dict.fromkeys(entry.row for entry in chances)),
        ]
    if said:
        cells = (row(name, *said_cells(about)) for name, about in said.items())
        parts += ["\n".join([row("task", *SAID_HEAD), f"|---|{'---:|' * len(SAID_HEAD)}", *cells]), SAID]
    preferred = {task.task: values for task in scored if (values := forced([task])) is not None}
    grouped = {
        f"{group}, weighted": values
        for group, names in run.groups.items()
        if (shares := weights(names)) and (values := forced([run.tasks[name] for name in names], shares)) is not None
    }
    if table := report_table(preferred | grouped, unit):
        parts += [table, ABOUT_FORCED]
    if note := missing_note("This run", list(preferred.values())):
        parts.append(note)
    opened = [task.task for task in run.tasks.values() if task.metric == "open_recall"]
    if opened:
        parts.append("\n".join(_metrics(run, "open questions", opened, {name: name for name in _OPEN})))
    substring = [task for task in run.tasks if "llava_med" in run.means[task]]
    if substring:
        columns = {"acc": "acc", "llava_med": "LLaVA-Med's rule"}
        parts.append("\n".join(_metrics(run, "yes/no questions", substring, columns)))
    for task in run.tasks.values():
        for axis in task.axes:
            categories = _categories(task, axis)
            if len(categories) > 1:
                parts.append("\n".join(_breakdown(task, axis, categories, unit)))
    placed = [(task, shares_of(run, task.task)) for task in scored if task.looked]
    if grounded := [table for task, shares in placed for table in grounded_tables(task, shares)]:
        parts += [*grounded, GROUNDED.format(units=plural(unit))]
    if any(_MARK in part for part in parts):
        parts.append(_FEW.format(units=plural(unit)))
    judged = grounding(run, dict.fromkeys(run.with_looks, None if layer is None else named(layer)), regions=True)
    if run.with_looks:
        parts += ["\n".join(_measurements(run)), _LAYER, *grounding_parts(judged), *region_parts(judged)]
    if run.left_out:
        parts.append(f"Not in this report: {', '.join(run.left_out)} (no scores of single questions)")
    rules = sorted({rule for task in run.tasks.values() for rule in task.rules.values()} | run.measured_rules)
    footer = [*rules, *grounding_rules(judged), *([signature(unit=unit)] if run.tasks else [])]
    footer += [chance.signature()] if chances else []
    footer += [forced_choice.signature(unit)] if any(values.n for values in preferred.values()) else []
    footer += [signal_detection.signature(unit)] if any(about.detection for about in said.values()) else []
    return "\n\n".join([*parts, *(["\n".join(f"- `{rule}`" for rule in footer)] if footer else [])]) + "\n"


def _overview(run: Run, unit: str) -> Iterator[str]:
    yield row(
        "task", "metric", "n", "failed", "unparseable", "score (micro)", "95% interval", "macro over parts", "lmms-eval"
    )
    yield "|---|---|---:|---:|---:|---:|---|---:|---:|"
    for task in run.tasks.values():
        yield _line(run, task.task, [task], "", unit)
    for group, names in run.groups.items():
        parts = [run.tasks[name] for name in names]
        if len({part.metric for part in parts}) == 1 and all(part.scores for part in parts):
            scores, tasks, images = _columns([(part.task, part, uid) for part in parts for uid in part.scores])
            mean, interval = macro(scores, tasks, images)
            yield _line(run, group, parts, f"{mean:.4f} ({_ends(interval, unit)})", unit)


def _line(run: Run, name: str, parts: list[TaskRun], macro: str, unit: str) -> str:
    scores = [score for part in parts for score in part.scores.values()]
    images = [part.images[uid] for part in parts for uid in part.scores]
    failed, unread = sum(len(part.failed) for part in parts), sum(part.unparseable for part in parts)
    metric = parts[0].metric
    aggregated = _number(run, name, metric, without="")
    if not scores:
        return row(name, metric, "0", str(failed), "", "", "", "", aggregated)
    interval = _ends(cluster_interval(scores, images), unit) + _few(images)
    share = f"{unread / len(scores):.3f}" if metric == "acc" else ""
    return row(name, metric, str(len(scores)), str(failed), share, f"{fmean(scores):.4f}", interval, macro, aggregated)


def _metrics(run: Run, heading: str, tasks: list[str], columns: dict[str, str]) -> Iterator[str]:
    """Means as lmms-eval aggregated them. `columns`: metric -> heading."""
    yield row(heading, *columns.values())
    yield f"|---|{'---:|' * len(columns)}"
    for task in tasks:
        yield row(task, *(_number(run, task, metric) for metric in columns))


def _measurements(run: Run) -> Iterator[str]:
    yield row("where it looked", "n", "AR", "KL", "JS", "best layer")
    yield "|---|---:|---:|---:|---:|---:|"
    *means, layer = MEASURED
    for task in run.with_looks:
        numbers = (_number(run, task, metric) for metric in means)
        yield row(task, str(run.means[task].get("n", "")), *numbers, str(run.means[task][layer]))


def _number(run: Run, name: str, metric: str, *, without: str = "not available") -> str:
    value = run.means[name].get(metric)
    return f"{value:.4f}" if isinstance(value, int | float) else without


def _categories(task: TaskRun, axis: str) -> dict[str, list[str]]:
    """Category -> its questions."""
    categories: dict[str, list[str]] = defaultdict(list)
    for uid in task.scores:
        categories[task.about[uid].get(axis, "(none)")].append(uid)
    return dict(sorted(categories.items()))


def _breakdown(task: TaskRun, axis: str, categories: dict[str, list[str]], unit: str) -> Iterator[str]:
    yield row(f"{task.task} by {axis.replace('_', ' ')}", "n", task.metric, "95% interval")
    yield "|---|---:|---:|---|"
    for name, uids in {**categories, "micro": list(task.scores)}.items():
        scores, _, images = _columns([(name, task, uid) for uid in uids])
        interval = _ends(cluster_interval(scores, images), unit) + _few(images)
        yield row(name, str(len(scores)), f"{fmean(scores):.4f}", interval)
    mean, interval_of_mean = macro(*_columns([(name, task, uid) for name, uids in categories.items() for uid in uids]))
    yield row("macro", f"{len(categories)} categories", f"{mean:.4f}", _ends(interval_of_mean, unit))


def _columns(questions: list[tuple[str, TaskRun, str]]) -> tuple[list[float], list[str], list[str]]:
    """Score, category and image of questions: category, task, uid."""
    return (
        [task.scores[uid] for _, task, uid in questions],
        [category for category, _, _ in questions],
        [task.images[uid] for _, task, uid in questions],
    )


def _ends(interval: Interval, unit: str) -> str:
    return f"one {unit}" if isnan(interval.low) else f"{interval.low:.4f} to {interval.high:.4f}"


def _few(images: list[str]) -> str:
    return _MARK if 1 < len(set(images)) < FEW else ""


def _chance(chances: list[ChanceRow]) -> Iterator[str]:
    yield row("without the image", "task", "answer", "n", "score")
    yield "|---|---|---|---:|---:|"
    for entry in chances:
        yield row(entry.row, entry.name, entry.blind.answer, str(entry.blind.n), f"{entry.blind.score:.4f}")
