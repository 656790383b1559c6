"""What a finished run says about every question, wherever it was read from."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from lmms_vg._util.error_codes import Failure
from lmms_vg.runs.method_spec import MethodSpec

#: Metrics whose items name their question: the one a task is reported and compared by.
SCORED = ("acc", "open_recall")

#: Metrics of the tasks that measure where a model looked.
MEASURED = ("ar", "kl", "js", "best_layer")

Line = dict[str, Any]


class Asked(NamedTuple):
    """The text a question was asked with, and the answer it was scored by."""

    prompt: str
    reference: str


@dataclass(frozen=True)
class TaskRun:
    """Scores of one task, uid -> value from 0 to 1; what failed is not in `scores` but in `failed`, uid -> why.

    `rules` are the signatures of all its metrics, as far as their items have one. `seconds`: uid -> time the model took
    when it answered, empty for models that are not ours.
    """

    task: str
    metric: str
    rules: dict[str, str]
    scores: dict[str, float]
    images: dict[str, str]
    about: dict[str, dict[str, str]]
    failed: dict[str, Failure]
    unparseable: int
    asked: dict[str, Asked] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def rule(self) -> str:
        """The signature of `metric`; empty where all questions failed."""
        return self.rules.get(self.metric, "")

    @property
    def axes(self) -> list[str]:
        """What its questions can be broken down by."""
        return list(dict.fromkeys(axis for about in self.about.values() for axis in about))


@dataclass(frozen=True)
class Run:
    """One run. `restricted` says why its numbers do not stand for their benchmarks (`--limit`), empty if they do.

    `model` is the model's name and arguments: runs of one model may differ in the arguments alone. `notes` are what has
    to be said beside its numbers. `measured` are tasks that measure where a model looked, by `measured_rules`;
    `left_out` are those of neither kind. `means`: task or group -> metric -> value, as lmms-eval aggregated it.
    `provenance`: weights, prompt, dtype and all else of `inference.build` that makes an answer; None for models that are
    not ours. `number` tells runs of one label apart where several are shown, 0 if there is no other.
    """

    path: Path
    model: str
    restricted: str
    notes: list[str] = field(default_factory=list)
    tasks: dict[str, TaskRun] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    measured: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    means: dict[str, dict[str, Any]] = field(default_factory=dict)
    provenance: dict[str, Any] | None = None
    number: int = 0
    measured_rules: frozenset[str] = frozenset()

    @property
    def method(self) -> MethodSpec | None:
        """None for models that are not ours."""
        return None if self.provenance is None else MethodSpec.model_validate(self.provenance["method"])

    @property
    def name(self) -> str:
        """The method's name; the model's where the method is not known."""
        return self.model.partition(" ")[0] if self.method is None else self.method.name

    @property
    def is_plain(self) -> bool:
        """Whether its model is a family without any method."""
        return self.name == "plain" or (self.method is None and self.name.endswith("_plain"))

    @property
    def leak(self) -> str:
        """What has to be said of heads that were ranked on images this run asks about, or may have been; else empty."""
        leaks = (self.provenance or {}).get("leaks")
        if not leaks:
            return ""
        return (
            f"its heads were, or may have been, ranked on images of {', '.join(leaks)}, which are asked about here: results "
            "may be too good"
        )

    def table(self) -> str:
        """The run in full as Markdown: intervals, means over questions and over categories, every category."""
        from lmms_vg.runs.report import report  # which reads this module

        return report(self)

    @property
    def label(self) -> str:
        """The method and its hyper-parameters, in short; the model where the method is not known."""
        name = self.model if self.method is None else self.method.label
        return f"{name} #{self.number}" if self.number else name


def metric_of(line: Line) -> str | None:
    """The metric of `SCORED` that a line has. Other tasks have metrics of these names, whose items name no question."""
    return next((name for name in SCORED if isinstance(line.get(name), dict) and "uid" in line[name]), None)


def task_run(where: object, task: str, metric: str, lines: list[Line]) -> TaskRun:
    """A task's scores from what `process_results` made of each document, with `input` and `target` beside it.

    Errors: ValueError, beginning with `where`, for a question that is there twice, and for two rules under one metric.
    """
    items = [line[metric] for line in lines]
    twice = [uid for uid, times in Counter(item["uid"] for item in items).items() if times > 1]
    if twice:
        raise ValueError(f"{where}: {len(twice)} questions stand there twice, the first is {twice[0]}")
    good = [item for item in items if "error" not in item]
    both = list(zip(items, lines, strict=True))
    return TaskRun(
        task=task,
        metric=metric,
        rules=rules(where, lines),
        scores={item["uid"]: item["score"] for item in good},
        images={item["uid"]: item["image"] for item in good},
        about={item["uid"]: item["about"] for item in good},
        failed={item["uid"]: Failure(item["error_code"], item["error"]) for item in items if "error" in item},
        unparseable=sum("unparseable" in line and line["unparseable"].get("unparseable", False) for line in lines),
        asked={item["uid"]: Asked(str(line["input"]), str(line["target"])) for item, line in both},
        seconds={item["uid"]: line["n"]["seconds"] for item, line in both if "seconds" in line["n"]},
    )


def signed(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """What exactly was run, as the signed documents have it: one a task and process, none in runs of other models."""
    return [line["n"]["run"] for line in lines if line["n"].get("run")]


def agreed(where: object, signatures: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The one identity of a run, None where nothing was signed.

    Errors: ValueError, beginning with `where`, if two of them differ, or are not of this version's form.
    """
    if not all(isinstance(one.get("method"), dict) for one in signatures):
        raise ValueError(
            f"{where}: signed by an older version of lmms_vg, which named the method in one text; run the same command again"
        )
    for one in signatures:
        for name in sorted((signatures[0].keys() | one.keys()) - {"settings", "leaks"}):
            if signatures[0].get(name) != one.get(name):
                raise ValueError(
                    f"{where}: {name} is {signatures[0].get(name)} at one question and {one.get(name)} at another, so its "
                    "files are of several runs; run it again into a folder of its own"
                )
    leaks = sorted({name for one in signatures for name in one.get("leaks", ())})  # every process sees its own images
    return signatures[0] | ({"leaks": leaks} if leaks else {}) if signatures else None


def partial(lines: Iterable[Line]) -> bool:
    """Whether any of the documents is of a data set that was read in part only."""
    return any("partial" in line["n"] for line in lines)


def rules(where: object, lines: list[Line]) -> dict[str, str]:
    """Metric -> signature. Errors: ValueError for two under one metric, a mean of which would be a number of neither."""
    found: dict[str, str] = {}
    for line in lines:
        for metric, item in line.items():
            if isinstance(item, dict) and "rule" in item and found.setdefault(metric, item["rule"]) != item["rule"]:
                raise ValueError(
                    f"{where}: {metric} is scored by {found[metric]} and by {item['rule']}; one run has one rule"
                )
    return found
