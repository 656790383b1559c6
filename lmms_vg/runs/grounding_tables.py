"""Print where a run looked beside what a look has that cannot know the box."""

from __future__ import annotations

from math import isnan

from lmms_vg.metrics import nulls
from lmms_vg.metrics.statistics import Difference
from lmms_vg.runs.comparison_cells import show_interval
from lmms_vg.runs.grounding import HIDDEN, SPOILED_WHY, Grounding, corrected
from lmms_vg.runs.map_looks import BETTER, Name
from lmms_vg.runs.text_tables import markdown, show_p
from lmms_vg.runs.units import plural, together

_HEAD = (
    *("against other images", "layer", "measure", "n", "value", "even look", "other images", "excess", "95% interval"),
    *("p (Holm)", "look", "over other questions", "95% interval", "n"),
)

ABOUT = (
    "other images: what maps of other images of the same grid and padding have on the same boxes, which is what a look "
    "has that cannot know the box; placement has .5 there. Shown: the excess is on the better side of 0 (above for log AR "
    "and placement, below for KL and JS), with p from sign flips of whole {units}, corrected over all lines with a "
    "verdict. It shows a look that depends on the image, not that the question steers it. log AR: mean of logarithms, not "
    "the logarithm of the mean AR above. even look: attention that is even over the image. over other questions: value "
    "minus what maps of the other questions about the same image have on this box, where there are such questions with "
    "boxes elsewhere; 0 if the question changes nothing. AR by windows: attention in the box over the mean of all places "
    "of its shape in the image, as AR's first authors compute it; 1 is chance, and it has no verdict"
)
_IN_SAMPLE = (
    "(in-sample): the layer was chosen as the one of lowest mean KL on these same questions, so its KL is flattered; name one "
    "that was chosen elsewhere with --layer"
)
_OTHER_HALF = (
    "(other half): {units} fall into two halves by a hash of their names, and the layer of each half is the one of lowest mean "
    "KL on the other"
)
_OF_OTHERS = " of other patients"
_HIDDEN = f"{HIDDEN}: {SPOILED_WHY}"


def grounding_parts(results: dict[str, Grounding | str]) -> list[str]:
    """Return the table and its notes; why a task has no such numbers, where it has none."""
    groundings = {task: result for task, result in results.items() if isinstance(result, Grounding)}
    parts = []
    if groundings:
        adjusted = corrected(groundings)
        units = plural(together(result.unit for result in groundings.values()))
        rows = [cells for task, result in groundings.items() for cells in _rows(task, result, adjusted[task])]
        parts = [markdown(_HEAD, rows, texts=3), ABOUT.format(units=units)]
        parts += [_IN_SAMPLE] if any(result.choice.in_sample for result in groundings.values()) else []
        parts += (
            [_OTHER_HALF.format(units=units)]
            if any(result.choice.how == "other half" for result in groundings.values())
            else []
        )
        parts += [_HIDDEN] if any(result.hidden for result in groundings.values()) else []
    parts += [
        f"{task}: {result.asked} questions were asked; the others have no map, fewer than five other images like "
        f"theirs{_OF_OTHERS * (result.unit != 'image')}, "
        "or a box with fewer than five places"
        for task, result in groundings.items()
        if len(result.looked) < len(BETTER) or any(look.n < result.asked for look in result.looked.values())
    ]
    missing = {task: reason for task, reason in results.items() if isinstance(reason, str)}
    return parts + [f"No excess over other images for {task}: {reason}" for task, reason in missing.items()]


def grounding_rules(results: dict[str, Grounding | str]) -> list[str]:
    """Return the signature of what the table holds."""
    known = any(isinstance(result, Grounding) for result in results.values())
    return [nulls.signature(donors=name) for name in ("other-images", "same-image")] if known else []


def _rows(task: str, result: Grounding, adjusted: dict[Name, float]) -> list[list[str]]:
    verdicts = result.verdicts(adjusted)
    rows = [
        [
            *(task, str(result.choice), name, str(look.n), f"{look.value:.4f}", f"{look.even:.4f}"),
            *(
                "" if isnan(look.level) else f"{look.level:.4f}",
                *_shown(look.excess, result.unit),
                show_p(adjusted[name]),
            ),
            *(verdicts[name], *_shown(look.over_questions, result.unit), str(look.n_questions or "")),
        ]
        for name, look in result.looked.items()
    ]
    if not isnan(result.ar_window):
        places = str(result.looked["placement"].n)
        rows.append([task, str(result.choice), "AR by windows", places, f"{result.ar_window:.4f}", "1.0000", *[""] * 8])
    return rows


def _shown(excess: Difference | None, unit: str) -> tuple[str, str]:
    return ("", "") if excess is None else (f"{excess.mean:+.4f}", show_interval(excess, 1, 4, unit))
