"""The units that are resampled and sign-flipped as a whole: images, or the patients or sources that several images share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

from lmms_vg._util.suggest import suggest
from lmms_vg.runs.results import TaskRun

Unit = Literal["image", "patient", "source"]

UNITS: tuple[Unit, ...] = get_args(Unit)


def check_unit(unit: str) -> None:
    """Check the name of a unit.

    Raises:
        ValueError: it is none of `UNITS`.
    """
    if unit not in UNITS:
        raise ValueError(f"--unit {unit}: {suggest(unit, UNITS)}allowed is {', '.join(UNITS)}")


def drawn_as(parts: Iterable[TaskRun], unit: Unit) -> str:
    """Name what is drawn as a whole: where questions state patients, a patient stands for all of his or her images.

    Returns:
        The unit, `patient` in place of `image` if all questions state one, or `image or patient` if some do.
    """
    if unit != "image":
        return unit
    return image_or_patient("patient" in part.units.get(uid, {}) for part in parts for uid in part.images)


def image_or_patient(named: Iterable[bool]) -> str:
    """Name what is drawn as a whole, from whether each question's patient is known.

    >>> image_or_patient([True, False])
    'image or patient'
    """
    states = {*named}
    return "image" if True not in states else "patient" if states == {True} else "image or patient"


def together(units: Iterable[str]) -> str:
    """Name what is drawn as a whole in several tables at once.

    >>> together(["patient", "image", "patient"])
    'image or patient'
    """
    return " or ".join(sorted({name for unit in units for name in unit.split(" or ")}))


def plural(unit: str) -> str:
    """Several of a unit.

    >>> plural("image or patient")
    'images or patients'
    """
    return " or ".join(f"{name}s" for name in unit.split(" or "))


def units_of(part: TaskRun, unit: Unit) -> dict[str, str]:
    """Return uid -> its unit. A source is a data set's part, such as one of the sets that OmniMedVQA collects.

    Raises:
        ValueError: the questions do not tell their unit.
    """
    if unit == "image":
        return {uid: part.images[uid] for uid in part.scores}
    name = "subset" if unit == "source" else unit
    missing = [uid for uid in part.scores if name not in part.units.get(uid, {})]
    if missing:
        raise ValueError(
            f"--unit {unit}: {part.task}: {len(missing)} of {len(part.scores)} questions state no {unit}; "
            f"{_remedy(part.task, unit)}"
        )
    return {uid: f"{_dataset(part.images[uid])}/{part.units[uid][name]}" for uid in part.scores}


def _dataset(image: str) -> str:
    """Return the data set of an image; two files of own questions may number their patients alike."""
    return image.partition("/" if image.startswith("own:") else ":")[0]


def _remedy(task: str, unit: Unit) -> str:
    if task.startswith("own_"):
        if unit == "source":
            return "own questions have no sources: take --unit patient if their rows state patients, or --unit image"
        return (
            "add the key `patient` to every row of its file and run the same command again, which takes the answers from the "
            "journal, or take --unit image"
        )
    if unit == "patient":
        return (
            "its data set does not tell whose images they are, so take --unit image, and read its intervals as too narrow if "
            "patients have several images"
        )
    return (
        "run the same command again with this version, which takes the answers from the journal, or take --unit image"
    )
