"""Compare runs on the same questions: differences with intervals, and tests corrected for their number.

Questions about one image are not independent, so the p-value to use is that of sign flips of whole images. McNemar's exact
test treats questions as independent; it is shown too, because papers report it. Each is corrected (Holm) over all lines of
the table, and the first over all settings that are known to have been tried on these questions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from lmms_vg.metrics import chance, decomposition, forced_choice, nulls, signal_detection
from lmms_vg.metrics.statistics import signature
from lmms_vg.runs import pairing
from lmms_vg.runs.agreement import agree, check_names
from lmms_vg.runs.bases import base_of
from lmms_vg.runs.batches import batch_notes
from lmms_vg.runs.caveats import failure_notes, overlap_notes
from lmms_vg.runs.chance_rows import chance_rows
from lmms_vg.runs.compared_line import RESAMPLES, against, corrected, line_of
from lmms_vg.runs.comparison import Comparison, ComparisonLine
from lmms_vg.runs.controls import Contrast, averaged, contrasts
from lmms_vg.runs.grounding_changes import look_changes
from lmms_vg.runs.group_weights import weights
from lmms_vg.runs.image_control_lines import image_control_lines
from lmms_vg.runs.repeated import repeated, settings
from lmms_vg.runs.repeated_changes import repeated_changes
from lmms_vg.runs.results import Run
from lmms_vg.runs.roles import reads_references
from lmms_vg.runs.settings_tried import settings_tried
from lmms_vg.runs.units import Unit, check_unit, drawn_as

__all__ = ["RESAMPLES", "compare"]


def compare(
    runs: list[Run], allowed: Collection[str] = (), *, base: str = "", unit: Unit = "image", layer: int | None = None
) -> Comparison:
    """Compare runs on every task and group of the base, and methods with their controls.

    Runs whose questions were changed by a control are compared with their own run without it only, and apart.

    Without a name, the base is the first plain run, or else the first run. A single run has no differences.

    Args:
        runs: The runs, in the order of the table's rows.
        allowed: What may differ besides the method (`agreement.ALLOWED`).
        base: Label, method, or folder (name or path) of the run that the others are compared with.
        unit: What is drawn as a whole.
        layer: Where attention is compared; by default, for each task, the base's layer of lowest mean KL.

    Raises:
        ValueError: A run is restricted, is given twice or has nothing in common with the base, runs differ in what is not
            allowed, baselines contradict each other, or questions do not tell their unit.
    """
    check_names(allowed)
    check_unit(unit)
    _check(runs)
    controlled = [run for run in runs if run.control]
    runs = _told_apart([run for run in runs if not run.control])
    if not runs:
        raise ValueError(
            f"{controlled[0].path} is {controlled[0].label}, and no run is without a control; name this run without it, too"
        )
    first = base_of(runs, base)
    others = [run for run in runs if run is not first]
    notes = [*agree(first, others, allowed), *batch_notes(runs, first)]
    names = _names(first, others)
    tasks = list(dict.fromkeys(task for members in names.values() for task in members))
    pairs, more = pairing.common(first, others, tasks, allowed)
    groups = {name: shares for name, members in names.items() if (shares := weights(members))}
    lines = [(run, name) for run in runs for name in names if _has(run, first, name, names[name])]
    direct = [
        (contrast, name)
        for contrast in contrasts(runs, first)
        for name in names
        if all(_has(run, first, name, names[name]) for run in (contrast.run, *contrast.draws))
    ]
    tried, forks = settings_tried(first, others, tasks) if others else (0, "")
    one_of_each = [group[0] for group in settings(runs) if all(run is not first for run in group)]
    drawn = drawn_as(pairs.values(), unit)
    family = max(sum(run is not first for run, _ in lines), tried * len(names)) + len(direct)

    def line(run: Run, name: str, contrast: Contrast | None = None) -> ComparisonLine:
        after = [pairs[run.path, task] for task in names[name]]
        result = line_of(run, name, after, groups.get(name))
        if run is first:
            return result
        before = [averaged(contrast.draws if contrast else [first], task, pairs) for task in names[name]]
        tested = against(before, after, groups.get(name), unit, family)
        return result._replace(against=tested, control=contrast.label if contrast else "")

    against_base = [line(run, name) for run, name in lines]
    against_controls = [line(contrast.run, name, contrast) for contrast, name in direct]
    results = corrected([*against_base, *against_controls], family)
    of_base = {name: [pairs[first.path, task] for task in members] for name, members in names.items()}
    chances = chance_rows({name: parts for name, parts in of_base.items() if name not in groups})
    notes += [*_remarks(runs), *filter(None, [forks]), *more, *failure_notes(runs, tasks), *overlap_notes(of_base)]
    controls = image_control_lines(runs, controlled, first, unit)
    looks, without = look_changes(first, others, layer)
    if not (lines or looks or controls):
        raise _nothing(first, others, others, without)
    notes += [*(f"`{run.path.name}`: {note}" for run in runs for note in run.notes), *without]
    notes += _skipped(first, others, {(change.run.path, change.task) for change in looks})
    tried_repeated = settings_tried(first, one_of_each, tasks)[0] if one_of_each else 0
    return Comparison(
        runs=runs,
        base=first,
        lines=results[: len(against_base)],
        pooled=frozenset(name for name in names if name not in first.tasks and name not in groups),
        notes=list(dict.fromkeys(notes)),
        rules=_rules(results, bool(chances), drawn, bool(controls))
        + ([nulls.signature(donors="other-images")] if looks else []),
        allowed=tuple(allowed),
        weighted=frozenset(groups),
        contrasts=results[len(against_base) :],
        chance=chances,
        unit=drawn,
        family=family,
        controls=controls,
        repeated=repeated(runs, names, pairs, unit, groups),
        looks=looks,
        repeated_changes=repeated_changes(runs, first, names, pairs, unit, groups, tried_repeated),
    )


def _remarks(runs: Sequence[Run]) -> Iterator[str]:
    """Yield what readers must know of single runs: their quantization, leaks, and references that they read."""
    yield from (f"Quantised weights: {run.label}: {run.quantized}" for run in runs if run.quantized)
    yield from (f"Leak: {run.label}: {run.leak}" for run in runs if run.leak)
    for run in runs:
        if reads_references(run.name):
            yield f"{run.label} reads the reference boxes of the questions that it answers: an upper bound, not a method"


def _rules(lines: Sequence[ComparisonLine], chances: bool, unit: str, controls: bool) -> list[str]:
    tested = [line.against for line in lines if line.against is not None]
    rules = sorted({line.rule for line in lines})
    rules += [signature(unit=unit, resamples=RESAMPLES)] if tested or controls else []
    rules += [decomposition.signature()] if any(entry.change for entry in tested) else []
    rules += [signal_detection.signature(unit)] if any(line.said and line.said.detection for line in lines) else []
    rules += [forced_choice.signature(unit)] if any(line.forced and line.forced.n for line in lines) else []
    return rules + ([chance.signature()] if chances else [])


def _check(runs: list[Run]) -> None:
    for number, run in enumerate(runs):
        if run.restricted:
            raise ValueError(
                f"{run.path} was run with {run.restricted}, so its numbers do not stand for their benchmarks and are "
                "not compared; run it again without that"
            )
        if any(run.path.resolve() == other.path.resolve() for other in runs[:number]):
            raise ValueError(
                f"{run.path} is compared with itself; name another run, by its folder or its *_results.json"
            )


def _told_apart(runs: list[Run]) -> list[Run]:
    labels = [run.label for run in runs]
    return [
        replace(run, number=labels[: place + 1].count(run.label)) if labels.count(run.label) > 1 else run
        for place, run in enumerate(runs)
    ]


def _names(base: Run, others: list[Run]) -> dict[str, list[str]]:
    """Task or group -> its tasks. A group of closed and open questions has no common metric, so it has no mean."""
    candidates = {name: [name] for name in base.tasks} | base.groups
    names = {
        name: members
        for name, members in candidates.items()
        if len({base.tasks[task].metric for task in members}) == 1
        and (not others or any(_has(run, base, name, members) for run in others))
    }
    lonely = [
        run
        for run in others
        if not any(_has(run, base, *entry) for entry in names.items()) and not {*run.measured} & {*base.measured}
    ]
    if lonely or not (names or others):
        raise _nothing(base, lonely, others)
    return names


def _nothing(base: Run, lonely: Sequence[Run], others: Sequence[Run], why: Sequence[str] = ()) -> ValueError:
    has = "; ".join(f"{run.path} has {_all(run)}" for run in (base, *lonely[:1]))
    common = "in common " if others else ""
    return ValueError(f"{has}: nothing {common}that has scores of questions{''.join(f'. {reason}' for reason in why)}")


def _has(run: Run, base: Run, name: str, members: list[str]) -> bool:
    return run is base or (name in run.tasks if name in base.tasks else run.groups.get(name) == members)


def _all(run: Run) -> str:
    return ", ".join([*run.tasks, *run.measured, *run.left_out])


def _skipped(base: Run, others: list[Run], looked: Collection[tuple[Path, str]]) -> list[str]:
    """Return one note per run: tasks that only one of the two runs has, and tasks without scores of questions."""
    notes = []
    for run in others:
        first, second = ({*side.tasks, *side.measured, *side.left_out} for side in (base, run))
        names = []
        for task in [*base.tasks, *base.measured, *base.left_out, *sorted(second - first)]:
            if task not in first & second:
                names.append(f"{task} (in one of the runs only)")
            elif (run.path, task) in looked:
                continue
            elif task in base.measured:
                names.append(f"{task} (ar, kl, js, best_layer: each run has its own layer, see its report)")
            elif task not in base.tasks or task not in run.tasks:
                names.append(f"{task} (no scores of single questions)")
        if names:
            notes.append(f"Not compared with {run.label}: {', '.join(names)}")
    return notes
