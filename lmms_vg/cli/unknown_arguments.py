"""Find unknown names in `--model_args`, and checkpoints and head lists that are not there, before anything heavy is imported.

What a model takes is read from the source of its classes. A class whose source is not found is not judged here: loading the
model checks all arguments again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from lmms_vg._util.suggest import suggest
from lmms_vg.cli.paths import missing
from lmms_vg.extensions.class_source import class_of, field_names, names_given
from lmms_vg.extensions.registered import families, methods

_SETTINGS = "lmms_vg.inference.settings:Settings"
_CONTROLS = "lmms_vg.inference.image_controls", "ImageControl"
_HEADS = Path(__file__).parents[1] / "methods" / "heads"
_DATASETS = Path(__file__).parents[1] / "datasets"
_DEMO = "demo"
_BESIDE = ("max_batch_size",)  # which lmms-eval passes, and our models ignore


def unknown_argument(model_args: str, family: str, names: Iterable[str], joint: bool = False) -> str:
    """Return a message about the first argument that a family with these methods cannot take; empty if there may be none.

    Args:
        model_args: in lmms-eval's syntax.
        family: a registered family.
        names: registered methods.
        joint: whether hyper-parameters name their method, as with `run --methods`.
    """
    common, own = settings_of(family), {name: hyper_parameters(name) for name in names}
    if common is None or None in own.values():
        return ""
    allowed = [*common, *_BESIDE]
    for method, options in own.items():
        allowed += [f"{method}.{option}" if joint else option for option in options or ()]
    for part in filter(None, (part.strip() for part in model_args.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            return f"--model_args {part!r} has no '='; allowed is name=value, such as pretrained=demo"
        boolean = name == "heads" and value.lower() in ("true", "false")
        if name not in allowed and not boolean:
            return f"--model_args {part}: {_meant(name, allowed)}allowed is {', '.join(allowed)}"
        if problem := _unknown_value(name, value, boolean):
            return problem
    return ""


def _meant(name: str, allowed: list[str]) -> str:
    """Suggest a name; one without its method is that of the method that has it."""
    owned = [known for known in allowed if known.partition(".")[2] == name]
    return f"did you mean {owned[0]}? " if owned else suggest(name, allowed)


def settings_of(family: str) -> tuple[str, ...] | None:
    """Return what `--model_args` may set for every method of a family; None if that cannot be told."""
    common = field_names(_SETTINGS)
    options = class_of(families()[family].value, "options")
    own = field_names(options) if options else None
    return None if common is None or own is None else (*common, *own)


def hyper_parameters(method: str) -> tuple[str, ...] | None:
    """Return the hyper-parameters of a method; None if that cannot be told."""
    return field_names(methods()[method].value)


def _unknown_value(name: str, value: str, boolean: bool) -> str:
    if name == "pretrained":
        return missing_checkpoint(value)
    if name.endswith("heads") and not boolean:
        return missing_heads(value)
    return unknown_control(value) if name == "control" else ""


def missing_checkpoint(pretrained: str) -> str:
    """Say that a folder is not there; empty for a folder that is, and for what may be a name on the hub."""
    place = Path(pretrained).expanduser()
    if pretrained == _DEMO or place.exists():
        return ""
    if place.is_absolute() or len(place.parts) > 2 or pretrained.startswith(("~", ".")):
        return f"pretrained={missing(Path(pretrained))}"
    if len(place.parts) == 1:  # the hub's names have an owner
        folders = [entry.name for entry in os.scandir(".") if entry.is_dir()]
        meant = suggest(pretrained, [_DEMO, *folders])
        return (
            f"pretrained={pretrained}: {meant}there is no such folder, and a name on the hub is owner/name"
            if meant
            else ""
        )
    return ""


def missing_heads(heads: str) -> str:
    """Say that a head list is not there; empty if it is, and for heads that are written out."""
    if heads.endswith(".json"):
        return f"heads={problem}" if (problem := missing(Path(heads))) else ""
    known = sorted(path.stem for path in _HEADS.glob("*.json"))
    if heads in known or re.fullmatch(r"\d+-\d+(\+\d+-\d+)*", heads):
        return ""
    meant = suggest(heads, known)
    return f"heads={heads}: {meant}allowed is {', '.join(known)}, a .json file, or 15-4+16-5" if meant else ""


def unknown_control(name: str) -> str:
    """Say that a control is not known; empty if it is."""
    known = names_given(*_CONTROLS)
    return "" if name in known else f"--control {name}: {suggest(name, known)}allowed is {', '.join(known)}"


def data_sets() -> list[str]:
    """Return the names of our data sets, read from their sources."""
    modules = sorted(f"lmms_vg.datasets.{path.stem}" for path in _DATASETS.glob("*.py"))
    return sorted(name for module in modules for name in names_given(module, "DatasetSpec"))


def require(option: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Check names against those that are known.

    Raises:
        ValueError: one is not; the message has the one that is most like it.
    """
    listed = list(known)
    for name in names:
        if name not in listed:
            raise ValueError(f"{option} {name}: {suggest(name, listed)}allowed is {', '.join(listed)}")


def refuse(problem: str) -> None:
    """Raise a message as an error; do nothing if it is empty.

    Raises:
        ValueError: there is a message.
    """
    if problem:
        raise ValueError(problem)
