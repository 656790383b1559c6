"""What a bundle holds: ``manifest.json``, and a line a question in ``questions/<task>.jsonl`` and ``answers/<task>.jsonl``.

Every model forbids what it does not know and takes no type for another, so that a bundle means the same to everyone who reads
it. Optional fields may be added within a ``SCHEMA_VERSION``; they are left out where they have no value, so a reader who does
not know one refuses the bundles that need it, by the field's name, and reads all others. Whatever else changes raises it
(``schema_1`` reads the first).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from lmms_vg._util.error_codes import ErrorCode
from lmms_vg.paper.protocols import ProtocolName
from lmms_vg.runs.method_spec import MethodSpec, Scalar

SCHEMA_VERSION: Literal[2] = 2

LONGEST = 100_000
"""Questions of a task; the largest benchmark, OmniMedVQA's MRI, has 31,877."""


def _readable(name: str) -> str:
    """A name is shown as a link, so it must have something to click on, and may not turn or hide what stands beside it."""
    if not name.isprintable() or not any(sign.isalnum() for sign in name):
        raise ValueError("needs a letter or digit, and signs that can be printed only")
    return name


Text = Annotated[str, Field(max_length=2_000)]
Word = Annotated[str, Field(min_length=1, max_length=200)]
Name = Annotated[Word, AfterValidator(_readable)]
Count = Annotated[int, Field(ge=1, le=LONGEST)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Card(_Strict):
    """What only the submitter knows of a model.

    ``parameters`` are billions. ``trained_on`` names the benchmarks whose *training* sets the model has seen (names of
    ``lmms-vg data status``); the paper keeps such models out of its zero-shot rows. It has to be declared, if only as [].
    """

    name: Name
    parameters: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]
    trained_on: Annotated[list[Word], Field(max_length=100)]
    organisation: Text = ""
    url: Annotated[str, Field(max_length=500, pattern=r"^(https://[^\s<>\"']+)?$")] = ""
    licence: Text = ""
    notes: Text = ""


class Provenance(_Strict):
    """What exactly was run, as our models sign their results (``inference.build``); hashes are of what they name."""

    family: Word
    method: MethodSpec
    weights: Word
    config: Word
    tokenizer: Word
    image_processor: Word
    prompt: Word
    dtype: Word
    device: Word
    geometry: Literal["true", "stretch"]
    rows: Literal["last", "question", "all"]
    per_head: bool
    diagnose: bool
    batch_size: Annotated[int, Field(ge=1)]
    code: Word
    method_code: Word | None = None
    commit: Word | None = None
    versions: Annotated[dict[Word, Word], Field(max_length=50)]
    settings: Annotated[dict[Word, Scalar], Field(max_length=50)]
    shared: Annotated[list[Word], Field(max_length=100)] = []
    leaks: Annotated[list[Word], Field(max_length=50)] = []


class Data(_Strict):
    """The data set of a task's questions; ``revision`` None: a folder, or whatever was newest; go by the questions' SHA-256."""

    name: Word
    revision: Word | None


class Task(_Strict):
    """One task. ``questions`` and ``answers`` are the SHA-256 of its two files; ``n`` questions have a score.

    ``metrics``: as lmms-eval aggregated them, None where there was no value (BERTScore without its model). ``rules``: metric
    -> signature. ``decoding`` as the task states it; ``reference`` is the reference prompt. ``protocol`` is the bundle's,
    None for a measurement.
    """

    protocol: ProtocolName | None
    asked: Count
    n: Count
    questions: Word
    answers: Word
    metrics: Annotated[dict[Word, Finite | None], Field(max_length=50)]
    rules: Annotated[dict[Word, Text], Field(max_length=50)]
    decoding: Annotated[dict[Word, Scalar | list[Word]], Field(max_length=50)]
    reference: Text
    data: Data


class Group(_Strict):
    """Tasks that lmms-eval averaged, each in its own way (docs/protocols.md)."""

    members: Annotated[list[Word], Field(max_length=100)]
    metrics: Annotated[dict[Word, Finite | None], Field(max_length=50)]


class Manifest(_Strict):
    """One model with one method under one protocol. ``seeds`` are lmms-eval's; decoding has its own."""

    schema_version: Literal[2]
    protocol: ProtocolName | None
    card: Card
    run: Provenance
    seeds: Annotated[dict[Word, int | None], Field(max_length=50)]
    tasks: Annotated[dict[Word, Task], Field(min_length=1, max_length=100)]
    groups: Annotated[dict[Word, Group], Field(max_length=100)]


Label = Annotated[str, Field(max_length=500)]


class BundleQuestion(_Strict):
    """A document of a task as it was asked and scored; see ``datasets.schema.Sample``."""

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


Layers = Annotated[list[Finite], Field(max_length=500)]


class BundleAlignment(_Strict):
    """How attention and boxes of one question agree, a value a layer, by which version of ``metrics/alignment.py``."""

    ar: Layers
    printed_ar: Layers
    kl: Layers
    js: Layers
    version: Annotated[int, Field(ge=1, le=1_000)] = 1


class BundleAnswer(_Strict):
    """What the model said, what the rule took from it, and the verdict.

    ``score``: 0 or 1 for accuracy, 0 to 1 for recall of open questions, None for measurements and where the question itself
    cannot be scored. Measurements have ``alignment``, unless it could not be measured. ``error_code`` says why in either case,
    ``error`` in words.
    """

    uid: Word
    answer: str
    extracted: str | None = None
    score: Finite | None = None
    error: Annotated[str, Field(max_length=500)] | None = None
    error_code: ErrorCode | None = None
    alignment: BundleAlignment | None = None
    seconds: Finite | None = None

    @model_validator(mode="after")
    def _has_both_or_neither(self) -> BundleAnswer:
        if (self.error is None) != (self.error_code is None):
            raise ValueError("error and error_code are given together")
        return self


def json_schema() -> dict[str, Any]:
    """The manifest's JSON Schema, with those of a question's and an answer's line under ``$defs``."""
    schema = Manifest.model_json_schema()
    for model in (BundleQuestion, BundleAnswer):
        part = model.model_json_schema()
        schema["$defs"] |= part.pop("$defs", {}) | {model.__name__: part}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema
