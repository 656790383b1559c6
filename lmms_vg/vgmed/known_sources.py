"""The 44 sources of VGMED, from the paper's Table C.2."""

from __future__ import annotations

from functools import cache
from importlib import resources

from pydantic import BaseModel, ConfigDict, TypeAdapter

#: The text of a field that was not looked up.
UNKNOWN = "not checked offline"


class KnownSource(BaseModel):
    """A row of Table C.2, and how to come by the source.

    Attributes:
        name: as the paper writes it.
        modalities: of the paper.
        anatomy: of the paper.
        obtain: where its authors offer it, in words.
        licence: in words; `UNKNOWN` where no copy of the terms was at hand.
        shares_images_with: other sources of the table that may hold the same patients.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    modalities: list[str]
    anatomy: list[str]
    obtain: str
    licence: str
    shares_images_with: list[str] = []


@cache
def known_sources() -> tuple[KnownSource, ...]:
    """All sources, in the paper's order."""
    text = resources.files("lmms_vg.vgmed").joinpath("sources.json").read_text("utf-8")
    return tuple(TypeAdapter(list[KnownSource]).validate_json(text))
