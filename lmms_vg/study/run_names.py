"""The names of runs in the study."""

from __future__ import annotations

from lmms_vg.runs.results import Run


def model_of(run: Run) -> str:
    """Name the model of a run: its family and the last part of its checkpoint's name."""
    if run.provenance is None:
        return run.model
    pretrained = str((run.provenance.get("settings") or {}).get("pretrained") or "")
    return f"{run.provenance.get('family', '')} {pretrained.rstrip('/').rpartition('/')[2]}".strip()


def rows_of(run: Run) -> tuple[str, ...]:
    """Name the token rows whose attention a run measured, first the selection that its values are of."""
    provenance = run.provenance or {}
    return provenance.get("rows", "last"), *provenance.get("further_rows", ())


def method_of(run: Run, rows: str) -> str:
    """Name the method of a run: its label, and the token rows if they are not the paper's, the last."""
    return run.label if rows == "last" else f"{run.label}, rows={rows}"
