"""The questions of a finished run: what was asked about which image, where the answer is, and what was answered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmms_vg.datasets.coco import COCO
from lmms_vg.datasets.phantoms import PHANTOMS
from lmms_vg.datasets.schema import Sample
from lmms_vg.datasets.source import DataError, DataMissing, offline
from lmms_vg.journal import Record
from lmms_vg.paper.sources import UNKNOWN, MedicalSource, label_of, source_of
from lmms_vg.runs.lmms_eval_output import samples
from lmms_vg.runs.results import Line, Run
from lmms_vg.tasks.own_tasks import samples as samples_of
from lmms_vg.tasks.registry import TASKS
from lmms_vg.vision.patch_grid import Geometry

#: The beginning of the names of files that ask about one box in several wordings.
TEMPLATES = "templates"

#: The kind of a task's images.
MEDICAL, NATURAL, PHANTOM = "medical", "natural", "phantom"


@dataclass(frozen=True, eq=False)
class StudyQuestion:
    """One question with a place, as a run was asked it.

    Attributes:
        uid: name of the question in its task.
        task: the task.
        kind: localization, attribute, templates (one box in several wordings), or answered (the answer is scored, too);
            phantom of the demo task.
        side: medical, natural or phantom: what the images show.
        modality: in the data set's words, or of its source in the paper's Table C.2; "unknown" where neither tells.
        body_part: likewise.
        organ: what the question asks about: the data set's organ, or the label of a localization template; or "unknown".
        source: the data set's part, such as one of the 44 sources of VGMED; or "unknown".
        text: the question without the instruction; the prompt where the data set is not on this machine.
        answer: what the model answered.
        reference: the reference answer; empty where there is none, as in VGMED.
        right: whether the answer is right; None where it is not scored as right or wrong.
        image: URI for `datasets.images.open_image`; hash of the image's bytes where the run does not name it.
        unit: patient of the image where the data set tells, else the image: what is drawn as a whole.
        boxes: (x0, y0, x1, y1) in pixels of the image; empty where the data set is not on this machine.
        grid: rows and columns of patches; None without kept maps, as the next two.
        mask: (rows, cols) bool, the patches that a box overlaps.
        visible: (rows, cols) bool, the patches that show image and not only padding.
        geometry: how the image lies on the patches; None in maps of older versions, too.
    """

    uid: str
    task: str
    kind: str
    side: str
    modality: str
    body_part: str
    organ: str
    source: str
    text: str
    answer: str
    reference: str
    right: bool | None
    image: str
    unit: str
    boxes: tuple[tuple[float, ...], ...]
    grid: tuple[int, int] | None = None
    mask: NDArray[np.bool_] | None = None
    visible: NDArray[np.bool_] | None = None
    geometry: Geometry | None = None

    @property
    def share(self) -> float:
        """Patches in the box as a share of the visible ones, above 0 to 1; NaN without kept maps.

        A box counts with every patch that it touches, so small boxes have a larger share than their pixels.
        """
        if self.mask is None or self.visible is None:
            return float("nan")
        return float(self.mask.sum() / self.visible.sum())


def side_of(task: str) -> str:
    """Return what a task's images show; those of own questions are taken to be medical."""
    known = TASKS.get(_asked_again(task))
    if known is not None and known.spec == PHANTOMS:
        return PHANTOM
    return NATURAL if known is not None and known.images == COCO else MEDICAL


def kind_of(task: str) -> str:
    """Return the kind of a task's questions."""
    if _asked_again(task) != task:
        return TEMPLATES
    if side_of(task) == PHANTOM:
        return "phantom"
    kind = TASKS[task].kind if task in TASKS else None
    return kind or "answered"


def _asked_again(task: str) -> str:
    """Return the task whose boxes a file of templates asks about (`templates.write` names it so); other tasks as they are."""
    start = f"own_{TEMPLATES}_"
    return task.removeprefix(start).rpartition("_")[0] if task.startswith(start) else task


def stated(task: str) -> dict[str, Sample] | str:
    """Return uid -> sample of a task, read from this machine without a network; or why it cannot be read."""
    try:
        with offline():
            return {sample.uid: sample for sample in samples_of(task)}
    except DataMissing as problem:
        return problem.what
    except (DataError, OSError) as problem:
        return str(problem).partition("\n")[0]


def lines_of(run: Run, task: str) -> dict[str, Line]:
    """Return uid -> line of the samples file, of the questions with a value; empty for a run that is read from a journal."""
    if run.path.is_dir():
        return {}
    lines = [line for line in samples(run.path, task) if "error" not in line.get("kl", {"error": ""})]
    return {line["ar"]["uid"]: line for line in lines if "uid" in line["ar"]}


def question_of(
    run: Run | None, task: str, uid: str, record: Record | None, line: Line, sample: Sample | None
) -> StudyQuestion:
    """Put together what the run's record, its samples and the data set say about a question.

    Args:
        run: the run; None for a question that nobody was asked.
        task: its task.
        uid: the question.
        record: the journal's record; None if the journal is not on this machine.
        line: the samples' line; empty for a run that is read from a journal.
        sample: what the data set states; None if it is not on this machine.
    """
    item, scored = line.get("ar", {}), run.tasks.get(task) if run is not None else None
    about, units = item.get("about", {}), item.get("units", {})
    first = sample.images[0] if sample is not None and sample.images else ""
    image = item.get("image") or first or (record.image if record else "")
    prompt = record.prompt if record else str(line.get("input", ""))
    text = sample.question if sample else prompt
    source = units.get("subset") or (sample.subset if sample else "")
    listed, patient = source_of(source), units.get("patient")
    score = scored.scores.get(uid) if scored is not None and scored.metric == "acc" else None
    return StudyQuestion(
        uid=uid,
        task=task,
        kind=kind_of(task),
        side=side_of(task),
        modality=about.get("modality") or (sample.modality if sample else "") or _listed(listed, "modality"),
        body_part=_listed(listed, "body_part"),
        organ=about.get("organ") or (sample.organ if sample else "") or label_of(text) or UNKNOWN,
        source=source or UNKNOWN,
        text=text,
        answer=record.text if record else _answered(line),
        reference=(sample.answer if sample else "") or str(line.get("target", "")),
        right=None if score is None else score == 1,
        image=image,
        unit=f"{source}/{patient}" if patient else (record.patient if record else "") or image,
        boxes=tuple(tuple(box) for box in sample.boxes) if sample else (),
    )


def _listed(source: MedicalSource | None, name: str) -> str:
    return UNKNOWN if source is None else str(getattr(source, name))


def _answered(line: Line) -> str:
    filtered = line.get("filtered_resps") or ""
    return str(filtered[0] if isinstance(filtered, list) else filtered).strip()
