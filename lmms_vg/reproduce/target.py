"""A target: rows of the paper's tables and figures, as checkpoints and methods."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from lmms_vg.reproduce.checkpoints import Checkpoint, NotHere


class TargetRow(NamedTuple):
    """A row that can be run.

    Attributes:
        name: our name of the row.
        method: name of the method.
        checkpoint: the model.
        hyper_parameters: those that differ from the method's defaults, as Python values.
        calibrate: whether heads have to be ranked first, because the paper does not publish them.
        settings: of the whole run, whatever its method, such as the token rows that are watched.
        printed: the paper's name of the row, if it differs from `name`.
    """

    name: str
    method: str
    checkpoint: Checkpoint
    hyper_parameters: Mapping[str, int | float | bool | str] = MappingProxyType({})
    calibrate: bool = False
    printed: str = ""
    settings: Mapping[str, str] = MappingProxyType({})

    @property
    def published(self) -> str:
        """The paper's name of the row."""
        return self.printed or self.name


class Target(NamedTuple):
    """One table or figure of the paper.

    Attributes:
        table: the paper's number; empty for a figure.
        rows: the rows of models that a family runs, once it is installed.
        not_here: the rows of all other models.
        title: of a figure; tables have the paper's.
        note: what a reader of the results must know.
        radar: the paper's tables whose columns a radar shows, with the prefix of their averages; empty for other targets.
        varied: hyper-parameters that the rows compare, so that they are kept on other checkpoints.
    """

    table: str
    rows: tuple[TargetRow, ...]
    not_here: tuple[NotHere, ...] = ()
    title: str = ""
    note: str = ""
    radar: Mapping[str, str] = MappingProxyType({})
    varied: tuple[str, ...] = ()
