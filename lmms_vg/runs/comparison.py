"""A comparison of runs: lines per run and task, the questions that each rests on, and notes."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import nan
from typing import TYPE_CHECKING, Literal, NamedTuple

from lmms_vg.metrics.statistics import Difference, Equal
from lmms_vg.runs.chance_rows import ChanceRow
from lmms_vg.runs.forced_choice import Forced, ForcedChange
from lmms_vg.runs.grounding_changes import LookChange
from lmms_vg.runs.repeated import Repeated
from lmms_vg.runs.results import Run
from lmms_vg.runs.saying import Change, Saying, Source

if TYPE_CHECKING:
    from lmms_vg.runs.repeated_changes import RepeatedChange  # it imports this module

Kind = Literal["markdown", "csv", "latex"]

#: Two runs whose difference is below this do not differ in practice: one point of accuracy.
MARGIN = 0.01


class AgainstBase(NamedTuple):
    """A line compared with the base, or with a control.

    Attributes:
        difference: Mean difference of the scores, with its 95% interval and p-value.
        better: Number of questions with a higher score than in the base.
        worse: Number of questions with a lower score.
        holm: The p-value of `difference`, corrected.
        mcnemar_p: p-value of McNemar's exact test; None if scores are not all 0 or 1.
        mcnemar_holm: The same, corrected.
        detectable: The smallest difference that would be found with probability .8 at the corrected level; NaN if unknown.
        equal: Whether the two are equal within `MARGIN`.
        change: What the difference is made of; None for open questions and weighted groups.
        source: Where a significant difference lives; None if it is not significant, or if `change` is None.
        forced: What changes in forced choice; None for open questions and runs without first-token values.
    """

    difference: Difference
    better: int
    worse: int
    holm: float
    mcnemar_p: float | None
    mcnemar_holm: float | None
    detectable: float
    equal: Equal
    change: Change | None
    source: Source | None
    forced: ForcedChange | None = None


class ComparisonLine(NamedTuple):
    """A run on a task or group.

    Attributes:
        seconds: mean time per question, None if it is not known.
        said: what was said; None for open questions.
        forced: what the run prefers among the allowed answers; None for open questions.
        control: label of the control that the line is compared with, in place of the base; empty for the base.
    """

    run: Run
    name: str
    metric: str
    rule: str
    n: int
    score: float
    seconds: float | None
    shared: bool
    against: AgainstBase | None
    said: Saying | None = None
    control: str = ""
    forced: Forced | None = None


class ControlLine(NamedTuple):
    """A run and the same run under a control, on the questions of a task that both have scored.

    Attributes:
        run: the run without the control.
        control: name of the control.
        controlled: the run under the control.
        task: name of the task.
        n: number of questions.
        left_out: number of questions that only the run without the control has scored.
        score: mean score of the run.
        under: mean score under the control.
        changed: share of the questions whose answer has another text.
        gain: mean score minus mean score under the control.
        over_plain: this gain minus that of the plain run; None for the plain run, and without its run under the control.
        necessity: share of answers that `box_filled` changes minus the share that `elsewhere_filled` does, on the questions of
            all three runs; None for other controls, and without the run of `elsewhere_filled`.
        holm: p-values of gain, over_plain and necessity, corrected over all of the comparison; NaN where there is none.
    """

    run: Run
    control: str
    controlled: Run
    task: str
    n: int
    left_out: int
    score: float
    under: float
    changed: float
    gain: Difference
    over_plain: Difference | None
    necessity: Difference | None
    holm: tuple[float, float, float] = (nan, nan, nan)

    @property
    def tested(self) -> tuple[Difference | None, Difference | None, Difference | None]:
        """The differences that have a p-value, in the order of `holm`."""
        return self.gain, self.over_plain, self.necessity

    @property
    def kept(self) -> float:
        """Share of the score that is left under the control; NaN if there is no score."""
        return self.under / self.score if self.score else nan


@dataclass(frozen=True)
class Comparison:
    """A comparison: the runs in the order given, one line per run and task or group, and notes.

    Attributes:
        pooled: groups in which every question weighs the same.
        weighted: groups that are weighted as their protocol says.
        contrasts: every method's lines against its controls.
        chance: what answers without the image reach.
        unit: what is drawn as a whole: `image`, `patient`, `source`, or `image or patient`.
        family: number of comparisons that p-values are corrected for.
        controls: runs whose questions were changed by a control, each beside its run without it; they are in no other list.
        repeated: runs that differ in a seed alone, summarised.
        looks: whether other runs look better at the boxes than the base.
        repeated_changes: settings against others of which one has several seeds.
    """

    runs: list[Run]
    base: Run
    lines: list[ComparisonLine]
    pooled: frozenset[str]
    notes: list[str]
    rules: list[str]
    allowed: tuple[str, ...]
    weighted: frozenset[str] = frozenset()
    contrasts: list[ComparisonLine] = field(default_factory=list)
    chance: list[ChanceRow] = field(default_factory=list)
    unit: str = "image"
    family: int = 0
    controls: list[ControlLine] = field(default_factory=list)
    repeated: list[Repeated] = field(default_factory=list)
    looks: list[LookChange] = field(default_factory=list)
    repeated_changes: list[RepeatedChange] = field(default_factory=list)

    @property
    def tested(self) -> list[ComparisonLine]:
        """All lines that are compared with another run: with the base first, then with controls."""
        return [line for line in (*self.lines, *self.contrasts) if line.against is not None]

    def table(self, kind: Kind = "markdown") -> str:
        """Return the comparison as text: accuracies in the form of the paper's Table F.4, then every difference.

        Raises:
            ValueError: There is no such format.
        """
        from lmms_vg.runs.comparison_tables import FORMATS  # it imports this module

        if kind not in FORMATS:
            raise ValueError(f"kind={kind!r}: allowed is {', '.join(FORMATS)}")
        return FORMATS[kind](self)
