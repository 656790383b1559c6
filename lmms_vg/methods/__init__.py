"""Methods: what is done to a model's attention while it answers. One published method a file."""

from lmms_vg.methods.base import Method
from lmms_vg.methods.plain import Plain
from lmms_vg.methods.vgrefine import VGRefine

#: Every method by the name it has in `<family>_<method>`.
METHODS: dict[str, type[Method]] = {method.name: method for method in (Plain, VGRefine)}

__all__ = ["METHODS", "Method", "Plain", "VGRefine"]
