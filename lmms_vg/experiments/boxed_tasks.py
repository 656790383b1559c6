"""Names of the tasks whose questions have boxes, apart from what reads them, which takes seconds to import."""

#: Tasks whose questions have boxes: allowed for `--data` and `--task`.
from __future__ import annotations

BOXED_TASKS = (
    "vgmed_demo",
    "demo_calibration",  # not a task of lmms-eval: phantoms of no demo task, to rank heads without leakage
    "vgmed_localization",
    "vgmed_attribute",
    "vgmed_coco_localization",
    "vgmed_coco_attribute",
)

#: Short names of some of them for `--data`.
CALIBRATION = {"coco": "vgmed_coco_localization", "vgmed": "vgmed_localization", "demo": "demo_calibration"}
