"""Reading and editing attention: the only place that touches transformers' attention.

from lmms_vg.attention import Capture, Knockout, attend, install
"""

from lmms_vg.attention.edits import Capture, Edit, Knockout
from lmms_vg.attention.interface import attend, install

__all__ = ["Capture", "Edit", "Knockout", "attend", "install"]
