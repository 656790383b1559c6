"""Every task's questions: which reader, how many, under whose protocol.

YAML names a task's documents as ``lmms_vg.tasks.readers.<task>``; the attribute is made on demand from ``READERS``.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from lmms_vg.datasets import medical_eval, mmmu, omnimedvqa, path_vqa, phantoms, slake, vgmed, vqa_rad
from lmms_vg.datasets import pmc_vqa as pmc  # `pmc_vqa` is a task, and has to be free for `__getattr__`
from lmms_vg.datasets.schema import DatasetSpec, Sample
from lmms_vg.tasks.docs import documents


class Reader(NamedTuple):
    """``n`` is the asserted number of questions, None where none is known; ``axes`` are what accuracy is broken down by.

    ``protocol`` names the prompt, the questions and the rule together, as docs/protocols.md states them.
    """

    read: Callable[[], list[Sample]]
    spec: DatasetSpec
    n: int | None
    protocol: str
    axes: tuple[str, ...] = ()


def _with_images(load: Callable[..., list[Sample]], require: Callable[[], None], *arguments: str) -> list[Sample]:
    samples = load(*arguments)
    require()
    return samples


def _measurements() -> dict[str, Reader]:
    made = {}
    for kind in ("localization", "attribute"):
        for name, images in (("vgmed", "VGMED"), ("vgmed_coco", "COCO")):
            read = partial(vgmed.load, images, kind)  # type: ignore[arg-type]
            made[f"{name}_{kind}"] = Reader(read, vgmed.VGMED, None, "vgmed")
    return made | {
        "vgmed_demo": Reader(partial(phantoms.load, "standard"), phantoms.PHANTOMS, phantoms.COUNT, "vgmed"),
        "demo_calibration": Reader(
            partial(phantoms.load, "standard", phantoms.CALIBRATION_SEED), phantoms.PHANTOMS, phantoms.COUNT, "vgmed"
        ),
    }


def _paper() -> dict[str, Reader]:
    """The paper's sets: all questions it pools (Table 1), and the official test splits beside them."""
    made = {}
    split = {"": "all", "_test": "test"}
    for part in ("closed", "open"):
        for suffix, which in split.items():
            n = sum(count for key, count in slake.SLAKE.counts.items() if _in(key, part, which))
            read = partial(_with_images, slake.load, slake.require_images, part, which)
            axes = ("modality", "organ", "content_type") if part == "closed" else ()
            made[f"slake{suffix}_{part}"] = Reader(read, slake.SLAKE, n, "paper", axes)

            n = vqa_rad.VQA_RAD.counts[part if which == "all" else f"{part}/test"]
            read = partial(_with_images, vqa_rad.load, vqa_rad.require_images, part, which)
            axes = ("organ", "question_type") if part == "closed" else ()
            made[f"vqa_rad{suffix}_{part}"] = Reader(read, vqa_rad.VQA_RAD, n, "paper", axes)

            read = partial(path_vqa.load, part)  # type: ignore[arg-type]
            made[f"pathvqa{suffix}_{part}"] = Reader(read, path_vqa.PATH_VQA, path_vqa.PATH_VQA.counts[part], "paper")
    read = partial(_with_images, pmc.load, pmc.require_images)
    made["pmc_vqa"] = Reader(read, pmc.PMC_VQA, 2000, "paper")
    for modality, n in omnimedvqa.OMNIMEDVQA.counts.items():
        if modality in OMNIMEDVQA_MODALITIES:
            read = partial(_with_images, omnimedvqa.load, omnimedvqa.require_images, modality)
            made[f"omnimedvqa_{modality}"] = Reader(read, omnimedvqa.OMNIMEDVQA, n, "paper", ("question_type",))
    for subject in MMMU_SUBJECTS:
        read = partial(mmmu.load, subject, "validation")
        made[f"mmmu_med_{subject.lower()}"] = Reader(read, mmmu.MMMU, 30, "paper", ("content_type",))
    made["mmmu_med_test"] = Reader(_mmmu_test, mmmu.MMMU, 1752, "paper")
    return made


def _in(key: str, part: str, which: str) -> bool:
    return key.startswith(f"{part}/") and (which == "all" or key.endswith("/test"))


def _mmmu_test() -> list[Sample]:
    return [sample for subject in MMMU_SUBJECTS for sample in mmmu.load(subject, "test")]


def _chen() -> dict[str, Reader]:
    """HuatuoGPT-Vision's released evaluation file; the greedy twins ask the same questions."""
    made = {}
    for name, n in CHEN.items():
        read = partial(_with_images, medical_eval.load, medical_eval.require_images, name)
        for suffix in ("_chen", "_chen_greedy"):
            prefix = "mmmu_med" if name == "mmmu" else name
            made[f"{prefix}{suffix}"] = Reader(read, medical_eval.MEDICAL_EVAL, n, suffix[1:].replace("_", "-"))
    return made


def _demo() -> dict[str, Reader]:
    return {
        f"vqa_demo_{split}": Reader(partial(phantoms.load, split), phantoms.PHANTOMS, phantoms.COUNT, "paper")
        for split in phantoms.FIRST_SEED
    }


OMNIMEDVQA_MODALITIES = ("ct", "fp", "mri", "oct", "der", "mic", "xray", "us")
MMMU_SUBJECTS = (
    "Basic_Medical_Science",
    "Clinical_Medicine",
    "Diagnostics_and_Laboratory_Medicine",
    "Pharmacy",
    "Public_Health",
)
CHEN = {"vqa_rad": 251, "slake": 416, "pathvqa": 3362, "pmc_vqa": 2000, "omnimedvqa": 11124, "mmmu": 145}

READERS: dict[str, Reader] = _measurements() | _paper() | _chen() | _demo()


def __getattr__(name: str) -> Callable[[object], Any]:
    if name not in READERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return partial(documents, name, READERS[name].read)
