"""The contents of a bundle: `manifest.json`, and a line per question in `questions/<task>.jsonl` and `answers/<task>.jsonl`.

Every model forbids unknown fields and converts no types, so a bundle means the same to everyone who reads it. Optional fields
may be added without a new `SCHEMA_VERSION`: they are left out if they have no value, so a reader that does not know a field
refuses the bundles that use it, by the field's name, and reads all others. Every other change raises the version (`schema_1`
reads version 1). This module has the manifest, `schema_lines` has the lines.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from lmms_vg.paper.protocols import ProtocolName
from lmms_vg.runs.method_spec import HyperParameters, Identifier, MethodSpec, Scalar
from lmms_vg.submission.schema_words import Count, Finite, LayerNumbers, Name, Text, Word

SCHEMA_VERSION: Literal[2] = 2


class StrictModel(BaseModel):
    """A model that forbids unknown fields and converts no types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ExtendedModel(StrictModel):
    """A model with fields that earlier readers of its version do not know; without a value they are not written."""

    later: ClassVar[frozenset[str]]

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        unused = {name for name in self.later if getattr(self, name) in (None, {}, [], "")}
        return {name: value for name, value in handler(self).items() if name not in unused}


class Card(ExtendedModel):
    """Facts about a model that only the submitter knows.

    Attributes:
        parameters: in billions; None if they are not known, which only a `Declaration` may say.
        trained_on: benchmarks whose *training* sets the model has seen (names of `lmms-vg data status`), [] for none; the
            paper keeps such models out of its zero-shot rows.
        settings: method -> the hyper-parameters of the setting that is ranked, if it is not the method's defaults. All other
            settings of that method are folded under it.
    """

    later = frozenset({"settings"})

    name: Name
    parameters: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)] | None
    trained_on: Annotated[list[Word], Field(max_length=100)]
    organisation: Text = ""
    url: Annotated[str, Field(max_length=500, pattern=r"^(https://[^\s<>\"']+)?$")] = ""
    licence: Text = ""
    notes: Text = ""
    settings: Annotated[dict[Identifier, HyperParameters], Field(max_length=50)] = {}


TokenRows = Literal["last", "question", "all"]


class Provenance(ExtendedModel):
    """Exactly what was run, as our models sign their results (`inference.build`); hashes are of what their field names.

    Attributes:
        options: the family's own settings, such as the limits of an image's size; None if the family has none.
        default_settings: whether the method ran with its defaults for the checkpoint; None if the run does not say.
        control: what every question was changed by before it was asked, such as `blank_image`; None for nothing.
        control_code: hash of the controls' source; None without a control.
        sampling_seed: seed of sampled answers, if it is not the protocol's.
        further_rows: token rows that were measured besides `rows`; a bundle has nothing of them.
    """

    later = frozenset({"options", "default_settings", "control", "control_code", "sampling_seed", "further_rows"})

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
    options: Annotated[dict[Word, Scalar], Field(max_length=50)] | None = None
    rows: TokenRows
    further_rows: Annotated[list[TokenRows], Field(max_length=2)] = []
    per_head: bool
    diagnose: bool
    batch_size: Annotated[int, Field(ge=1)] | Literal["auto"]
    code: Word
    method_code: Word | None = None
    commit: Word | None = None
    versions: Annotated[dict[Word, Word], Field(max_length=50)]
    settings: Annotated[dict[Word, Scalar], Field(max_length=50)]
    shared: Annotated[list[Word], Field(max_length=100)] = []
    leaks: Annotated[list[Word], Field(max_length=50)] = []
    default_settings: bool | None = None
    control: Word | None = None
    control_code: Word | None = None
    sampling_seed: Annotated[int, Field(ge=0)] | None = None


class Declaration(StrictModel):
    """A run as the submitter states it: a model outside lmms_vg signs nothing, so nobody can check who answered.

    Attributes:
        model: lmms-eval's name of the model, such as `openai`.
        name: the checkpoint or version that lmms-eval was told to run; None if it was told none.
        host: of the endpoint that answered; None if the weights were on the submitter's machine, or if the run does not say.
        dates: days on which the runs started, as lmms-eval dates them; the same name may mean another model later.
        arguments: the model's other arguments, without secrets; those of decoding count besides a task's `decoding`.
    """

    model: Word
    name: Word | None
    host: Word | None
    dates: Annotated[list[Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]], Field(min_length=1, max_length=100)]
    arguments: Annotated[dict[Word, Scalar], Field(max_length=50)]


class Data(StrictModel):
    """The data set of a task's questions.

    Attributes:
        revision: None for a local folder, or for whatever was newest; the questions' SHA-256 identifies them.
    """

    name: Word
    revision: Word | None


class BundledMaps(StrictModel):
    """The member `maps/<task>.maps`: a map of every question that has alignment values, in the format of `journal.map_lines`.

    A question's key is its uid.

    Attributes:
        sha256: of the member.
        layers: the layers of the model that its maps are of, in ascending order.
    """

    sha256: Word
    layers: Annotated[LayerNumbers, Field(min_length=1)]


class Task(ExtendedModel):
    """One task of a bundle.

    Attributes:
        protocol: the bundle's; None for a measurement.
        asked: number of questions.
        n: number of questions that have a score.
        questions: SHA-256 of the questions' file.
        answers: SHA-256 of the answers' file.
        metrics: metric -> value as lmms-eval aggregated it; None if there is none (BERTScore without its model).
        rules: metric -> signature.
        decoding: as the task defines it.
        reference: the reference prompt.
        hidden: layers in which patches have no attention at all, as under a knockout; KL and log AR are undefined there.
        maps: the member of its maps, if there is one.
    """

    later = frozenset({"hidden", "maps"})

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
    hidden: LayerNumbers = []
    maps: BundledMaps | None = None


class Group(StrictModel):
    """Tasks that lmms-eval averaged, each group in its own way (docs/protocols.md)."""

    members: Annotated[list[Word], Field(max_length=100)]
    metrics: Annotated[dict[Word, Finite | None], Field(max_length=50)]


class Manifest(ExtendedModel):
    """One model with one method under one protocol.

    Attributes:
        run: what was run, as a model of lmms_vg signs it.
        declared: what was run, by the submitter's word. A manifest has either `run` or this, and with this no measurements:
            such a bundle holds answers only.
        seeds: lmms-eval's seeds; decoding has its own.
    """

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["run"]}, {"required": ["declared"]}]})

    later = frozenset({"run", "declared"})

    schema_version: Literal[2]
    protocol: ProtocolName | None
    card: Card
    run: Provenance | None = None
    declared: Declaration | None = None
    seeds: Annotated[dict[Word, int | None], Field(max_length=50)]
    tasks: Annotated[dict[Word, Task], Field(min_length=1, max_length=100)]
    groups: Annotated[dict[Word, Group], Field(max_length=100)]

    @model_validator(mode="after")
    def _says_what_was_run(self) -> Manifest:
        if len({"run", "declared"} & self.model_fields_set) != 1 or (self.run is None) == (self.declared is None):
            raise ValueError("needs either run, which models of lmms_vg sign, or declared, for all other models")
        if self.run is not None and self.card.parameters is None:
            raise ValueError("card.parameters may be null only for a declared model: the weights of a run are known")
        return self
