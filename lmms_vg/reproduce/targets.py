"""All targets: rows of the paper's tables and of its figures of attention, as checkpoints and methods.

Rows have their names in `paper/published.json`. Hyper-parameters are those that the paper states (Supplement L). The paper
prints none for the other methods of Table F.4, so they run with our defaults (`lmms-vg methods NAME` names their sources); if
the authors' own command has other values, a separate row runs them.
"""

from __future__ import annotations

from lmms_vg.reproduce.figure_targets import FIGURES
from lmms_vg.reproduce.table_targets import TABLES

TARGETS = TABLES | FIGURES

#: Kind of question -> the task on medical images and the task on COCO images (Figures 3 and Q.26).
FIGURE = {
    "localization": ("vgmed_localization", "vgmed_coco_localization"),
    "attribute": ("vgmed_attribute", "vgmed_coco_attribute"),
}
