"""The files to download, and the files that are here already."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from huggingface_hub import snapshot_download

from lmms_vg.metrics.bertscore_settings import BertScoreSettings
from lmms_vg.models.checkpoint import locate
from lmms_vg.reproduce.checkpoints import Checkpoint
from lmms_vg.tasks.catalogue import sets_of, size_here, status_of

#: Size of a bfloat16 weight.
BYTES = 2


def datasets(tasks: Collection[str]) -> Iterator[str]:
    """Yield the lines of `lmms-vg data status` on the data sets of these tasks, without other tasks. Nothing is downloaded."""
    specs = {spec.name: spec for task in tasks for spec in sets_of(task)}
    for spec in specs.values():
        yield from status_of(spec).lines(tasks)


def checkpoint(model: Checkpoint) -> str:
    """Return one line about a checkpoint: its size, and what the hub's cache holds of its weights."""
    gigabytes, billions = BYTES * model.billions, model.billions
    size = (
        f"about {sized(gigabytes, 2)} ({BYTES} bytes x {billions:.3g} billion parameters)"
        if billions
        else "size not known"
    )
    return _weights(model.pretrained, size, "*.safetensors")


def sized(gigabytes: float, digits: int = 3) -> str:
    """Return a size as text; in megabytes below a tenth of a gigabyte, as of checkpoints for trials.

    >>> sized(14.2), sized(0.00167, 2)
    ('14.2 GB', '1.7 MB')
    """
    return f"{gigabytes:.{digits}g} GB" if gigabytes >= 0.1 else f"{1000 * gigabytes:.{digits}g} MB"


def bertscore() -> str:
    """Return one line about BERTScore's model."""
    model = BertScoreSettings.from_environment().model
    size = "about 0.4 GB" if model == BertScoreSettings().model else "size not known"
    return _weights(model, f"for BERTScore, {size}", "*")


def _weights(model: str, about: str, pattern: str) -> str:
    try:
        place = Path(locate(model))  # of "demo", the folder that comes along
        folder = place if place.is_dir() else Path(snapshot_download(model, local_files_only=True))
    except OSError:  # not there
        here = None
    else:
        here = size_here(folder, pattern)
    return f"{model}: {about}, {here or f'MISSING; get it with: hf download {model}'}"
