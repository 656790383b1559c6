"""Print which regions maps name, beside what an even look names."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan

from lmms_vg.metrics.statistics import Interval
from lmms_vg.runs.comparison_cells import too_few
from lmms_vg.runs.grounding import Grounding
from lmms_vg.runs.text_tables import markdown
from lmms_vg.runs.units import plural, together

_HEAD = ("regions that maps name", "layer", "measure", "n", "value", "95% interval", "even look")

_ABOUT = (
    "named boxes: around the peaks of a map (at or above the .9 quantile, MedFocus's rule on patches), their union against "
    "the place. pointing: is the highest patch in the place. mass in box: the share of the attention there. AUROC, AUPRC: "
    "how patches of the place rank among those of the image. A place is the patches that its boxes, or its mask, touch. "
    "even look: attention that is even over the image. Intervals draw whole {units}. No verdict: attention that prefers "
    "the middle is above an even look on places in the middle without seeing them; what is judged is the excess over other "
    "images"
)


def region_parts(results: Mapping[str, Grounding | str]) -> list[str]:
    """Return the table and what its rows mean; nothing where no task has maps."""
    groundings = {task: result for task, result in results.items() if isinstance(result, Grounding) and result.regions}
    if not groundings:
        return []
    rows = [
        [task, str(result.choice), name, str(mean.n), f"{mean.value:.4f}", _ends(mean.interval), f"{mean.even:.4f}"]
        for task, result in groundings.items()
        for name, mean in result.regions.items()
    ]
    units = plural(together(result.unit for result in groundings.values()))
    return [markdown(_HEAD, rows, texts=3), _ABOUT.format(units=units)]


def _ends(interval: Interval) -> str:
    return too_few() if isnan(interval.low) else f"{interval.low:.4f} to {interval.high:.4f}"
