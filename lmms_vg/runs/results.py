"""What a finished run says about every question, independent of the files it was read from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lmms_vg._util.error_codes import Failure
from lmms_vg.journal import FirstToken
from lmms_vg.runs.first_tokens import first_tokens
from lmms_vg.runs.looked import Looked, looked
from lmms_vg.runs.method_spec import MethodSpec, under

if TYPE_CHECKING:
    from pandas import DataFrame

#: Metrics that a task is reported and compared by; their items name their question.
SCORED = ("acc", "open_recall")

#: Metrics of the tasks that measure where a model looks.
MEASURED = ("ar", "kl", "js", "best_layer")

Line = dict[str, Any]


class Asked(NamedTuple):
    """The text that a question was asked with, and its reference answer."""

    prompt: str
    reference: str


@dataclass(frozen=True)
class TaskRun:
    """The scores of one task.

    Attributes:
        metric: the one of `SCORED` that `scores` are of, or `ar`.
        rules: metric -> signature, for the metrics whose items have one.
        scores: uid -> value from 0 to 1; empty for tasks that only measure where a model looks.
        images: uid -> image.
        about: uid -> axis -> category.
        failed: uid -> why the question has no score.
        unparseable: number of answers that the rule could not read.
        asked: uid -> prompt and reference.
        seconds: uid -> seconds the model took to answer; empty for models that are not ours.
        answers: uid -> the answer that was scored.
        batches: uid -> number of questions that shared a batch; empty for models that are not ours.
        extracted: uid -> what the scoring rule read in the answer, None if nothing; empty for open questions.
        first_tokens: uid -> what the first answer token says about the allowed answers; empty for models that are not ours.
        looked: uid -> where the model looked; empty for tasks whose questions have no place.
        units: uid -> what else than its image the question shares with others: `subset` and `patient`, where they are known.
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
    answers: dict[str, str] = field(default_factory=dict)
    batches: dict[str, int] = field(default_factory=dict)
    extracted: dict[str, str | None] = field(default_factory=dict)
    units: dict[str, dict[str, str]] = field(default_factory=dict)
    first_tokens: dict[str, FirstToken] = field(default_factory=dict)
    looked: dict[str, Looked] = field(default_factory=dict)

    @property
    def rule(self) -> str:
        """The signature of `metric`; empty if all questions failed."""
        return self.rules.get(self.metric, "")

    @property
    def axes(self) -> list[str]:
        """The axes that its questions can be broken down by."""
        return list(dict.fromkeys(axis for about in self.about.values() for axis in about))


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        path: its results file.
        model: the model's name and arguments; runs of one model may differ in the arguments alone.
        restricted: why its numbers do not stand for their benchmarks (`--limit`); empty if they do.
        notes: remarks to print beside its numbers.
        measured: tasks that measure where a model looks.
        left_out: tasks that are neither scored nor measured.
        means: task or group -> metric -> value, as lmms-eval aggregated it.
        provenance: weights, prompt, dtype and everything else in `inference.build` that determines an answer; None for models
            that are not ours.
        number: tells runs with the same label apart; 0 if there is only one.
        measured_rules: signatures of the `measured` tasks.
        measurements: the questions of the `measured` tasks, where their samples name them.
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
    measurements: dict[str, TaskRun] = field(default_factory=dict)

    @property
    def method(self) -> MethodSpec | None:
        """The method; None for models that are not ours."""
        return None if self.provenance is None else MethodSpec.model_validate(self.provenance["method"])

    @property
    def sampling_seed(self) -> int | None:
        """The seed that its sampled answers were drawn with; None for the protocol's."""
        return (self.provenance or {}).get("sampling_seed")

    @property
    def name(self) -> str:
        """The method's name, or the model's if the method is not known."""
        return self.model.partition(" ")[0] if self.method is None else self.method.name

    @property
    def control(self) -> str | None:
        """What every question was changed by before it was asked, such as `blank_image`; None for nothing."""
        return (self.provenance or {}).get("control")

    @property
    def is_plain(self) -> bool:
        """Whether the model is run without a method and without a control."""
        return not self.control and (self.name == "plain" or (self.method is None and self.name.endswith("_plain")))

    @property
    def leak(self) -> str:
        """Warning that the heads were, or may have been, ranked on images of this run; empty if they were not."""
        leaks = (self.provenance or {}).get("leaks")
        if not leaks:
            return ""
        return (
            f"its heads were, or may have been, ranked on images of {', '.join(leaks)}, which this run asks about: results "
            "may be too good"
        )

    def table(self) -> str:
        """Return the full report as Markdown: intervals, means over questions and over categories, every category."""
        from lmms_vg.runs.report import report  # imported here because it reads this module

        return report(self)

    def to_pandas(self, layer: int | None = None) -> DataFrame:
        """Return a data frame with one row per question of each task; `runs.frame` says what its columns are.

        Args:
            layer: the layer of AR, KL and JS, from 0; None for the one of lowest mean KL of each task.

        Raises:
            ValueError: there is no such layer.
        """
        from lmms_vg.runs.frame import frame  # imported here because it reads this module, and pandas takes a second

        return frame(self, layer)

    @property
    def label(self) -> str:
        """The method, its hyper-parameters, its control and its seed in short, or the model if the method is not known."""
        name = under(self.model if self.method is None else self.method.label, self.control)
        name += "" if self.sampling_seed is None else f" [sampling_seed={self.sampling_seed}]"
        return f"{name} #{self.number}" if self.number else name


def metric_of(line: Line) -> str | None:
    """Return a line's metric of `SCORED`; other tasks use these names too, but their items name no question."""
    return next((name for name in SCORED if isinstance(line.get(name), dict) and "uid" in line[name]), None)


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
