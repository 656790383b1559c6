"""Check that runs differ in their method only; any other difference must be allowed by name."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from lmms_vg._util.suggest import suggest
from lmms_vg.runs.results import Run

#: Fields of the provenance that must agree, because they could change results as the method does.
FIELDS = ("weights", "config", "tokenizer", "image_processor", "prompt", "options", "dtype", "device", "batch_size")

#: The circumstances that can be allowed to differ.
ALLOWED = (*FIELDS, "questions")

#: Fields that may differ; a difference is noted.
NOTED = ("versions", "code", "geometry", "rows", "sampling_seed")

_SHOWN = 12  # characters of a hash


def check_names(allowed: Collection[str]) -> None:
    """Check the names given to `--allow`.

    Raises:
        ValueError: A name is not in `ALLOWED`.
    """
    for name in allowed:
        if name == "rule":
            raise ValueError(
                "--allow rule: scores under two rules are different quantities and cannot be compared; score both runs "
                "with one version of lmms_vg (the same command takes its answers from the journal)"
            )
        if name not in ALLOWED:
            raise ValueError(
                f"--allow {name}: {suggest(name, ALLOWED)}What can be allowed to differ is {', '.join(ALLOWED)}"
            )


def agree(base: Run, others: list[Run], allowed: Collection[str] = ()) -> list[str]:
    """Check that runs differ from the base in their method only.

    Returns:
        Notes for the comparison: what was allowed to differ, what else differs, and what could not be checked.

    Raises:
        ValueError: A run differs from the base in fields of `FIELDS` that are not allowed; all of them are named.
    """
    notes: list[str] = []
    for run in others:
        unlike = [name for name in FIELDS if name in differing(base, run)]
        refused = [name for name in unlike if name not in allowed]
        if refused:
            differences = "; ".join(
                f"{name} is {shown(run, name)}, but {shown(base, name)} in {base.path}" for name in refused
            )
            raise ValueError(
                f"{run.path}: {differences}. Results would not differ by the method alone: run one of them again like the "
                f"other, or allow it by name: {' '.join(f'--allow {name}' for name in refused)}"
            )
        notes += [f"Allowed to differ: {name} {values}" for name, values in _both(base, run, unlike)]
        further = [name for name in NOTED if name in differing(base, run)]
        notes += [f"Differs too: {name} {values}" for name, values in _both(base, run, further)]
    for run in (base, *others) if others else ():
        if run.provenance is None:
            notes.append(f"Not checked: {run.label} does not state its weights, prompt, dtype and batch size")
    return notes


def shared(run: Run) -> list[str]:
    """Methods that were run together with this run's method, including it; empty if it ran alone."""
    return list((run.provenance or {}).get("shared") or ())


def differing(base: Run, run: Run) -> list[str]:
    """Names of the fields in which two runs differ; none if one of them states nothing."""
    if base.provenance is None or run.provenance is None:
        return []
    return [name for name in (*FIELDS, *NOTED) if base.provenance.get(name) != run.provenance.get(name)]


def _both(base: Run, run: Run, names: list[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        first, second = _value(base, name), _value(run, name)
        if isinstance(first, dict) and isinstance(second, dict):  # versions
            keys = [key for key in first | second if first.get(key) != second.get(key)]
            texts = [", ".join(f"{key} {values.get(key)}" for key in keys) for values in (first, second)]
        else:
            texts = [shown(base, name), shown(run, name)]
        yield name, f"({base.label}: {texts[0]}; {run.label}: {texts[1]})"


def _value(run: Run, name: str) -> Any:
    return (run.provenance or {}).get(name)


def shown(run: Run, name: str) -> str:
    """Return a field of the provenance as text; hashes are shortened."""
    field = _value(run, name)
    if isinstance(field, dict):
        return ", ".join(f"{key}={part}" for key, part in field.items()) or "none"
    value = str(field)
    return value if len(value) <= _SHOWN or name in ("dtype", "device") else f"{value[:_SHOWN]}..."
