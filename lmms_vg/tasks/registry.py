"""Every task's questions: which reader, how many, under whose protocol.

YAML names a task's documents as ``lmms_vg.tasks.registry.<task>``; the attribute is made on demand from ``READERS``.
"""

from collections.abc import Callable
from functools import cache, partial
from itertools import product
from typing import Any, Literal, NamedTuple

from loguru import logger

from lmms_vg.datasets import medical_eval, mmmu, omnimedvqa, path_vqa, phantoms, slake, vgmed, vqa_rad
from lmms_vg.datasets import pmc_vqa as pmc  # `pmc_vqa` is a task, and has to be free for `__getattr__`
from lmms_vg.datasets.schema import DatasetSpec, Sample
from lmms_vg.datasets.source import DataError
from lmms_vg.host import callers
from lmms_vg.tasks.documents import documents_of_task

PARTS: tuple[Literal["closed", "open"], ...] = ("closed", "open")
SPLITS: tuple[Literal["all", "test"], ...] = ("all", "test")


class Reader(NamedTuple):
    """``n`` is the asserted number of questions, None where none is known; ``axes`` are what accuracy is broken down by.

    ``protocol`` names the prompt, the questions and the rule together, as docs/protocols.md states them.
    """

    load: Callable[[], list[Sample]]
    spec: DatasetSpec
    n: int | None
    protocol: str
    axes: tuple[str, ...] = ()
    require: Callable[[], None] | None = None

    def read(self) -> list[Sample]:
        """The questions, when their images are there too. Errors: DataMissing, DataError."""
        samples = self.load()
        if self.require is not None:
            self.require()
        return samples


def _measurements() -> dict[str, Reader]:
    made = {}
    for kind in ("localization", "attribute"):
        for name, images in (("vgmed", "VGMED"), ("vgmed_coco", "COCO")):
            load = partial(vgmed.load, images, kind)  # type: ignore[arg-type]
            made[f"{name}_{kind}"] = Reader(load, vgmed.VGMED, None, "vgmed")
    return made | {
        "vgmed_demo": Reader(partial(phantoms.load, "standard"), phantoms.PHANTOMS, phantoms.COUNT, "vgmed"),
        "demo_calibration": Reader(
            partial(phantoms.load, "standard", phantoms.CALIBRATION_SEED), phantoms.PHANTOMS, phantoms.COUNT, "vgmed"
        ),
    }


def _short_answers() -> dict[str, Reader]:
    """The paper's closed and open questions: all that it pools (Table 1), and the official test splits beside them."""
    made = {}
    for part, split in product(PARTS, SPLITS):
        splits = slake.SPLITS if split == "all" else ("test",)
        sets = {
            "vqa_rad": Reader(
                partial(vqa_rad.load, part, split),
                vqa_rad.VQA_RAD,
                vqa_rad.VQA_RAD.counts[part if split == "all" else f"{part}/test"],
                "paper",
                ("organ", "question_type"),
                vqa_rad.require_images,
            ),
            "slake": Reader(
                partial(slake.load, part, split),
                slake.SLAKE,
                sum(slake.SLAKE.counts[f"{part}/{which}"] for which in splits),
                "paper",
                ("modality", "organ", "content_type"),
                slake.require_images,
            ),
            # The paper asks its test split, under either name.
            "pathvqa": Reader(partial(path_vqa.load, part), path_vqa.PATH_VQA, path_vqa.PATH_VQA.counts[part], "paper"),
        }
        for name, reader in sets.items():
            if part == "open":
                reader = reader._replace(axes=())
            made[f"{name}_{part}" if split == "all" else f"{name}_test_{part}"] = reader
    return made


def _choices() -> dict[str, Reader]:
    """The paper's multiple-choice sets."""
    made = {}
    n = pmc.PMC_VQA.counts["test_clean"]
    made["pmc_vqa"] = Reader(pmc.load, pmc.PMC_VQA, n, "paper", require=pmc.require_images)
    for modality in omnimedvqa.NAMES:
        load, spec = partial(omnimedvqa.load, modality), omnimedvqa.OMNIMEDVQA
        made[f"omnimedvqa_{modality}"] = Reader(
            load, spec, spec.counts[modality], "paper", ("question_type",), omnimedvqa.require_images
        )
    for subject in mmmu.SUBJECTS:
        n = mmmu.MMMU.counts[f"validation/{subject}"]
        validation = partial(mmmu.load, subject, "validation")
        made[f"mmmu_med_{subject.lower()}"] = Reader(validation, mmmu.MMMU, n, "paper", ("content_type",))
    n = sum(mmmu.MMMU.counts[f"test/{subject}"] for subject in mmmu.SUBJECTS)
    made["mmmu_med_test"] = Reader(_mmmu_test, mmmu.MMMU, n, "paper")
    return made


def _mmmu_test() -> list[Sample]:
    return [sample for subject in mmmu.SUBJECTS for sample in mmmu.load(subject, "test")]


def _chen() -> dict[str, Reader]:
    """HuatuoGPT-Vision's released evaluation file; the greedy twins ask the same questions."""
    made = {}
    for name in medical_eval.DATASETS:
        load, spec = partial(medical_eval.load, name), medical_eval.MEDICAL_EVAL
        for suffix in ("_chen", "_chen_greedy"):
            prefix = "mmmu_med" if name == "mmmu" else name
            protocol = suffix[1:].replace("_", "-")
            made[f"{prefix}{suffix}"] = Reader(
                load, spec, spec.counts[name], protocol, require=medical_eval.require_images
            )
    return made


def _demo() -> dict[str, Reader]:
    splits = {
        f"vqa_demo_{split}": Reader(partial(phantoms.load, split), phantoms.PHANTOMS, phantoms.COUNT, "paper")
        for split in phantoms.FIRST_SEED
    }
    return splits | {"vqa_demo_open": splits["vqa_demo_hard"]}  # the same questions under the open metrics


READERS: dict[str, Reader] = _measurements() | _short_answers() | _choices() | _chen() | _demo()


DATASETS = frozenset(reader.spec.name for reader in READERS.values())
"""Names of all data sets that are asked about."""


def __getattr__(name: str) -> Callable[[object], Any]:
    if name not in READERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    read = READERS[name].read
    if name.endswith("_open"):
        read = partial(_open, read)
    elif READERS[name].protocol == "vgmed":
        read = partial(_measured, read)
    return partial(documents_of_task, name, read)


def _open(read: Callable[[], list[Sample]]) -> list[Sample]:
    """What is wrong with BERTScore is said before questions are asked, not after: settings stop, a lack is a warning."""
    from lmms_vg.metrics import bertscore  # it takes seconds, and `lmms-vg tasks` does not need it

    samples = read()
    try:
        bertscore.check()
    except bertscore.BertScoreUnavailable as problem:
        _warn(f"open questions will have no bertscore and no average: {problem}")
    except ValueError as problem:
        raise DataError(str(problem)) from problem
    return samples


def _measured(read: Callable[[], list[Sample]]) -> list[Sample]:
    """A model that keeps no record of its attention is not asked, and perhaps paid, for what has no value then."""
    if not callers.leaves_records():
        raise DataError(
            "measures where a model looks, and this model keeps no record of its attention; leave the task out, or ask a "
            "model of lmms_vg: --model <family>_<method> (lmms-vg methods)"
        )
    return read()


@cache  # once a run
def _warn(message: str) -> None:
    logger.warning(message)
