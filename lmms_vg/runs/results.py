"""The results of a finished run for every question, independent of the files they were read from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lmms_vg._util.error_codes import Failure
from lmms_vg.journal import FirstToken
from lmms_vg.runs.looked import Looked
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
    def with_looks(self) -> list[str]:
        """The tasks whose attention was measured: those that measure alone, and those that are answered as well."""
        return [*self.measured, *(name for name, part in self.tasks.items() if part.looked)]

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
        """The control that changed every question before it was asked, such as `blank_image`; None if there was none."""
        return (self.provenance or {}).get("control")

    @property
    def is_plain(self) -> bool:
        """Whether the model is run without a method and without a control."""
        return not self.control and (self.name == "plain" or (self.method is None and self.name.endswith("_plain")))

    @property
    def quantized(self) -> str:
        """The quantization of its weights, such as `bitsandbytes-0.48.1-4bit-nf4`; empty if there was none."""
        return str((self.provenance or {}).get("dtype", "")).partition("+")[2]

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
