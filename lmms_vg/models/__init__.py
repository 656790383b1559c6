"""Model families: load a checkpoint, render its prompt, prepare its images, locate the image tokens."""

from __future__ import annotations

from lmms_vg.extensions.classes import Classes
from lmms_vg.extensions.registered import families
from lmms_vg.models.base import Family, Prompt

#: Every registered family by the name it has in `<family>_<method>`.
FAMILIES: Classes[Family] = Classes(families, Family)

__all__ = ["FAMILIES", "Family", "Prompt"]
