"""Find the head list of a checkpoint: a shipped one, a file of one's own, or heads that are written out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from pydantic import ValidationError

from lmms_vg._util.field_errors import said
from lmms_vg.methods.head_list import HeadList
from lmms_vg.models.checkpoint import DEMO, Shape


def leaking(leaks: Iterable[str], datasets: Iterable[str]) -> set[str]:
    """Return the data sets in `datasets` whose images ranked the heads, or may have."""
    return set(leaks) & set(datasets)


def load(name: str) -> HeadList:
    """Load a shipped list by its name, or a `.json` file.

    Raises:
        ValueError: the list does not exist, or the file is not a head list.
    """
    lists = shipped()
    if name.endswith(".json"):
        return _read(Path(name).expanduser())
    if name in lists:
        return lists[name]
    raise ValueError(f"heads={name!r}: allowed is {_FORMS}; shipped lists: {', '.join(lists)}")


def shipped() -> dict[str, HeadList]:
    """Return all shipped head lists, by file name without `.json`."""
    folder = resources.files("lmms_vg.methods") / "heads"
    files = [entry for entry in folder.iterdir() if entry.name.endswith(".json")]
    return {
        entry.name.removesuffix(".json"): HeadList.model_validate_json(entry.read_text(encoding="utf-8"))
        for entry in sorted(files, key=lambda entry: entry.name)
    }


def resolve(shape: Shape, heads: str | None, layers_given: bool) -> HeadList:
    """Return the head list for a checkpoint.

    Args:
        shape: the checkpoint.
        heads: None for the shipped list of this checkpoint; the name of a shipped list; a `.json` file; or the heads as
            `layer-head` pairs, best first, joined by `+` (15-4+16-5).
        layers_given: whether the knockout layers are given separately.

    Raises:
        ValueError: there is no list, it has no heads or layers, or it belongs to another model.
    """
    lists = shipped()
    if heads is None:
        chosen = next((entry for entry in lists.values() if _is_for(entry, shape)), None)
    elif not isinstance(heads, str):
        raise ValueError(f"heads={heads!r}: allowed is {_FORMS}")
    elif re.fullmatch(r"\d+-\d+(\+\d+-\d+)*", heads):
        pairs = [pair.split("-") for pair in heads.split("+")]
        chosen = HeadList(
            models=[shape.pretrained],
            num_layers=shape.layers,
            num_heads=shape.heads,
            heads=[(int(layer), int(head)) for layer, head in pairs],
            layers=known_layers(shape),
            source="heads=",
        )
    else:
        chosen = load(heads)
    if chosen is not None and heads is not None:
        _refuse_other_model(chosen, heads, shape)
    if chosen is None or not chosen.heads:
        raise ValueError(f"heads: none are known for pretrained={shape.pretrained!r}. {_HOW.format(shape)}")
    if not chosen.layers and not layers_given:
        raise ValueError(
            f"layers: no knockout layers are known for pretrained={shape.pretrained!r}; give layers=16 or "
            f"layers=34+35+36 (0-based; the paper takes the layer of lowest mean KL). {_HOW.format(shape)}"
        )
    return chosen


def known_layers(shape: Shape) -> list[int]:
    """Return the knockout layers in the shipped list of this checkpoint; empty if there is none."""
    return next((entry.layers for entry in shipped().values() if _is_for(entry, shape)), [])


_FORMS = "layer-head pairs such as 15-4+16-5, the name of a shipped list, or a .json file"
_HOW = (
    "Obtain both with: lmms-vg heads calibrate --model {0.family} --model_args pretrained={0.pretrained} "
    "--data coco -o heads.json, then pass heads=heads.json; or give both by hand: heads=15-4+16-5,layers=16"
)


def _is_for(entry: HeadList, shape: Shape) -> bool:
    """Return whether a list names this checkpoint, in any folder: a hub id and its local copy end in the same name."""
    name = Path(shape.pretrained).name.lower()
    kind = shape.config.get("model_type")
    return (
        any(Path(model).name.lower() == name for model in entry.models)
        and (not entry.model_types or kind is None or kind in entry.model_types)
        and _fits(entry, shape)
    )


def _fits(entry: HeadList, shape: Shape) -> bool:
    return (entry.num_layers, entry.num_heads) == (shape.layers, shape.heads)


def _refuse_other_model(entry: HeadList, heads: str, shape: Shape) -> None:
    """Refuse a given list of another shape, or of another name.

    A checkpoint folder may have any name: there a file of one's own is taken, and a shipped list if the fingerprint of its
    weights is known, so that they can be compared (`required_weights`).
    """
    if not _fits(entry, shape):
        raise ValueError(
            f"heads={heads!r} is for {', '.join(entry.models)} ({entry.num_layers} layers of {entry.num_heads} heads); "
            f"pretrained={shape.pretrained!r} has {shape.layers} layers of {shape.heads} heads. {_HOW.format(shape)}"
        )
    if _is_for(entry, shape):
        return
    folder = shape.pretrained != DEMO and Path(shape.pretrained).is_dir()
    if not folder or not (heads.endswith(".json") or "weights" in entry.provenance):
        raise ValueError(
            f"heads={heads!r} is for {', '.join(entry.models)}, not for pretrained={shape.pretrained!r}; "
            f"{'a folder with one of these needs its name; ' if folder else ''}"
            "to use these heads anyway, write them out: heads=15-4+16-5"
        )


def required_weights(entry: HeadList, shape: Shape) -> tuple[str, str] | None:
    """Fingerprint and dtype of the weights that a list was calibrated on; None where the name agrees or nothing is known."""
    known = entry.provenance.get("weights"), entry.provenance.get("dtype")
    if _is_for(entry, shape) or not all(isinstance(part, str) for part in known):
        return None
    return str(known[0]), str(known[1])


def _read(path: Path) -> HeadList:
    try:
        return HeadList.model_validate_json(path.read_bytes())
    except OSError as problem:
        raise ValueError(f"heads={str(path)!r} cannot be read: {problem.strerror}") from problem
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ValueError(f"heads={str(path)!r}: {where}: {said(first)}") from problem
