"""The pixels of a prompt's images, as one argument of the transformers model."""

from __future__ import annotations

import torch
from torch import Tensor

from lmms_vg.models import Prompt


def pixels_of(prompt: Prompt) -> Tensor:
    """Input of the vision tower for all images, (I, ...)."""
    return torch.cat([image.pixels for image in prompt.images])
