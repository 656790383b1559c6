"""Read and edit attention. Only this package touches transformers' attention.

Example: `from lmms_vg.attention import Capture, Knockout, attend, install`.
"""

from __future__ import annotations

from lmms_vg.attention.edits import Capture, Edit, Knockout
from lmms_vg.attention.interface import attend, install

__all__ = ["Capture", "Edit", "Knockout", "attend", "install"]
