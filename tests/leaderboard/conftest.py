"""What the tests of this folder share lies beside them, and beside those of submissions."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.with_name("submission"))]
