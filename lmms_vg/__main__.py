"""`python -m lmms_vg` is `lmms-vg`; torchrun needs a module: `torchrun -m lmms_vg run ...`."""

import sys

from lmms_vg.cli.main import main

sys.exit(main())
