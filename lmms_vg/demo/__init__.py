"""A tiny LLaVA that really grounds: its phantom images, its training and its weights (``pretrained=demo``)."""

from pathlib import Path

WEIGHTS = Path(__file__).parent / "weights"
"""Directory of the trained model, in the layout ``from_pretrained`` reads."""
