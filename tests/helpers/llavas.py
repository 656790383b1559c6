"""The families that take any LLaVA checkpoint; a family of one's own that derives from `Llava` is among them."""

from __future__ import annotations

from lmms_vg.models import FAMILIES, Family
from lmms_vg.models.llava import Llava

#: LLaVA-Med takes Mistral texts only, and has tests of its own.
LLAVAS: dict[str, type[Family]] = {
    name: family for name, family in FAMILIES.items() if issubclass(family, Llava) and name != "llava_med"
}
