"""The identity of runs that become one submission: what must agree, and what may differ."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lmms_vg.extensions.registered import model_ids
from lmms_vg.journal.provenance import COMPUTING
from lmms_vg.runs.results import Run
from lmms_vg.submission.declaration import declaration, same_model
from lmms_vg.submission.findings import Finding, rejected

#: Fields of a run's identity that may differ between its parts.
_APART = {"settings", "shared", "leaks", "commit", "default_settings"}
_SEEDS = ("random_seed", "numpy_seed", "torch_seed", "fewshot_seed")


def conflicts(runs: list[Run]) -> Iterator[Finding]:
    """Yield every reason why these runs do not make one submission."""
    for run in runs:
        yield from _alone(run)
    yield from _together(runs)


def identity(runs: list[Run]) -> dict[str, Any]:
    """Return a manifest's `run` or, for models that are not ours, `declared`, under its name.

    Raises:
        Rejected: a run of another model does not say when it started (`provenance`).
    """
    records = [run.provenance for run in runs if run.provenance is not None]
    return {"run": _joined(records)} if records else {"declared": declaration(runs).model_dump()}


def _joined(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Join what may differ between parts."""
    commits = sorted({str(record["commit"]) for record in records if record.get("commit")})
    joined = records[0] | {"commit": " and ".join(commits) or None}
    for name in ("shared", "leaks"):
        joined[name] = sorted({value for record in records for value in record.get(name) or ()})
    settings = [record.get("settings", {}) for record in records]
    names = sorted({name for values in settings for name in values})
    return joined | {"settings": {name: _agreed([values.get(name) for values in settings]) for name in names}}


def seeds(runs: list[Run]) -> dict[str, int | None]:
    """Return lmms-eval's seeds.

    Raises:
        Rejected: the runs were started with different seeds (`mixed`).
    """
    configs = [json.loads(run.path.read_text(encoding="utf-8"))["config"] for run in runs]
    stated = [{name: config.get(name) for name in _SEEDS} for config in configs]
    if any(values != stated[0] for values in stated):
        raise rejected("mixed", "seeds", "the runs were started with different --seed")
    return stated[0]


def _alone(run: Run) -> Iterator[Finding]:
    if run.restricted:
        yield Finding("restricted", run.path.name, f"was run with {run.restricted}; run it again without")
    if run.provenance is None and run.name in model_ids():
        yield Finding(
            "provenance", run.path.name, f"{run.model} did not sign its results; run it again with this version"
        )


def _together(runs: list[Run]) -> Iterator[Finding]:
    first, *others = runs
    for run in others:
        if (first.provenance is None) is not (run.provenance is None):
            yield Finding("mixed", str(run.path), f"is of {run.model}, but {first.path} of {first.model}")
            continue
        if first.provenance is None and not same_model(first, run):
            yield Finding(
                "mixed",
                str(run.path),
                f"is of {run.model}, but {first.path} of {first.model}; a bundle holds one model with one set of arguments",
            )
        for name in sorted((first.provenance or {}).keys() | (run.provenance or {}).keys()):
            value, other = (_bearing(source, name) for source in (first, run))
            if name not in _APART and value != other:
                other, value = (run.label, first.label) if name == "method" else (other, value)
                message = f"{name} is {str(other)[:80]}, but {str(value)[:80]} in {first.path}"
                yield Finding(
                    "mixed",
                    str(run.path),
                    f"{message}; a bundle holds one model with one method: name a folder after -o "
                    "instead of a .zip, and each method gets its own bundle",
                )


def _bearing(run: Run, name: str) -> Any:
    """Return a value of a run's provenance as far as it can change answers: of versions, those of libraries that compute."""
    value = (run.provenance or {}).get(name)
    if name == "versions" and isinstance(value, dict):
        return {library: value.get(library) for library in COMPUTING}
    return value


def _agreed(values: list[Any]) -> Any:
    """Return one value for a setting; parts may differ in settings that do not change answers, such as the name of a folder."""
    same = all(value == values[0] for value in values)
    return values[0] if same else " and ".join(sorted({str(value) for value in values}))
