"""A validated submission as the page needs it: per question its scores and what was read, so that hundreds fit into memory."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.runs.agreement import FIELDS
from lmms_vg.runs.method_spec import under
from lmms_vg.submission.read_answers import ReadAnswers
from lmms_vg.submission.schema import Manifest, Provenance
from lmms_vg.submission.strict_json import canonical

Values = NDArray[np.float64]


class Scores(NamedTuple):
    """One value per question of one task, in the benchmark's order; NaN if the question itself cannot be scored.

    Attributes:
        questions: SHA-256 of the questions' file.
        rule: signature of the metric.
        metric: what the task is compared by: `acc`, `open_recall`, or `ar` of measurements.
        uids: names of the questions.
        images: image per question, or patient where the data set tells, which clusters the bootstrap.
        values: (questions); of measurements at the layer with the lowest mean KL over all questions.
        categories: axis -> category per question.
        verified: whether the questions were compared with the benchmark's own.
        further: metric -> rule and values of other metrics per question: `kl` and `js` at the layer of `ar`, with those
            of `look_scores`; `bleu1` beside `open_recall`; `forced_choice` where answers carry first-token values.
        recomputed: of measurements, whether the values were computed again from maps in the bundle; else they are the
            submitter's word.
        unjudged: metric -> why it has no values, of those that a measurement could have.
        read: what this version read in the answers; None for questions that are not closed.
    """

    questions: str
    rule: str
    metric: str
    uids: tuple[str, ...]
    images: tuple[str, ...]
    values: Values
    categories: dict[str, tuple[str, ...]]
    verified: bool
    further: Mapping[str, tuple[str, Values]] = {}
    recomputed: bool = False
    unjudged: Mapping[str, str] = {}
    read: ReadAnswers | None = None

    @property
    def comparable(self) -> Hashable:
        """Properties that scores of two runs must share to be compared: questions, rule, and the set of scored questions."""
        return self.questions, self.rule, np.isnan(self.values).tobytes()

    def under(self, metric: str) -> Scores | None:
        """Return the scores of a metric; None if it has no values per question."""
        if metric == self.metric:
            return self
        if metric not in self.further:
            return None
        rule, values = self.further[metric]
        return self._replace(rule=rule, metric=metric, values=values, further={})


@dataclass(frozen=True)
class Entry:
    """A validated submission.

    Attributes:
        id: name of the submission's folder.
        notes: what validation could not check, and leaks.
        arrival: place in the history of the repository that holds the bundle; None if unknown.
    """

    id: str
    manifest: Manifest
    scores: dict[str, Scores]
    notes: tuple[str, ...] = ()
    arrival: int | None = None

    @property
    def declared(self) -> bool:
        """Whether what was run is the submitter's word: a model that is not of lmms_vg."""
        return self.manifest.run is None

    @property
    def run(self) -> Provenance:
        """The run, as it was signed; a declared entry has none."""
        assert self.manifest.run is not None, "ask `declared` first"
        return self.manifest.run

    @property
    def method(self) -> str:
        """The method's name, such as `vgrefine`, and the run's control; empty for a declared model, which has none."""
        return "" if self.declared else under(self.run.method.name, self.run.control)

    @property
    def is_plain(self) -> bool:
        """Whether the run has neither method nor control; False for a declared model, since its circumstances are not known."""
        return self.method == "plain"

    @property
    def model(self) -> Hashable:
        """The identity of the model: the hash of the weights, or the name that the submitter gave to a declared model."""
        stated = self.manifest.declared
        return self.run.weights if stated is None else (stated.model, stated.name, stated.host)

    @property
    def circumstances(self) -> str:
        """Circumstances that a method and its plain run must share; a declared entry has none."""
        return canonical(self.run.model_dump(include={*FIELDS}))

    def precedence(self) -> tuple[bool, int, str]:
        """Return a sort key: by arrival, unknown ones last, then by id."""
        return self.arrival is None, self.arrival or 0, self.id
