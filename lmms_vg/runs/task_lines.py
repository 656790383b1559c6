"""From the lines of a task's samples to its scores, and what a run signed in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from lmms_vg._util.error_codes import Failure
from lmms_vg.runs.first_tokens import first_tokens
from lmms_vg.runs.looked import looked
from lmms_vg.runs.results import Asked, Line, TaskRun


def task_run(where: object, task: str, metric: str, lines: list[Line]) -> TaskRun:
    """Return a task's scores.

    Args:
        where: begins every error message.
        task: the task.
        metric: one of `SCORED`, or `ar`.
        lines: what `process_results` made of each document, with `input` and `target`.

    Raises:
        ValueError: a question appears twice, or a metric has two rules.
    """
    items = [line[metric] for line in lines]
    twice = [uid for uid, times in Counter(item["uid"] for item in items).items() if times > 1]
    if twice:
        raise ValueError(f"{where}: {len(twice)} questions appear twice, the first is {twice[0]}")
    good = [item for item in items if "error" not in item]
    answered = list(zip(items, lines, strict=True))
    return TaskRun(
        task=task,
        metric=metric,
        rules=rules(where, lines),
        scores={item["uid"]: item["score"] for item in good if "score" in item},
        images={item["uid"]: item["image"] for item in good},
        about={item["uid"]: item["about"] for item in good},
        failed={item["uid"]: Failure(item["error_code"], item["error"]) for item in items if "error" in item},
        unparseable=sum("unparseable" in line and line["unparseable"].get("unparseable", False) for line in lines),
        asked={item["uid"]: Asked(str(line["input"]), str(line["target"])) for item, line in answered},
        seconds={item["uid"]: line["n"]["seconds"] for item, line in answered if "seconds" in line["n"]},
        answers={item["uid"]: _answer(line) for item, line in answered if "error" not in item},
        batches={item["uid"]: line["n"]["batch"] for item, line in answered if "batch" in line["n"]},
        extracted={item["uid"]: item["extracted"] for item in good if "extracted" in item},
        units={item["uid"]: item["units"] for item in good if "units" in item},
        first_tokens=first_tokens(where, answered),
        looked=looked(answered),
    )


def _answer(line: Line) -> str:
    """Return the scored text; lmms-eval keeps one per filter, and we have one filter."""
    filtered = line.get("filtered_resps", "")
    return str(filtered[0] if isinstance(filtered, list) and filtered else filtered).strip()


def signed(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """Return the signatures of exactly what was run: one per task and process; none for models that are not ours."""
    return [line["n"]["run"] for line in lines if line["n"].get("run")]


def agreed(where: object, signatures: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the identity of a run; None if nothing was signed.

    Raises:
        ValueError: two signatures differ, or an older version wrote them; the message begins with `where`.
    """
    if not all(isinstance(signature.get("method"), dict) for signature in signatures):
        raise ValueError(
            f"{where}: signed by an older version of lmms_vg, which wrote the method as one text; run the command again"
        )
    for signature in signatures:
        for name in sorted((signatures[0].keys() | signature.keys()) - {"settings", "leaks"}):
            if signatures[0].get(name) != signature.get(name):
                raise ValueError(
                    f"{where}: {name} is {signatures[0].get(name)} at one question, {signature.get(name)} at another, so its "
                    "files come from several runs; run it again into a new folder"
                )
    leaks = sorted(
        {name for signature in signatures for name in signature.get("leaks", ())}
    )  # every process sees its own images
    return signatures[0] | ({"leaks": leaks} if leaks else {}) if signatures else None


def partial(lines: Iterable[Line]) -> bool:
    """Return whether any document comes from a data set that was read only in part."""
    return any("partial" in line["n"] for line in lines)


def rules(where: object, lines: list[Line]) -> dict[str, str]:
    """Return metric -> signature.

    Raises:
        ValueError: a metric has two rules, so that its mean would mix two quantities.
    """
    signatures: dict[str, str] = {}
    for line in lines:
        for metric, item in line.items():
            if (
                isinstance(item, dict)
                and "rule" in item
                and signatures.setdefault(metric, item["rule"]) != item["rule"]
            ):
                raise ValueError(
                    f"{where}: {metric} is scored by {signatures[metric]} and by {item['rule']}; one run has one rule"
                )
    return signatures
