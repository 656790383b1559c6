"""The study's findings as sentences that need no table: each with its interval, its layer, n, and what a blind look has."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import isnan

import numpy as np

from lmms_vg.metrics.statistics import Difference, holm, paired
from lmms_vg.runs.layer_choice import LayerChoice
from lmms_vg.runs.saying import LEVEL
from lmms_vg.runs.tidy_rows import Row
from lmms_vg.runs.units import plural
from lmms_vg.study.chosen_layer import chosen, plain_of
from lmms_vg.study.collect import StudiedTask
from lmms_vg.study.compared_tables import ComparedTables
from lmms_vg.study.image_band import band
from lmms_vg.study.page.compared_headlines import correct_headlines, gap_headlines, repeat_headlines, rows_shown
from lmms_vg.study.page.finding import TestedFinding, counted, times
from lmms_vg.study.page.input import Headline, Word
from lmms_vg.study.page.sides import short_name


def headlines(tasks: Sequence[StudiedTask], tables: ComparedTables) -> list[Headline]:
    """Say what is found of every task, method and pair of medical and natural tasks, of right answers, and of hidden boxes.

    A method is compared with its plain run. p-values are corrected (Holm) over all.

    Args:
        tasks: the tasks that are shown.
        tables: of all tasks of the study; rows of tasks that are not shown are left out.
    """
    short = {(task.model, task.method): short_name(task, tasks) for task in tasks}
    findings = [tested for task in tasks if (tested := _alone(task, tasks))]
    findings += [tested for task in tasks if (tested := _against(task, plain_of(task, tasks), tasks))]
    findings += gap_headlines(tables.gap.rows, short)
    findings += correct_headlines(tables.correct.rows, short)
    findings += [
        _needed(row, short[row["model"], row["method"]])
        for row in rows_shown(tables.necessity.rows, short)
        if row["quantity"] == "necessity"
    ]
    adjusted = holm({str(place): tested.p for place, tested in enumerate(findings)})
    judged = [Headline(tested.text, _word(tested, adjusted[str(place)])) for place, tested in enumerate(findings)]
    judged += repeat_headlines(tables.repeat.rows, short)
    return judged + [
        headline for task in tasks if not np.isfinite(task.excess["AR"]).any() and (headline := _placed(task, tasks))
    ]


def _needed(row: Row, name: str) -> TestedFinding:
    mean, low, high = (100 * row[end] for end in ("mean", "low", "high"))
    ends = "too few for an interval" if isnan(low) else f"95% interval {low:.0f} to {high:.0f}"
    text = (
        f"{name}, {row['task']}: filling the box changes {mean:.0f} percentage points more of the answers than filling a place "
        f"of its shape elsewhere ({ends}; {counted(row['n'], row['images'], row['unit'])}). 0 is what a model has that does "
        "not need the box."
    )
    return TestedFinding(text, row["mean"], row["p"], not isnan(low))


def _placed(task: StudiedTask, tasks: Sequence[StudiedTask]) -> Headline | None:
    """Return the headline on placement, which is no verdict, as all objects may be central.

    It stands in for the excess where there are too few other images.
    """
    layer = chosen(task, tasks)
    share = band(layer.of(task.values["placement"], task.units)[:, None], task.units)
    if not share.n:
        return None
    mean, low, high = (float(end[0]) for end in (share.mean, share.low, share.high))
    ends = "too few for an interval" if isnan(low) else f"95% interval {low:.2f} to {high:.2f}"
    where = _said(layer, task)
    text = (
        f"{short_name(task, tasks)}, {task.task}: in {where} the box holds more attention than {100 * mean:.0f}% of the "
        f"places of its shape ({ends}; {counted(share.n, share.images, task.unit)}). 50% is chance, but objects in the "
        "middle exceed it without being looked at, and there are too few images like these for the comparison that tells."
    )
    return Headline(text, "no verdict")


def _alone(task: StudiedTask, tasks: Sequence[StudiedTask]) -> TestedFinding | None:
    layer = chosen(task, tasks)
    excess = _excess(task, layer)
    if not excess:
        return None
    lead = paired(dict.fromkeys(excess, 0.0), excess, _units(task, excess))
    where = _said(layer, task)
    text = (
        f"{short_name(task, tasks)}, {task.task}: in {where} the box holds {_times(lead)} the attention that maps of "
        f"other images put on it ({_counted(task, excess)}). 1 is what a look has that cannot know the box."
    )
    return TestedFinding(text, lead.mean, lead.p, lead.has_interval).unless(task.hides_at(layer))


def _against(task: StudiedTask, plain: StudiedTask, tasks: Sequence[StudiedTask]) -> TestedFinding | None:
    if plain is task:
        return None
    layer = chosen(task, tasks)  # of a method, the layers of its plain run
    own, before = _excess(task, layer), _excess(plain, chosen(plain, tasks))
    both = [uid for uid in own if uid in before]
    if not both:
        return None
    lead = paired({uid: before[uid] for uid in both}, {uid: own[uid] for uid in both}, _units(task, both))
    where = _said(layer, task)
    text = (
        f"{short_name(task, tasks)} against {plain.method}, {task.task}: on the same questions, in {where}, the lead of "
        f"the box over other images is {_times(lead)} that of {plain.method} ({_counted(task, both)}). 1 is no difference."
    )
    return TestedFinding(text, lead.mean, lead.p, lead.has_interval).unless(
        task.hides_at(layer) or plain.hides_at(layer)
    )


def _said(layer: LayerChoice, task: StudiedTask) -> str:
    """Name the layer, and on what it was chosen."""
    rules = {"in-sample": "these same questions", "other half": f"the other half of the {plural(task.unit)}"}
    return f"layer {layer.said} (of lowest KL, chosen on {rules.get(layer.how, layer.how)})"


def _excess(task: StudiedTask, layer: LayerChoice) -> dict[str, float]:
    values = zip(task.questions, layer.of(task.excess["AR"], task.units), strict=True)
    return {question.uid: float(value) for question, value in values if np.isfinite(value)}


def _units(task: StudiedTask, uids: Collection[str]) -> dict[str, str]:
    chosen_uids = set(uids)
    return {question.uid: question.unit for question in task.questions if question.uid in chosen_uids}


def _counted(task: StudiedTask, uids: Collection[str]) -> str:
    return counted(len(uids), len(set(_units(task, uids).values())), task.unit)


def _times(difference: Difference) -> str:
    return times(difference.mean, difference.low, difference.high)


def _word(tested: TestedFinding, p: float) -> Word:
    if not tested.enough:
        return "no verdict"
    if p >= LEVEL:
        return "not shown"
    return "shown" if tested.mean > 0 else "opposite"
