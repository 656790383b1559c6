"""A tiny LLaVA that really grounds: its phantom images, training and weights (`pretrained=demo`)."""

from __future__ import annotations

from pathlib import Path

#: Folder of the trained model, for `from_pretrained`.
WEIGHTS = Path(__file__).parent / "weights"
