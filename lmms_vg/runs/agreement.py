"""What runs must have in common for their difference to be the method's: checked, or allowed to differ by name."""

from collections.abc import Collection, Iterator
from typing import Any

from lmms_vg._util.suggest import suggest
from lmms_vg.runs.results import Run

FIELDS = ("weights", "config", "tokenizer", "image_processor", "prompt", "dtype", "device", "batch_size")
"""Of a run's provenance: what would make a difference that is not the method's."""

ALLOWED = (*FIELDS, "questions")

NOTED = ("versions", "code", "geometry", "rows")
"""What may differ, and is said."""

_SHOWN = 12  # characters of a hash


def check_names(allowed: Collection[str]) -> None:
    """Errors: ValueError for what cannot be allowed to differ."""
    for name in allowed:
        if name == "rule":
            raise ValueError(
                "--allow rule: scores under two rules are two quantities, which have no difference; score both runs by one "
                "version of lmms_vg (the same command again takes its answers from the journal)"
            )
        if name not in ALLOWED:
            raise ValueError(
                f"--allow {name}: {suggest(name, ALLOWED)}What can be allowed to differ is {', '.join(ALLOWED)}"
            )


def agree(base: Run, others: list[Run], allowed: Collection[str] = ()) -> list[str]:
    """What has to be said beside a comparison: what was allowed, what else differs, and what could not be checked.

    Errors: ValueError if a run differs from the base in one of ``FIELDS`` that is not allowed; all such are named.
    """
    notes: list[str] = []
    for run in others:
        differing = [name for name in FIELDS if name in _differing(base, run)]
        refused = [name for name in differing if name not in allowed]
        if refused:
            said = "; ".join(
                f"{name} is {shown(run, name)}, but {shown(base, name)} in {base.path}" for name in refused
            )
            raise ValueError(
                f"{run.path}: {said}. The difference would not be the method's alone: run one of them again like the other, "
                f"or allow it by name: {' '.join(f'--allow {name}' for name in refused)}"
            )
        notes += [f"Allowed to differ: {name} {values}" for name, values in _both(base, run, differing)]
        noted = [name for name in NOTED if name in _differing(base, run)]
        notes += [f"Differs too: {name} {values}" for name, values in _both(base, run, noted)]
    for run in (base, *others) if others else ():
        if run.provenance is None:
            notes.append(f"Not checked: {run.label} does not say which weights, prompt, dtype or batch size it is of")
    return notes


def shared(run: Run) -> list[str]:
    """The methods that were answered together with this run's, its own included; empty where it ran alone."""
    return list((run.provenance or {}).get("shared") or ())


def _differing(base: Run, run: Run) -> list[str]:
    if base.provenance is None or run.provenance is None:
        return []
    return [name for name in (*FIELDS, *NOTED) if base.provenance.get(name) != run.provenance.get(name)]


def _both(base: Run, run: Run, names: list[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        first, second = _value(base, name), _value(run, name)
        if isinstance(first, dict) and isinstance(second, dict):  # versions
            keys = [key for key in first | second if first.get(key) != second.get(key)]
            one, two = (", ".join(f"{key} {of.get(key)}" for key in keys) for of in (first, second))
        else:
            one, two = shown(base, name), shown(run, name)
        yield name, f"({base.label}: {one}; {run.label}: {two})"


def _value(run: Run, name: str) -> Any:
    return (run.provenance or {}).get(name)


def shown(run: Run, name: str) -> str:
    value = str(_value(run, name))
    return value if len(value) <= _SHOWN or name in ("dtype", "device") else f"{value[:_SHOWN]}..."
