"""Registry of tasks: data reader, expected number of questions, protocols.

YAML names a task's documents as `lmms_vg.tasks.registry.<task>`; `__getattr__` makes the attribute from `TASKS` on demand.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from itertools import product
from typing import Any, Literal, NamedTuple, get_args

from loguru import logger

from lmms_vg.datasets import (
    coco,
    medical_eval,
    mmmu,
    omnimedvqa,
    path_vqa,
    phantoms,
    slake,
    slake_grounded,
    vgmed,
    vqa_rad,
)
from lmms_vg.datasets import pmc_vqa as pmc  # `pmc_vqa` is also a task, whose name must stay free for `__getattr__`
from lmms_vg.datasets.schema import DatasetSpec, Sample
from lmms_vg.datasets.source import DataError
from lmms_vg.host import callers
from lmms_vg.paper.protocols import ProtocolName

PARTS: tuple[Literal["closed", "open"], ...] = ("closed", "open")
SPLITS: tuple[Literal["all", "test"], ...] = ("all", "test")

Protocols = tuple[ProtocolName, ...]

_PAPER: Protocols = ("vgrefine",)
_TEST: Protocols = ("test",)
_EITHER: Protocols = ("vgrefine", "test")  # the paper asks the test split of these


class TaskSpec(NamedTuple):
    """One task.

    Attributes:
        load: reads the questions.
        spec: the data set they come from.
        n: number of questions, which is asserted; None if it is not known.
        protocols: names of the protocols its numbers can be reported under (`paper.protocols`); those that measure have none.
        axes: fields by which accuracy is broken down.
        require: raises DataMissing if the images are not here.
        images: the data set that the images come from, where it is another one.
        holds: further data sets whose questions are among its own.
        kind: of VGMED's questions, whether they ask where something is or about an attribute of it.
    """

    load: Callable[[], list[Sample]]
    spec: DatasetSpec
    n: int | None
    protocols: Protocols
    axes: tuple[str, ...] = ()
    require: Callable[[], None] | None = None
    images: DatasetSpec | None = None
    holds: tuple[DatasetSpec, ...] = ()
    kind: vgmed.Kind | None = None

    @property
    def question_sets(self) -> tuple[DatasetSpec, ...]:
        """The data sets whose questions it asks."""
        return self.spec, *self.holds

    @property
    def file_sets(self) -> tuple[DatasetSpec, ...]:
        """The data sets whose files it reads: of its questions, and of its images."""
        return (self.spec,) if self.images is None else (self.spec, self.images)

    @property
    def measures(self) -> bool:
        """Whether the task measures where a model looks; those of `_grounded` score its answer too."""
        return not self.protocols

    def read(self) -> list[Sample]:
        """Return the questions, after a check that their images are here too.

        Raises:
            DataMissing: files are missing.
            DataError: files are not as expected.
        """
        samples = self.load()
        if self.require is not None:
            self.require()
        return samples


def _measurements() -> dict[str, TaskSpec]:
    specs = {}
    kinds: tuple[vgmed.Kind, ...] = get_args(vgmed.Kind)
    for kind in kinds:
        for name, images, source in (("vgmed", "VGMED", None), ("vgmed_coco", "COCO", coco.COCO)):
            load = partial(vgmed.load, images, kind)  # type: ignore[arg-type]
            specs[f"{name}_{kind}"] = TaskSpec(load, vgmed.VGMED, None, (), images=source, kind=kind)
    return specs | {
        "vgmed_demo": TaskSpec(partial(phantoms.load, "standard"), phantoms.PHANTOMS, phantoms.COUNT, ()),
        "demo_calibration": TaskSpec(
            partial(phantoms.load, "standard", phantoms.CALIBRATION_SEED), phantoms.PHANTOMS, phantoms.COUNT, ()
        ),
    }


def _short_answers() -> dict[str, TaskSpec]:
    """Return the paper's closed and open questions: all that it pools (Table 1), and the official test splits."""
    specs = {}
    for part, split in product(PARTS, SPLITS):
        splits = slake.SPLITS if split == "all" else ("test",)
        protocols = _PAPER if split == "all" else _TEST
        sets = {
            "vqa_rad": TaskSpec(
                partial(vqa_rad.load, part, split),
                vqa_rad.VQA_RAD,
                vqa_rad.VQA_RAD.counts[part if split == "all" else f"{part}/test"],
                protocols,
                ("organ", "question_type"),
                vqa_rad.require_images,
            ),
            "slake": TaskSpec(
                partial(slake.load, part, split),
                slake.SLAKE,
                sum(slake.SLAKE.counts[f"{part}/{which}"] for which in splits),
                protocols,
                ("modality", "organ", "content_type"),
                slake.require_images,
            ),
            # The paper asks the test split, so both names have the same questions.
            "pathvqa": TaskSpec(
                partial(path_vqa.load, part),
                path_vqa.PATH_VQA,
                path_vqa.PATH_VQA.counts[part],
                _EITHER if split == "all" else _TEST,
            ),
        }
        for name, spec in sets.items():
            if part == "open":
                spec = spec._replace(axes=())
            specs[f"{name}_{part}" if split == "all" else f"{name}_test_{part}"] = spec
    return specs


def _grounded() -> dict[str, TaskSpec]:
    """Questions that are answered, and whose object has a place that the attention is measured against.

    How many of them have their object in the image's files is not published: `datasets.first_counts` holds the number.
    """
    specs = {}
    for part, split in product(PARTS, SPLITS):
        axes = ("modality", "organ", "content_type") if part == "closed" else ()
        name = f"slake_grounded_{part}" if split == "all" else f"slake_grounded_test_{part}"
        specs[name] = TaskSpec(partial(slake_grounded.load, part, split), slake.SLAKE, None, (), axes)
    return specs


def _choices() -> dict[str, TaskSpec]:
    """Return the paper's multiple-choice sets."""
    specs = {}
    n = pmc.PMC_VQA.counts["test_clean"]
    specs["pmc_vqa"] = TaskSpec(pmc.load, pmc.PMC_VQA, n, _EITHER, require=pmc.require_images)
    for modality in omnimedvqa.NAMES:
        load, spec = partial(omnimedvqa.load, modality), omnimedvqa.OMNIMEDVQA
        specs[f"omnimedvqa_{modality}"] = TaskSpec(
            load, spec, spec.counts[modality], _EITHER, ("question_type",), omnimedvqa.require_images
        )
    for subject in mmmu.SUBJECTS:
        n = mmmu.MMMU.counts[f"validation/{subject}"]
        validation = partial(mmmu.load, subject, "validation")
        specs[f"mmmu_med_{subject.lower()}"] = TaskSpec(validation, mmmu.MMMU, n, _EITHER, ("content_type",))
    n = sum(mmmu.MMMU.counts[f"test/{subject}"] for subject in mmmu.SUBJECTS)
    specs["mmmu_med_test"] = TaskSpec(_mmmu_test, mmmu.MMMU, n, _EITHER)
    return specs


def _mmmu_test() -> list[Sample]:
    return [sample for subject in mmmu.SUBJECTS for sample in mmmu.load(subject, "test")]


def _chen() -> dict[str, TaskSpec]:
    """HuatuoGPT-Vision's released evaluation file; the greedy twins ask the same questions."""
    specs = {}
    suffixes: dict[str, Protocols] = {"chen": ("chen",), "chen_greedy": ("chen-greedy",)}
    parts: dict[medical_eval.Dataset, DatasetSpec] = {
        "vqa_rad": vqa_rad.VQA_RAD,
        "slake": slake.SLAKE,
        "pathvqa": path_vqa.PATH_VQA,
        "pmc_vqa": pmc.PMC_VQA,
        "omnimedvqa": omnimedvqa.OMNIMEDVQA,
        "mmmu": mmmu.MMMU,
    }
    for name, part in parts.items():
        load, spec = partial(medical_eval.load, name), medical_eval.MEDICAL_EVAL
        prefix = "mmmu_med" if name == "mmmu" else name
        for suffix, protocols in suffixes.items():
            specs[f"{prefix}_{suffix}"] = TaskSpec(
                load, spec, spec.counts[name], protocols, require=medical_eval.require_images, holds=(part,)
            )
    return specs


def _demo() -> dict[str, TaskSpec]:
    splits = {
        f"vqa_demo_{split}": TaskSpec(partial(phantoms.load, split), phantoms.PHANTOMS, phantoms.COUNT, _PAPER)
        for split in phantoms.FIRST_SEED
    }
    return splits | {"vqa_demo_open": splits["vqa_demo_hard"]}  # the same questions under the open metrics


TASKS: dict[str, TaskSpec] = _measurements() | _short_answers() | _grounded() | _choices() | _chen() | _demo()

#: Names of the data sets of all tasks.
DATASETS = frozenset(task.spec.name for task in TASKS.values())


def __getattr__(name: str) -> Callable[[object], Any]:
    if name not in TASKS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return process_docs(name, TASKS[name].read, measures=TASKS[name].measures)


def process_docs(name: str, read: Callable[[], list[Sample]], *, measures: bool) -> Callable[[object], Any]:
    """Make the `process_docs` of a task.

    Args:
        name: the task's; one that ends in `_open` is scored by BERTScore, whose settings are checked first.
        read: reads its questions.
        measures: whether it needs models that leave a record of their attention.
    """
    # Late: it imports datasets, which what reads tasks and scores answers does not need.
    from lmms_vg.tasks.documents import documents_of_task

    if name.endswith("_open"):
        read = partial(_open, read)
    if measures:
        read = partial(_measured, read)
    return partial(documents_of_task, name, read)


def _open(read: Callable[[], list[Sample]]) -> list[Sample]:
    """Check BERTScore before questions are asked, not after: wrong settings stop the run, a missing model is a warning."""
    from lmms_vg.metrics import bertscore  # late: the import takes seconds, and `lmms-vg tasks` does not need it

    samples = read()
    try:
        bertscore.check()
    except bertscore.BertScoreUnavailable as problem:
        _warn(f"open questions will have no bertscore and no average: {problem}")
    except ValueError as problem:
        raise DataError(str(problem)) from problem
    return samples


def _measured(read: Callable[[], list[Sample]]) -> list[Sample]:
    """Refuse models that leave no record of their attention: their answers may cost money and would have no value."""
    if not callers.leaves_records():
        raise DataError(
            "measures where a model looks, but this model leaves no record of its attention; leave the task out, or use a "
            "model of lmms_vg: --model <family>_<method> (lmms-vg methods)"
        )
    return read()


@cache  # once per run
def _warn(message: str) -> None:
    logger.warning(message)
