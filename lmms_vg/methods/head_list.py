"""A head list as a file: the heads of a checkpoint that ground best, best first, with the source of the list."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict

from lmms_vg._util.atomic_files import replace_file
from lmms_vg.metrics.head_ranking import HIGHER

#: Layer and head, both 0-based.
Head: TypeAlias = tuple[int, int]


class HeadScores(BaseModel):
    """Mean alignment values of a calibration; KL and JS in nats.

    Attributes:
        kl, ar, js, placement: values of the list's heads, in its order; placement is empty where it was not measured.
        layer_kl: KL of every layer, with heads averaged first.
        all_kl: KL of every head, layers x heads.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kl: list[float]
    ar: list[float]
    js: list[float]
    placement: list[float] = []
    layer_kl: list[float]
    all_kl: list[list[float]]


class HeadOrders(BaseModel):
    """Dependence of the list on the metric that ranks it, and the scores of even attention.

    Attributes:
        by: the metric of the list: "kl", "ar", "js" or "placement".
        shared: metric -> how many of the list's heads are among as many best ones by this metric.
        even: metric -> mean of attention that is even over the visible image, on the same boxes; empty where it is not known.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: str
    shared: dict[str, int]
    even: dict[str, float] = {}

    def no_better_than_even(self, scores: HeadScores) -> list[bool]:
        """Return, for each head of the list, whether it fails to beat even attention by at least one measured metric."""
        marks = [False] * len(scores.kl)
        for name, even in self.even.items():
            sign = 1 if name in HIGHER else -1
            for i, value in enumerate(getattr(scores, name)):
                marks[i] |= sign * value <= sign * even
        return marks


class Bootstrap(BaseModel):
    """Share of a list's heads that the list of a resample contains too: mean over resamples and 5th percentile, 0 to 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    resamples: int
    mean: float
    p5: float


class Stability(BaseModel):
    """Share of a list that recurs when images are resampled, and between two halves of the images, 0 to 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bootstrap: Bootstrap
    halves: float | None


class HeadList(BaseModel):
    """A calibrated (or published) head list, as stored in `methods/heads/*.json`.

    Attributes:
        models: checkpoints of the list (hub ids, or "demo").
        num_layers, num_heads: size of their text model.
        model_types: `model_type` of their config.json, so that no other model of the same size in a folder of the same name
            is taken for one of them; empty: any.
        heads: [layer, head] pairs, 0-based, best first; empty if they still have to be calibrated.
        layers: knockout layers, 0-based; empty if unknown.
        source: where the list is published, or how it was made.
        leaks: data sets (`DatasetSpec.name`, and `vgmed_coco`) whose images ranked the heads, or may have if the source does
            not say; results on these may be too good.
        scores, stability, orders: results of a calibration; None for other lists, and orders for those of older versions.
        provenance: data, n, seed, weights, revision and versions of a calibration.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    models: list[str]
    num_layers: int
    num_heads: int
    model_types: list[str] = []
    heads: list[Head]
    layers: list[int]
    source: str
    leaks: list[str] = []
    scores: HeadScores | None = None
    stability: Stability | None = None
    orders: HeadOrders | None = None
    provenance: dict[str, Any] = {}

    def write(self, path: Path) -> None:
        """Write the list as JSON, completely or not at all, one line per head and per layer of the matrix."""
        text = self.model_dump_json(indent=1)
        innermost = r"\[\n[^\[\]]*\]"
        text = re.sub(innermost, lambda match: re.sub(r"\n *", "", re.sub(r",\n *", ", ", match[0])), text)
        replace_file(path, text + "\n")
