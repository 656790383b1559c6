"""A run as tables to read: accuracy with its interval, micro and macro, and every category's share in it."""

from collections import defaultdict
from collections.abc import Iterator
from math import isnan
from statistics import fmean

from lmms_vg.metrics.statistics import cluster_interval, signature
from lmms_vg.study.runs import Run, TaskRun

_OPEN = ("bleu1", "bertscore", "open_recall", "average", "llava_med_recall", "token_f1", "exact_match")


def report(run: Run) -> str:
    """Markdown: tasks and groups with n, score and interval; open metrics; categories with their macro means."""
    parts = [f"# {run.model}", f"`{run.path.name}`"]
    if run.restricted:
        parts.append(f"**Restricted by {run.restricted}: these numbers do not stand for their benchmarks.**")
    parts.append("\n".join(_overview(run)))
    opened = [task for task in run.tasks.values() if task.metric == "open_recall"]
    if opened:
        parts.append("\n".join(_open(opened)))
    for task in run.tasks.values():
        for axis in task.axes:
            categories = _categories(task, axis)
            if len(categories) > 1:
                parts.append("\n".join(_breakdown(task, axis, categories)))
    rules = sorted({task.rule for task in run.tasks.values() if task.rule})
    return "\n\n".join([*parts, "\n".join(f"- `{rule}`" for rule in [*rules, signature()])]) + "\n"


def _overview(run: Run) -> Iterator[str]:
    yield "| task | metric | n | failed | unparseable | score (micro) | 95% interval | macro over parts |"
    yield "|---|---|---:|---:|---:|---:|---|---:|"
    for task in run.tasks.values():
        yield _row(task.task, [task], "")
    for group, names in run.groups.items():
        parts = [run.tasks[name] for name in names]
        if len({part.metric for part in parts}) == 1 and all(part.scores for part in parts):
            yield _row(group, parts, f"{fmean(fmean(part.scores.values()) for part in parts):.4f}")


def _row(name: str, parts: list[TaskRun], macro: str) -> str:
    scores = [score for part in parts for score in part.scores.values()]
    images = [image for part in parts for image in part.images.values()]
    failed, unread = sum(len(part.failed) for part in parts), sum(part.unparseable for part in parts)
    if not scores:
        return f"| {name} | {parts[0].metric} | 0 | {failed} | | | | |"
    low, high = cluster_interval(scores, images)
    interval = "one image" if isnan(low) else f"{low:.4f} to {high:.4f}"
    share = f"{unread / len(scores):.3f}" if parts[0].metric == "acc" else ""
    return (
        f"| {name} | {parts[0].metric} | {len(scores)} | {failed} | {share} "
        f"| {fmean(scores):.4f} | {interval} | {macro} |"
    )


def _open(tasks: list[TaskRun]) -> Iterator[str]:
    yield f"| open questions | {' | '.join(_OPEN)} |"
    yield f"|---|{'---:|' * len(_OPEN)}"
    for task in tasks:
        values = (task.means.get(name) for name in _OPEN)
        cells = (f"{value:.4f}" if isinstance(value, int | float) else "not available" for value in values)
        yield f"| {task.task} | {' | '.join(cells)} |"


def _categories(task: TaskRun, axis: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = defaultdict(list)
    for uid, score in task.scores.items():
        found[task.about[uid].get(axis, "(none)")].append(score)
    return dict(sorted(found.items()))


def _breakdown(task: TaskRun, axis: str, categories: dict[str, list[float]]) -> Iterator[str]:
    yield f"| {task.task} by {axis.replace('_', ' ')} | n | {task.metric} |"
    yield "|---|---:|---:|"
    for name, scores in categories.items():
        yield f"| {name.replace('|', '/')} | {len(scores)} | {fmean(scores):.4f} |"
    yield f"| micro | {len(task.scores)} | {fmean(task.scores.values()):.4f} |"
    yield f"| macro | {len(categories)} categories | {fmean(map(fmean, categories.values())):.4f} |"
