"""Methods: what is done to a model's attention while it answers. One published method a file."""

from lmms_vg.extensions.classes import Classes
from lmms_vg.extensions.registered import methods
from lmms_vg.methods.base import Method, not_frozen

#: Every registered method by the name it has in `<family>_<method>`.
METHODS: Classes[Method] = Classes(methods, Method, not_frozen)

__all__ = ["METHODS", "Method"]
