"""Print a run as tables: accuracy with its interval, micro and macro means, every category, and where the model looked."""

from collections import defaultdict
from collections.abc import Iterator
from math import isnan
from statistics import fmean

from lmms_vg.metrics.statistics import cluster_interval, signature
from lmms_vg.runs.results import MEASURED, Run, TaskRun
from lmms_vg.runs.text_tables import row

_OPEN = ("bleu1", "bertscore", "open_recall", "average", "llava_med_recall", "token_f1", "exact_match")
_WEIGHTS = "micro: every question weighs the same; lmms-eval: parts weigh as in the protocol (mmmu_med: by test counts)"
_LAYER = (
    "AR, KL and JS are lmms-eval's means at the layer of this run with the lowest mean KL; layers count from 0. Another run "
    "may have another layer."
)


def report(run: Run) -> str:
    """Print a run as Markdown.

    The tables are: tasks and groups with n, score and interval; other metrics; categories with micro and macro means;
    measurements. Below them are the tasks that were left out, and the rule of every metric.
    """
    parts = [f"# {run.model}", f"`{run.path.name}`", *run.notes]
    if run.restricted:
        parts.append(f"**Restricted by {run.restricted}: these numbers do not stand for their benchmarks.**")
    if run.leak:
        parts.append(f"**Leak: {run.leak}.**")
    if run.tasks:
        parts += ["\n".join(_overview(run)), _WEIGHTS]
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
                parts.append("\n".join(_breakdown(task, axis, categories)))
    if run.measured:
        parts += ["\n".join(_measurements(run)), _LAYER]
    if run.left_out:
        parts.append(f"Not in this report: {', '.join(run.left_out)} (no scores of single questions)")
    rules = sorted({rule for task in run.tasks.values() for rule in task.rules.values()} | run.measured_rules)
    footer = [*rules, *([signature()] if run.tasks else [])]
    return "\n\n".join([*parts, *(["\n".join(f"- `{rule}`" for rule in footer)] if footer else [])]) + "\n"


def _overview(run: Run) -> Iterator[str]:
    yield row(
        "task", "metric", "n", "failed", "unparseable", "score (micro)", "95% interval", "macro over parts", "lmms-eval"
    )
    yield "|---|---|---:|---:|---:|---:|---|---:|---:|"
    for task in run.tasks.values():
        yield _line(run, task.task, [task], "")
    for group, names in run.groups.items():
        parts = [run.tasks[name] for name in names]
        if len({part.metric for part in parts}) == 1 and all(part.scores for part in parts):
            yield _line(run, group, parts, f"{fmean(fmean(part.scores.values()) for part in parts):.4f}")


def _line(run: Run, name: str, parts: list[TaskRun], macro: str) -> str:
    scores = [score for part in parts for score in part.scores.values()]
    images = [image for part in parts for image in part.images.values()]
    failed, unread = sum(len(part.failed) for part in parts), sum(part.unparseable for part in parts)
    metric = parts[0].metric
    aggregated = _number(run, name, metric, without="")
    if not scores:
        return row(name, metric, "0", str(failed), "", "", "", "", aggregated)
    low, high = cluster_interval(scores, images)
    interval = "one image" if isnan(low) else f"{low:.4f} to {high:.4f}"
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
    for task in run.measured:
        numbers = (_number(run, task, metric) for metric in means)
        yield row(task, str(run.means[task].get("n", "")), *numbers, str(run.means[task][layer]))


def _number(run: Run, name: str, metric: str, *, without: str = "not available") -> str:
    value = run.means[name].get(metric)
    return f"{value:.4f}" if isinstance(value, int | float) else without


def _categories(task: TaskRun, axis: str) -> dict[str, list[float]]:
    categories: dict[str, list[float]] = defaultdict(list)
    for uid, score in task.scores.items():
        categories[task.about[uid].get(axis, "(none)")].append(score)
    return dict(sorted(categories.items()))


def _breakdown(task: TaskRun, axis: str, categories: dict[str, list[float]]) -> Iterator[str]:
    yield row(f"{task.task} by {axis.replace('_', ' ')}", "n", task.metric)
    yield "|---|---:|---:|"
    for name, scores in categories.items():
        yield row(name, str(len(scores)), f"{fmean(scores):.4f}")
    yield row("micro", str(len(task.scores)), f"{fmean(task.scores.values()):.4f}")
    yield row("macro", f"{len(categories)} categories", f"{fmean(map(fmean, categories.values())):.4f}")
