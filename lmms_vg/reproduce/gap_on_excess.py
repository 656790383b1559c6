"""The gap between medical and COCO images in what depends on the image: on excess over maps of other images.

Box size alone makes a gap in KL and JS: attention that never saw a box has it. Excess has none for such attention. For
attention that does look, it still depends on box size, so the gap is given within strata of size as well, and with both sets
weighted to one distribution of sizes. Intervals of one view hold together over all metrics, layers and strata.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.metrics.box_sizes import SIZES, size_of
from lmms_vg.metrics.statistics import resample
from lmms_vg.reproduce.gap_band import SAID, UNKNOWN, Band, Floats, all_together, each_alone
from lmms_vg.runs.grounding import SPOILED
from lmms_vg.runs.map_looks import MapLooks, Name

#: Measure of the maps -> the paper's metric, in the order of `CLAIM`.
MEASURES: dict[Name, str] = {"log AR": "ar", "KL": "kl", "JS": "js"}

#: Images of either set below which a stratum has no gap.
FEWEST = 10

#: Verdict if some strata are as claimed and others opposite.
MIXED = "mixed"


class SizeStratum(NamedTuple):
    """Boxes of one range of sizes. Pairs are (medical, COCO).

    Attributes:
        n: numbers of questions.
        images: numbers of images.
        weight: share that both sets get in the standardised gap; 0 where a set has fewer than ten images.
        gap: None there.
    """

    name: str
    n: tuple[int, int]
    images: tuple[int, int]
    weight: float
    gap: Band | None


class GapOnExcess(NamedTuple):
    """One kind of question under one model. Pairs are (medical, COCO).

    Attributes:
        n: numbers of questions that have other images to be compared with.
        images: numbers of their images.
        medical: excess, each value with an interval of its own.
        coco: the same of COCO.
        gap: medical minus COCO.
        strata: the same within each range of box sizes.
        standardised: the same with both sets weighted to one distribution of sizes: the mean of both sets' shares, over the
            strata that both have; None where they share none.
        covered: share of the questions of either set that lies in these strata.
        hidden: whether a layer hides patches, so that AR and KL get no verdict, (layers,).
        even: AR, KL and JS of even attention on the boxes of either set, (2, 3).
        grids: rows and columns of patches that occur in either set.
    """

    n: tuple[int, int]
    images: tuple[int, int]
    medical: Band
    coco: Band
    gap: Band
    strata: tuple[SizeStratum, ...]
    standardised: Band | None
    covered: tuple[float, float]
    hidden: NDArray[np.bool_]
    even: Floats
    grids: tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]

    def verdict(self, metric: str, layer: int) -> str:
        """Judge the paper's claim by the gap in excess."""
        return self._judged(self.gap, metric, layer)

    def verdict_standardised(self, metric: str, layer: int) -> str:
        """Judge the paper's claim by the gap under one distribution of sizes."""
        return UNKNOWN if self.standardised is None else self._judged(self.standardised, metric, layer)

    def signs_in_strata(self, metric: str, layer: int) -> list[int | None]:
        """Sign of each stratum that has a gap, as in `Band.sign`; None where it has no verdict."""
        return [
            None if self._spoiled(metric, layer) else size.gap.sign(metric, layer)
            for size in self.strata
            if size.gap is not None
        ]

    def verdict_in_strata(self, metric: str, layer: int) -> str:
        """Return the claim within strata: as claimed (or opposite) if some stratum is and none says the contrary."""
        signs = {sign for sign in self.signs_in_strata(metric, layer) if sign is not None}
        if not signs:
            return UNKNOWN
        return MIXED if {1, -1} <= signs else SAID[sum(signs)]

    def _judged(self, band: Band, metric: str, layer: int) -> str:
        return UNKNOWN if self._spoiled(metric, layer) else band.verdict(metric, layer)

    def _spoiled(self, metric: str, layer: int) -> bool:
        return bool(self.hidden[layer]) and metric in {MEASURES[name] for name in SPOILED}


class _OneSet(NamedTuple):
    """Excess (questions, metrics x layers), images, and which questions each group holds: all, then each stratum."""

    values: Floats
    images: list[str]
    member: NDArray[np.bool_]

    @property
    def n(self) -> list[int]:
        return [int(chosen.sum()) for chosen in self.member]

    @property
    def drawn_from(self) -> list[int]:
        return [
            len({image for image, there in zip(self.images, chosen, strict=True) if there}) for chosen in self.member
        ]

    def means(self) -> Floats:
        return np.stack([self.values[chosen].mean(axis=0) for chosen in self.member])

    def kept(self, groups: Sequence[int]) -> _OneSet:
        return self._replace(member=self.member[list(groups)])


def gap_on_excess(medical: MapLooks, coco: MapLooks, seed: int = 0) -> GapOnExcess | str:
    """Compare the excess of two sets; why it cannot be compared, where it cannot.

    Args:
        medical: all layers of the questions about medical images.
        coco: those about COCO images.
        seed: of the medical draws; COCO takes `seed` + 1.
    """
    sides = [_side(looks) for looks in (medical, coco)]
    if any(not len(side.values) for side in sides):
        return "no question has five other images of its grid and padding to be compared with"
    used = [0, *(s for s in range(1, len(SIZES) + 1) if all(side.drawn_from[s] >= FEWEST for side in sides))]
    shares = np.array([[side.n[s] / side.n[0] for s in used[1:]] for side in sides])
    weights = shares.mean(axis=0) / max(shares.mean(axis=0).sum(), 1e-12)
    kept = [side.kept(used) for side in sides]
    means = [side.means() for side in kept]
    draws = [_draws(side, seed + number) for number, side in enumerate(kept)]
    # A draw may hold no question of a small stratum, and has no mean of it.
    whole = np.isfinite(draws[0] + draws[1]).all(axis=(0, 1))
    gap, drawn = means[0] - means[1], (draws[0] - draws[1])[..., whole]
    (overall,) = all_together(gap[:1], drawn[:1])
    by_size = dict(zip(used[1:], all_together(gap[1:], drawn[1:]), strict=True)) if used[1:] else {}
    one_size = [np.tensordot(weights, of[1:], axes=1)[None] for of in (gap, drawn)]
    return GapOnExcess(
        (kept[0].n[0], kept[1].n[0]),
        (kept[0].drawn_from[0], kept[1].drawn_from[0]),
        each_alone(means[0][0], draws[0][0]),
        each_alone(means[1][0], draws[1][0]),
        overall,
        tuple(
            SizeStratum(
                name,
                (sides[0].n[s], sides[1].n[s]),
                (sides[0].drawn_from[s], sides[1].drawn_from[s]),
                float(weights[used.index(s) - 1]) if s in by_size else 0.0,
                by_size.get(s),
            )
            for s, name in enumerate(SIZES, start=1)
        ),
        all_together(*one_size)[0] if by_size else None,
        (float(shares[0].sum()), float(shares[1].sum())),
        medical.hidden | coco.hidden,
        np.stack([looks.even.mean(axis=1) for looks in (medical, coco)]),
        (tuple(sorted(set(medical.grids))), tuple(sorted(set(coco.grids)))),
    )


def _side(looks: MapLooks) -> _OneSet:
    excess = np.stack([looks.value[name] - looks.level[name] for name in MEASURES], axis=1)
    known = np.flatnonzero(np.isfinite(excess).all(axis=(1, 2)))
    strata = size_of(looks.shares[known])
    return _OneSet(
        excess.reshape(len(excess), -1)[known],
        [looks.units[i] for i in known],
        np.stack([strata >= 0, *(strata == s for s in range(len(SIZES)))]),
    )


def _draws(side: _OneSet, seed: int) -> Floats:
    """Resampled means of every group, (groups, metrics x layers, resamples); NaN where a draw has no question of it."""
    width = side.values.shape[1]
    columns = [values for chosen in side.member for values in (side.values * chosen[:, None]).T]
    drawn = resample([*columns, *side.member.astype(np.float64)], side.images, seed=seed).sums
    sums, counts = drawn[: len(columns)].reshape(len(side.member), width, -1), drawn[len(columns) :][:, None]
    means: Floats = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    return means
