"""Print where a run looked beside what a look has that cannot know the box."""

from __future__ import annotations

from lmms_vg.metrics import nulls
from lmms_vg.runs.comparison_cells import show_interval
from lmms_vg.runs.grounding import HIDDEN, SPOILED_WHY, Grounding, corrected
from lmms_vg.runs.map_looks import BETTER, Name
from lmms_vg.runs.text_tables import markdown, show_p

_HEAD = ("against other images", "layer", "measure", "n", "value", "other images", "excess", "95% interval", "p (Holm)")

ABOUT = (
    "other images: what maps of other images of the same grid and padding have on the same boxes, which is what a look has "
    "that cannot know the box; placement has .5 there. Shown: the excess is on the better side of 0 (above for log AR and "
    "placement, below for KL and JS), with p from sign flips of whole images, corrected over all lines. It shows a look that "
    "depends on the image, not that the question steers it. log AR: mean of logarithms, not the logarithm of the mean AR above"
)
_IN_SAMPLE = (
    "(in-sample): the layer was chosen as the one of lowest mean KL on these same questions, so its KL is flattered; name one "
    "that was chosen elsewhere with --layer"
)
_HIDDEN = f"{HIDDEN}: {SPOILED_WHY}"


def grounding_parts(results: dict[str, Grounding | str]) -> list[str]:
    """Return the table and its notes; why a task has no such numbers, where it has none."""
    found = {task: result for task, result in results.items() if isinstance(result, Grounding)}
    parts = []
    if found:
        adjusted = corrected(found)
        rows = [cells for task, result in found.items() for cells in _rows(task, result, adjusted[task])]
        parts = [markdown([*_HEAD, "look"], rows, texts=3), ABOUT]
        parts += [_IN_SAMPLE] if any(result.in_sample for result in found.values()) else []
        parts += [_HIDDEN] if any(result.hidden for result in found.values()) else []
    parts += [
        f"{task}: {result.asked} questions were asked; the others have no map, fewer than five other images like theirs, "
        "or a box with fewer than five places"
        for task, result in found.items()
        if len(result.looked) < len(BETTER) or any(one.n < result.asked for one in result.looked.values())
    ]
    missing = {task: reason for task, reason in results.items() if isinstance(reason, str)}
    return parts + [f"No excess over other images for {task}: {reason}" for task, reason in missing.items()]


def grounding_rules(results: dict[str, Grounding | str]) -> list[str]:
    """Return the signature of what the table holds."""
    found = any(isinstance(result, Grounding) for result in results.values())
    return [nulls.signature(donors="other-images")] if found else []


def _rows(task: str, result: Grounding, adjusted: dict[Name, float]) -> list[list[str]]:
    verdicts = result.verdicts(adjusted)
    layer = f"{result.layer} (in-sample)" if result.in_sample else str(result.layer)
    return [
        [
            *(task, layer, name, str(one.n), f"{one.value:.4f}", f"{one.level:.4f}", f"{one.excess.mean:+.4f}"),
            show_interval(one.excess, 1, 4),
            show_p(adjusted[name]),
            verdicts[name],
        ]
        for name, one in result.looked.items()
    ]
