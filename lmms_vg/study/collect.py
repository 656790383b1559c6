"""Collect finished runs for the study: every question, its values at every layer, and its maps.

What a run leaves decides what there is:

| the run | what is there |
|---|---|
| of this version, its journal on this machine | everything |
| of a version before kept maps, or whose maps were not moved | AR, KL and JS; no placement, no excess, no masks, no maps |
| read from samples files, its journal on another machine | the same |
| whose samples do not name their questions, without its journal | nothing: the task is left out |

Where the data set is not on this machine, boxes are missing and the text is the prompt. All that is missing is said in
`Study.missing`. No model, no network and no image is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmms_vg.journal import Record
from lmms_vg.runs.journal_of import journal_of
from lmms_vg.runs.kept_maps import KeptMaps, kept_maps
from lmms_vg.runs.layer_choice import LayerChoice
from lmms_vg.runs.record_units import units_of_records
from lmms_vg.runs.results import Run
from lmms_vg.runs.units import image_or_patient
from lmms_vg.study.layer_values import LayerTable, Measure, lowest, of_maps, of_records
from lmms_vg.study.questions import StudyQuestion, kind_of, lines_of, question_of, side_of, stated
from lmms_vg.study.run_names import method_of, model_of, rows_of
from lmms_vg.study.run_records import alignment_of, in_order, measured_records
from lmms_vg.study.shortfall import Missing, shortfall


@dataclass(frozen=True, eq=False)
class StudiedTask:
    """One task of one run. Arrays are (questions, layers), in the order of `questions`, NaN where a value is missing.

    Attributes:
        run: the run that was read.
        model: family and checkpoint, such as "huatuo demo".
        method: label of the method, with its hyper-parameters, control and seed, and the token rows if they are not the last.
        task: name of the task.
        kind: as of `StudyQuestion`.
        side: as of `StudyQuestion`.
        questions: the questions with measured attention, in the order of their uids.
        values: measure -> value; AR, KL and JS as the run measured them, placement from the kept maps.
        level: measure -> what maps of other images have on the same box: AR as a geometric mean; 0.5 for placement.
        excess: measure -> value minus level, both from the kept maps, AR as a natural logarithm. 0 is what a look that cannot
            know the box has; AR and placement are better above, KL and JS below.
        steered: measure -> the same against maps of other questions about the same image whose boxes lie elsewhere: does the
            question steer the look? Not of placement.
        even: measure -> (questions,), what attention has that is even over the visible image.
        hidden: (questions, layers) bool, whether a patch of the visible image has no attention at all, as under a knockout:
            KL is undefined there.
        groups: the kept maps, those on one grid together; `places` in them number `questions`.
        rows: the token rows whose attention this is.
    """

    run: Run
    model: str
    method: str
    task: str
    kind: str
    side: str
    questions: tuple[StudyQuestion, ...]
    values: Mapping[Measure, LayerTable]
    level: Mapping[Measure, LayerTable]
    excess: Mapping[Measure, LayerTable]
    steered: Mapping[Measure, LayerTable]
    even: Mapping[Measure, NDArray[np.float64]]
    hidden: NDArray[np.bool_]
    groups: tuple[KeptMaps, ...]
    rows: str = "last"

    @property
    def layers(self) -> int:
        """Number of layers."""
        return int(self.hidden.shape[1])

    @property
    def hides(self) -> NDArray[np.bool_]:
        """Layers, (layers,), in which patches of any question are hidden."""
        return np.asarray(self.hidden.any(axis=0), dtype=bool)

    def hides_at(self, layer: LayerChoice) -> bool:
        """Return whether patches of any question are hidden in a layer that was chosen, of either half."""
        return bool(self.hides[layer.layers].any())

    @cached_property
    def images(self) -> list[str]:
        """The image of each question."""
        return [question.image for question in self.questions]

    @cached_property
    def units(self) -> list[str]:
        """The unit of resampling of each question: the patient, or the image where none is known."""
        return [question.unit for question in self.questions]

    @cached_property
    def unit(self) -> str:
        """Name of what `units` are: `image`, `patient`, or `image or patient` where some patients are known."""
        return image_or_patient(question.unit != question.image for question in self.questions)

    @property
    def best_layer(self) -> int:
        """The layer of lowest mean KL, the first of equal ones: the layer that the paper shows."""
        return lowest(self.values["KL"])

    def lift(self, i: int) -> NDArray[np.float64] | None:
        """Return the maps of question number `i`, (layers, rows, cols), or None if there are none.

        A map is the question's divided by the reference prompt's, over its mean over all patches: 1 is even attention, and
        the mean inside the mask is AR. Patches that a knockout hides are exactly 0.
        """
        for kept in self.groups:
            at = np.flatnonzero(kept.places == i)
            if len(at):
                maps = np.asarray(kept.maps[at[0]], dtype=np.float64)
                mean = maps.mean(axis=-1, keepdims=True)
                lifted: NDArray[np.float64] = np.divide(maps, mean, out=np.zeros_like(maps), where=mean > 0)
                return lifted.reshape(-1, *kept.grid)
        return None


@dataclass(frozen=True, eq=False)
class Study:
    """The tasks and runs of a study.

    Attributes:
        tasks: the tasks, in the order of the runs.
        missing: what could not be read.
        runs: the runs.
        further: the same tasks with the attention of other token rows than the first selection of their run, which all
            of the study but the curves and the figure of token rows is about.
    """

    tasks: tuple[StudiedTask, ...]
    missing: tuple[Missing, ...]
    runs: tuple[Run, ...] = ()
    further: tuple[StudiedTask, ...] = ()


def collect(runs: Sequence[Run]) -> Study:
    """Collect the tasks of runs that measured where a model looks.

    Args:
        runs: as `runs.read.read` reads them.

    Raises:
        ValueError: none of the runs measured anything.
    """
    tasks: list[StudiedTask] = []
    further: list[StudiedTask] = []
    missing: list[Missing] = []
    data: dict[str, Any] = {}
    for run in runs:
        names = [*run.measured, *(name for name, part in run.tasks.items() if part.looked)]
        folder = journal_of(run) if names else None
        records = measured_records(folder, names)
        first, *others = rows_of(run)
        of = partial(Missing, path=str(run.path), name=f"{model_of(run)} {method_of(run, first)}")
        if not names:
            missing.append(of("none of its tasks measures where the model looks"))
        elif folder is None:
            lacking = ", ".join(["no maps, no excess, no placement", *(f"no rows={rows}" for rows in others)])
            missing.append(of(f"its journal is not on this machine, so there are {lacking}"))
        for name in names:
            if name not in data:
                data[name] = stated(name)
                if isinstance(data[name], str):
                    missing.append(Missing(f"{name}: no boxes, categories or texts of the data set: {data[name]}"))
            for rows in (None, *(others if folder is not None else ())):
                studied = _studied(run, name, folder, records[name], data[name], rows)
                where = f"{name}{f', rows={rows}' if rows else ''}"
                missing += map(of, shortfall(where, *_counts(studied), kept_at_all=folder is not None))
                if studied is not None:
                    (further if rows else tasks).append(studied)
    if not tasks:
        raise ValueError(
            "\n".join(["no run has measured attention; run a task such as vgmed first", *map(str, missing)])
        )
    return Study(tuple(tasks), tuple(dict.fromkeys(missing)), tuple(runs), tuple(further))


def _studied(
    run: Run, task: str, folder: Path | None, records: Mapping[str, Record], data: Any, rows: str | None
) -> StudiedTask | None:
    """Collect a task, of the run's first selection of token rows for None."""
    lines = lines_of(run, task)
    uids = sorted(lines or records, key=in_order)
    if not uids:
        return None
    samples = {} if isinstance(data, str) else data
    asked = [records.get(uid) for uid in uids]
    questions = [
        question_of(run, task, uid, record, lines.get(uid, {}), samples.get(uid))
        for uid, record in zip(uids, asked, strict=True)
    ]
    values = of_records(
        [alignment_of(record, lines.get(uid, {}), rows) for uid, record in zip(uids, asked, strict=True)]
    )
    if not np.isfinite(values["KL"]).any():
        return None
    at = [i for i, record in enumerate(asked) if record is not None]
    known = [record for record in asked if record is not None]
    groups = kept_maps(folder, known, rows=rows) if folder is not None else []
    # The maps count the records that there are, the study all questions.
    groups = [kept._replace(places=np.array(at, dtype=np.intp)[kept.places]) for kept in groups if len(kept.places)]
    for kept in groups:
        parts = (kept.places, kept.masks, kept.visible, kept.geometries)
        for place, mask, visible, geometry in zip(*parts, strict=True):
            shape = {"mask": mask.reshape(kept.grid), "visible": visible.reshape(kept.grid)}
            questions[place] = replace(questions[place], grid=kept.grid, geometry=geometry, **shape)
    owners = [("", "")] * len(asked)
    for i, record, unit in zip(at, known, units_of_records(known), strict=True):
        owners[i] = record.image, unit
    from_maps = of_maps(questions, owners, groups, values["KL"].shape[1])
    for kept in groups:
        kept.release()
    of_rows = rows or rows_of(run)[0]
    return StudiedTask(
        run,
        model_of(run),
        method_of(run, of_rows),
        task,
        kind_of(task),
        side_of(task),
        tuple(questions),
        values | {"placement": from_maps.placement},
        from_maps.level,
        from_maps.excess,
        from_maps.steered,
        from_maps.even,
        from_maps.hidden,
        tuple(groups),
        of_rows,
    )


def _counts(studied: StudiedTask | None) -> tuple[int, int, int]:
    """Numbers of questions: all, those with maps, and those with an excess."""
    if studied is None:
        return 0, 0, 0
    judged = int(np.isfinite(studied.excess["JS"]).all(axis=1).sum())
    return len(studied.questions), sum(len(kept.places) for kept in studied.groups), judged
