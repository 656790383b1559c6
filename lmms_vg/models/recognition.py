"""Predict from a checkpoint's small files whether it will load, and as which family."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lmms_vg.models import FAMILIES
from lmms_vg.models.checkpoint import CheckpointError, read_config, refuse_adapter
from lmms_vg.models.elsewhere import instead, takers
from lmms_vg.models.image_text import ImageText


class Recognised(NamedTuple):
    """A family that takes a checkpoint.

    Attributes:
        family: Its name.
        about: Text model, layers and heads.
        problem: Why the checkpoint will not load all the same; empty if it will.
    """

    family: str
    about: str
    problem: str


def recognise(pretrained: str, revision: str | None) -> Iterator[Recognised]:
    """Yield every family that takes a checkpoint, after reading its small files as loading does. No weights are read.

    Raises:
        CheckpointError: No family takes it; the message says why, and what works instead.
    """
    try:
        raw = read_config(pretrained, revision)
    except CheckpointError as problem:
        hint = instead(pretrained, revision, {})
        raise CheckpointError(f"pretrained={pretrained!r}: {hint}") if hint else problem from problem
    refuse_adapter(pretrained, revision)
    names = takers(pretrained, revision, raw)
    if not names:
        hint = instead(pretrained, revision, raw) or "lmms-vg models lists the checkpoints that are loaded"
        raise CheckpointError(
            f"pretrained={pretrained!r}: no family loads model_type {raw.get('model_type')!r}. {hint}"
        )
    for name in names:
        family = FAMILIES[name]
        try:
            shape = family.inspect(pretrained, revision)
            about = f"{shape.layers} layers of {shape.heads} heads"
            if issubclass(family, ImageText):
                config, *_ = family.read_small_files(pretrained, revision, family.options())
                about = f"text model {config.get_text_config().model_type}, {about}"
        except ValueError as problem:
            yield Recognised(name, "", str(problem))
        else:
            yield Recognised(name, about, "")
