"""Methods: edits of a model's attention while it answers. One method per file."""

from __future__ import annotations

from lmms_vg.extensions.classes import Classes
from lmms_vg.extensions.registered import methods
from lmms_vg.methods.base import Method, not_frozen

#: Every registered method by its name in `<family>_<method>`.
METHODS: Classes[Method] = Classes(methods, Method, not_frozen)

__all__ = ["METHODS", "Method"]
