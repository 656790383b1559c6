"""Lines of `questions/<task>.jsonl` and of `answers/<task>.jsonl` (`schema` has the rules)."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from lmms_vg._util.error_codes import ErrorCode
from lmms_vg.datasets.schema import drawn_together
from lmms_vg.journal import FirstToken
from lmms_vg.submission.schema import ExtendedModel, StrictModel
from lmms_vg.submission.schema_words import Finite, Layers, Text, Word

Label = Annotated[str, Field(max_length=500)]


class BundleQuestion(ExtendedModel):
    """A document of a task as it was asked and scored; see `datasets.schema.Sample`.

    Attributes:
        patient: whose images these are; written only where the data set tells.
    """

    later = frozenset({"patient"})

    uid: Word
    images: Annotated[list[Annotated[str, Field(max_length=500)]], Field(max_length=100)]
    question: Annotated[str, Field(max_length=20_000)]
    answer: Text
    options: Annotated[list[Text], Field(max_length=26)]
    answer_type: Label
    modality: Label
    organ: Label
    content_type: Label
    question_type: Label
    subset: Label
    split: Label
    boxes: Annotated[list[Annotated[list[Finite | None], Field(max_length=10)]], Field(max_length=1_000)]
    patient: Label = ""

    @property
    def unit(self) -> str:
        """The unit of resampling: all images of the patient, or the image where none is known."""
        return drawn_together(self.images, self.patient)


class BundleExcess(StrictModel):
    """Value minus what maps of other images have on the same box, per layer (`metrics.nulls`); log AR is natural."""

    log_ar: Layers
    kl: Layers
    js: Layers


class BundleAlignment(ExtendedModel):
    """Agreement of attention and boxes of one question: one value per layer, by a version of `metrics/alignment.py`.

    Attributes:
        excess: what is left of log AR, KL and JS after a blind look; None where the run's maps were not at hand, or where
            there are fewer than five other images.
        placement: share of all places of the box's shape that hold less attention (`metrics.placement`); None without maps,
            or where there are fewer than five places.
    """

    later = frozenset({"excess", "placement"})

    ar: Layers
    printed_ar: Layers
    kl: Layers
    js: Layers
    version: Annotated[int, Field(ge=1, le=1_000)] = 1
    excess: BundleExcess | None = None
    placement: Layers | None = None


class BundleFirstToken(FirstToken):
    """Log-probabilities of a question's allowed answers at the first answer token."""

    model_config = ConfigDict(strict=True)


class BundleAnswer(StrictModel):
    """The model's answer, the value that the rule extracted, and the verdict.

    Attributes:
        score: 0 or 1 for accuracy, 0 to 1 for recall of open questions; None for measurements, and if the question cannot be
            scored.
        error: why there is no score or alignment, in words.
        error_code: the same as a code.
        alignment: of measurements, unless they failed.
        seconds: time the model took.
        batch: number of questions that shared its batch.
        first_token: of questions with a closed set of answers, where the model was asked for it.
    """

    uid: Word
    answer: str
    extracted: str | None = None
    score: Finite | None = None
    error: Annotated[str, Field(max_length=500)] | None = None
    error_code: ErrorCode | None = None
    alignment: BundleAlignment | None = None
    seconds: Finite | None = None
    batch: Annotated[int, Field(ge=1)] | None = None
    first_token: BundleFirstToken | None = None

    @model_validator(mode="after")
    def _has_both_or_neither(self) -> BundleAnswer:
        if (self.error is None) != (self.error_code is None):
            raise ValueError("error and error_code are given together")
        return self
