"""Model families: load a checkpoint, render its prompt, prepare its images, locate the image tokens."""

from lmms_vg.models.base import Family, Prompt
from lmms_vg.models.huatuo import Huatuo
from lmms_vg.models.llava import Llava

#: Every family by the name it has in `<family>_<method>`.
FAMILIES: dict[str, type[Family]] = {family.name: family for family in (Huatuo, Llava)}

__all__ = ["FAMILIES", "Family", "Prompt"]
