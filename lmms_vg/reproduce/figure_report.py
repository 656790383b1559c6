"""Results of a figure as text: the claim's verdicts side by side, every layer, and the same numbers as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isnan

from lmms_vg.metrics import nulls
from lmms_vg.reproduce.domain_gap import Gaps
from lmms_vg.reproduce.gap_band import CLAIM, SAID, UNKNOWN, Band
from lmms_vg.reproduce.gap_on_excess import FEWEST, MIXED, GapOnExcess
from lmms_vg.reproduce.plan import Plan
from lmms_vg.reproduce.plan_report import warning
from lmms_vg.reproduce.result_report import about, listed
from lmms_vg.reproduce.verdict_words import FIGURE
from lmms_vg.runs.results import Run
from lmms_vg.runs.text_tables import comma_separated, known, markdown

_VIEWS = ("raw (box size not taken out)", "excess", "excess, within box sizes", "excess, one size distribution")
_NONE = "no maps"


def figure_markdown(plan: Plan, gaps: Mapping[str, Sequence[Gaps]], runs: Mapping[str, Run]) -> str:
    """Return the number of layers in which the claim holds, by each way to look at it, then every layer."""
    parts = [f"## Results{warning(plan, runs)}"]
    head = ["row", "questions", "metric", *_VIEWS]
    parts.append(
        markdown(head, [[row, gap.kind, metric.upper(), *_counted(gap, metric)] for row, gap, metric in _each(gaps)], 7)
    )
    parts.append(listed([*FIGURE, *_scales(gaps), *_missing(gaps)]))
    for row, gap, metric in _each(gaps):
        title = f"### {row}, {gap.kind}, {metric.upper()}: {gap.n[0]:,} medical questions, {gap.n[1]:,} COCO"
        parts += [title, _layers(gap, metric)]
    rules = [f"`{nulls.signature(donors='other-images')}`"] if any(_excess(gap) for _, gap, _ in _each(gaps)) else []
    return "\n\n".join([*parts, listed([*about(plan, runs), *rules])])


def figure_csv(gaps: Mapping[str, Sequence[Gaps]]) -> str:
    """Return one line per row, kind, metric and layer."""
    head = "row questions metric layer medical medical_low medical_high coco coco_low coco_high gap low high"
    head += " n_medical n_coco images_medical images_coco verdict"
    for name in ("excess_medical", "excess_coco", "excess_gap"):
        head += f" {name} {name}_low {name}_high"
    head += " excess_n_medical excess_n_coco excess_verdict strata_verdict"
    head += " standardised_gap standardised_low standardised_high standardised_verdict even_medical even_coco"
    rows: list[list[object]] = []
    for row, gap, metric in _each(gaps):
        for layer in range(gap.gap.mean.shape[1]):
            bands = [value for band in (gap.medical, gap.coco, gap.gap) for value in _cells(band, metric, layer)]
            numbers = [*bands, *gap.n, *gap.images, gap.gap.verdict(metric, layer)]
            rows.append([row, gap.kind, metric, layer, *numbers, *_excess_cells(gap, metric, layer)])
    return comma_separated(head.split(), rows)


def strata_csv(gaps: Mapping[str, Sequence[Gaps]]) -> str:
    """Return one line per row, kind, metric, layer and range of box sizes."""
    head = "row questions metric layer box_share n_medical n_coco images_medical images_coco weight"
    head += " excess_gap low high verdict"
    rows: list[list[object]] = []
    for row, gap, metric in _each(gaps):
        over = _excess(gap)
        for layer in range(gap.gap.mean.shape[1] if over else 0):
            signs = iter(over.signs_in_strata(metric, layer)) if over else iter(())
            for size in over.strata if over else ():
                cells = [None] * 3 if size.gap is None else _cells(size.gap, metric, layer)
                sign = None if size.gap is None else next(signs)
                verdict = UNKNOWN if sign is None else SAID[sign]
                rows.append(
                    [row, gap.kind, metric, layer, size.name, *size.n, *size.images, size.weight, *cells, verdict]
                )
    return comma_separated(head.split(), rows)


def _each(gaps: Mapping[str, Sequence[Gaps]]) -> Iterator[tuple[str, Gaps, str]]:
    return ((row, gap, metric) for row, kinds in gaps.items() for gap in kinds for metric in CLAIM)


def _excess(gap: Gaps) -> GapOnExcess | None:
    return None if isinstance(gap.on_excess, str) else gap.on_excess


def _counted(gap: Gaps, metric: str) -> list[str]:
    """Return the number of layers of each verdict, by each way to look."""
    layers, over = range(gap.gap.mean.shape[1]), _excess(gap)
    views = [gap.gap.verdict, *((over.verdict, over.verdict_in_strata, over.verdict_standardised) if over else ())]
    cells = []
    for view in views:
        outcomes = [view(metric, layer) for layer in layers]
        there = [outcome for outcome in (*SAID.values(), MIXED) if outcome in outcomes]
        cells.append(
            ", ".join(f"{outcome}: {outcomes.count(outcome)} of {len(layers)}" for outcome in there) or UNKNOWN
        )
    return cells + [_NONE] * (len(_VIEWS) - len(cells))


def _layers(gap: Gaps, metric: str) -> str:
    name, over = metric.upper(), _excess(gap)
    head = ["layer", f"{name} medical", "COCO", "raw gap [95% interval]", "raw verdict"]
    if over:
        head += ["excess medical", "COCO", "gap [simultaneous 95%]", "verdict", "within box sizes"]
        head += ["one size distribution [simultaneous 95%]", "verdict"]
    rows = []
    for layer in range(gap.gap.mean.shape[1]):
        cells = [str(layer), *_means((gap.medical, gap.coco), metric, layer), _shown(gap.gap, metric, layer)]
        cells.append(gap.gap.verdict(metric, layer))
        if over:
            cells += [*_means((over.medical, over.coco), metric, layer), _shown(over.gap, metric, layer)]
            cells += [over.verdict(metric, layer), _in_strata(over, metric, layer)]
            cells += ["-" if over.standardised is None else _shown(over.standardised, metric, layer)]
            cells.append(over.verdict_standardised(metric, layer))
        rows.append(cells)
    return markdown(head, rows, texts=0)


def _in_strata(over: GapOnExcess, metric: str, layer: int) -> str:
    signs, verdict = over.signs_in_strata(metric, layer), over.verdict_in_strata(metric, layer)
    agreeing = {SAID[1]: 1, SAID[-1]: -1}.get(verdict)
    return verdict if agreeing is None else f"{verdict} in {signs.count(agreeing)} of {len(signs)}"


def _cells(band: Band, metric: str, layer: int) -> list[float | None]:
    return [known(float(end[list(CLAIM).index(metric), layer])) for end in band]


def _excess_cells(gap: Gaps, metric: str, layer: int) -> list[object]:
    over = _excess(gap)
    if over is None:
        return [None] * 19
    bands = [value for band in (over.medical, over.coco, over.gap) for value in _cells(band, metric, layer)]
    one_size = [None] * 3 if over.standardised is None else _cells(over.standardised, metric, layer)
    return [
        *(*bands, *over.n, over.verdict(metric, layer), over.verdict_in_strata(metric, layer)),
        *(*one_size, over.verdict_standardised(metric, layer), *over.even[:, list(CLAIM).index(metric)]),
    ]


def _means(bands: Sequence[Band], metric: str, layer: int) -> list[str]:
    return [f"{band.mean[list(CLAIM).index(metric), layer]:.3f}" for band in bands]


def _shown(band: Band, metric: str, layer: int) -> str:
    value, low, high = (end[list(CLAIM).index(metric), layer] for end in band)
    return f"{value:+.3f} [{'one image' if isnan(low) else f'{low:+.3f}, {high:+.3f}'}]"


def _scales(gaps: Mapping[str, Sequence[Gaps]]) -> Iterator[str]:
    """Name the raw numbers that are not on one scale: the level of even attention beside each gap, and other grids."""
    grids = {}
    for row, kinds in gaps.items():
        for gap in kinds:
            if over := _excess(gap):
                first, second = over.even
                yield (
                    f"{row}, {gap.kind}: attention that is even over the image has KL {first[1]:.3f} on these medical boxes "
                    f"and {second[1]:.3f} on COCO's, JS {first[2]:.3f} and {second[2]:.3f}: a raw gap of "
                    f"{first[1] - second[1]:+.3f} and {first[2] - second[2]:+.3f} without any looking"
                )
                yield from _strata_note(row, gap.kind, over)
                grids[row] = {*over.grids[0], *over.grids[1]}
                if over.grids[0] != over.grids[1]:
                    yield (
                        f"{row}, {gap.kind}: medical images have grids of {_named({*over.grids[0]})}, COCO's of "
                        f"{_named({*over.grids[1]})}: their raw KL and JS are not on one scale"
                    )
    if len({frozenset(shapes) for shapes in grids.values()}) > 1:
        listed_grids = "; ".join(f"{row} {_named(shapes)}" for row, shapes in grids.items())
        yield (
            f"The rows have different grids of patches ({listed_grids}): their raw KL and JS are not on one scale, as a "
            "coarser grid has lower KL with the same look"
        )


def _strata_note(row: str, kind: str, over: GapOnExcess) -> Iterator[str]:
    sizes = ", ".join(
        f"{size.name} {size.n[0]} and {size.n[1]}{'' if size.gap else ' (left out)'}" for size in over.strata
    )
    first, second = over.covered
    yield (
        f"{row}, {kind}: questions by share of the image in the box, medical and COCO: {sizes}. Left out: fewer than "
        f"{FEWEST} images on a side. Compared within sizes: {100 * first:.0f}% and {100 * second:.0f}% of the questions"
    )


def _missing(gaps: Mapping[str, Sequence[Gaps]]) -> Iterator[str]:
    for row, kinds in gaps.items():
        for gap in kinds:
            if isinstance(gap.on_excess, str):
                yield f"{row}, {gap.kind}: no verdict on excess: {gap.on_excess}"


def _named(grids: set[tuple[int, int]]) -> str:
    first, *others = sorted(grids)
    more = f" and {len(others)} more" if others else ""
    return f"{first[0]} x {first[1]}{more}"
