"""How runs are named in the study."""

from __future__ import annotations

from lmms_vg.runs.results import Run


def model_of(run: Run) -> str:
    """Name the model of a run: its family and the last part of its checkpoint's name."""
    if run.provenance is None:
        return run.model
    pretrained = str((run.provenance.get("settings") or {}).get("pretrained") or "")
    return f"{run.provenance.get('family', '')} {pretrained.rstrip('/').rpartition('/')[2]}".strip()


def method_of(run: Run) -> str:
    """Name the method of a run: its label, and the token rows that were watched if they are not the paper's, the last."""
    rows = (run.provenance or {}).get("rows", "last")
    return run.label if rows == "last" else f"{run.label}, rows={rows}"
