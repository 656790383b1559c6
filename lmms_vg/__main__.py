"""`python -m lmms_vg` is `lmms-vg`; torchrun needs a module: `torchrun -m lmms_vg run ...`."""

from __future__ import annotations

import sys

from lmms_vg.cli.main import main

sys.exit(main())
