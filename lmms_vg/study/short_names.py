"""Short names of the data sets of a study. Nothing is imported here, so that a misspelt name is answered at once."""

#: Name -> its tasks.
from __future__ import annotations

DATA = {
    "vgmed": ("vgmed_localization", "vgmed_attribute"),
    "vgmed_coco": ("vgmed_coco_localization", "vgmed_coco_attribute"),
    "slake_grounded": ("slake_grounded_closed", "slake_grounded_open"),
    "demo": ("vgmed_demo",),
}
