"""Head lists: which heads of a checkpoint ground best, best first, with where the list comes from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError

from lmms_vg._util.atomic_files import replace_file
from lmms_vg.models.checkpoint import DEMO, Shape

#: Layer and head, both 0-based.
Head: TypeAlias = tuple[int, int]


class HeadScores(BaseModel):
    """Mean alignment values of a calibration.

    Attributes:
        kl, ar, js: of the list's heads, in its order.
        layer_kl: of every layer, heads averaged first.
        all_kl: of every head, layers x heads.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kl: list[float]
    ar: list[float]
    js: list[float]
    layer_kl: list[float]
    all_kl: list[list[float]]


class Bootstrap(BaseModel):
    """Share of a list's heads that the list of a resample has too: mean over resamples, and 5th percentile."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    resamples: int
    mean: float
    p5: float


class Stability(BaseModel):
    """How much of a list is found again when images are resampled, and between two halves of the images (0 to 1)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bootstrap: Bootstrap
    halves: float | None


class HeadList(BaseModel):
    """A calibrated (or published) head list, as stored in `methods/heads/*.json`.

    Attributes:
        models: checkpoints it was made for (hub ids, or "demo").
        num_layers, num_heads: of their text model.
        heads: [layer, head], best first; empty where they still have to be calibrated.
        layers: knockout layers; empty where they are not known.
        source: where the list is published, or how it was made.
        leaks: data sets (`DatasetSpec.name`, and `vgmed_coco`) whose own images ranked the heads, or may have where the
            source leaves it open; results on those may be too good.
        scores, stability: of a calibration; None for lists from elsewhere.
        provenance: data, n, seed, weights, revision and versions of a calibration.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    models: list[str]
    num_layers: int
    num_heads: int
    heads: list[Head]
    layers: list[int]
    source: str
    leaks: list[str] = []
    scores: HeadScores | None = None
    stability: Stability | None = None
    provenance: dict[str, Any] = {}

    def write(self, path: Path) -> None:
        """Write a JSON file that appears whole or not at all; a head, and a layer of the matrix, is a line."""
        text = self.model_dump_json(indent=1)
        innermost = r"\[\n[^\[\]]*\]"
        text = re.sub(innermost, lambda found: re.sub(r"\n *", "", re.sub(r",\n *", ", ", found[0])), text)
        replace_file(path, text + "\n")


def leaking(leaks: Iterable[str], datasets: Iterable[str]) -> set[str]:
    """Which of the data sets to be asked have ranked the heads with their own images, or may have."""
    return set(leaks) & set(datasets)


def load(name: str) -> HeadList:
    """A shipped list by its name, or a `.json` file.

    Raises:
        ValueError: there is none, or it is no head list.
    """
    lists = shipped()
    if name.endswith(".json"):
        return _read(Path(name).expanduser())
    if name in lists:
        return lists[name]
    raise ValueError(f"heads={name!r}: allowed is {_FORMS}; shipped lists: {', '.join(lists)}")


def shipped() -> dict[str, HeadList]:
    """All head lists that come with the package, by file name without `.json`."""
    folder = resources.files("lmms_vg.methods") / "heads"
    files = [entry for entry in folder.iterdir() if entry.name.endswith(".json")]
    return {
        entry.name.removesuffix(".json"): HeadList.model_validate_json(entry.read_text(encoding="utf-8"))
        for entry in sorted(files, key=lambda entry: entry.name)
    }


def resolve(shape: Shape, heads: str | None, layers_given: bool) -> HeadList:
    """The head list for a checkpoint.

    Args:
        heads: None for the shipped list of this checkpoint; the name of a shipped list; a `.json` file; or the heads
            themselves as `layer-head` pairs, best first, joined by `+` (15-4+16-5).
        layers_given: whether knockout layers are stated elsewhere.

    Raises:
        ValueError: there is no list, it has no heads or layers, or it belongs to another model.
    """
    lists = shipped()
    if heads is None:
        found = next((one for one in lists.values() if _is_for(one, shape)), None)
    elif not isinstance(heads, str):
        raise ValueError(f"heads={heads!r}: allowed is {_FORMS}")
    elif re.fullmatch(r"\d+-\d+(\+\d+-\d+)*", heads):
        pairs = [pair.split("-") for pair in heads.split("+")]
        found = HeadList(
            models=[shape.pretrained],
            num_layers=shape.layers,
            num_heads=shape.heads,
            heads=[(int(layer), int(head)) for layer, head in pairs],
            layers=known_layers(shape),
            source="heads=",
        )
    else:
        found = load(heads)
    if found is not None and heads is not None:
        _refuse_other_model(found, heads, shape)
    if found is None or not found.heads:
        raise ValueError(f"heads: none are known for pretrained={shape.pretrained!r}. {_HOW.format(shape)}")
    if not found.layers and not layers_given:
        raise ValueError(
            f"layers: no knockout layers are known for pretrained={shape.pretrained!r}; give layers=16 or "
            f"layers=34+35+36 (0-based; the paper takes the layer of lowest mean KL). {_HOW.format(shape)}"
        )
    return found


def known_layers(shape: Shape) -> list[int]:
    """Knockout layers that the shipped list of this checkpoint states; empty where there is none."""
    return next((one.layers for one in shipped().values() if _is_for(one, shape)), [])


_FORMS = "layer-head pairs such as 15-4+16-5, the name of a shipped list, or a .json file"
_HOW = (
    "Obtain both with: lmms-vg heads calibrate --model {0.family} --model_args pretrained={0.pretrained} "
    "--data coco -o heads.json, then pass heads=heads.json; or give them by hand: heads=15-4+16-5,layers=16"
)


def _is_for(one: HeadList, shape: Shape) -> bool:
    """Same checkpoint name, wherever it lies: a hub id and its local copy end in the same name."""
    name = Path(shape.pretrained).name.lower()
    return any(Path(model).name.lower() == name for model in one.models) and _fits(one, shape)


def _fits(one: HeadList, shape: Shape) -> bool:
    return (one.num_layers, one.num_heads) == (shape.layers, shape.heads)


def _refuse_other_model(one: HeadList, heads: str, shape: Shape) -> None:
    """An explicit list must have this shape; and this name, unless the checkpoint is a folder, whose name says little."""
    if not _fits(one, shape):
        raise ValueError(
            f"heads={heads!r} is for {', '.join(one.models)} ({one.num_layers} layers of {one.num_heads} heads); "
            f"pretrained={shape.pretrained!r} has {shape.layers} layers of {shape.heads} heads. {_HOW.format(shape)}"
        )
    folder = shape.pretrained != DEMO and Path(shape.pretrained).is_dir()
    if not folder and not _is_for(one, shape):
        raise ValueError(
            f"heads={heads!r} is for {', '.join(one.models)}, not for pretrained={shape.pretrained!r}; "
            "to use these heads all the same, write them out: heads=15-4+16-5"
        )


def _read(path: Path) -> HeadList:
    try:
        return HeadList.model_validate_json(path.read_bytes())
    except OSError as problem:
        raise ValueError(f"heads={str(path)!r}: cannot be read: {problem.strerror}") from problem
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ValueError(f"heads={str(path)!r}: {where}: {first['msg']}") from problem


def parse_layers(layers: str | int) -> tuple[int, ...]:
    """`16` or `34+35+36` as a tuple."""
    if isinstance(layers, bool) or not re.fullmatch(r"\d+(\+\d+)*", str(layers)):
        raise ValueError(f"layers={layers!r}: allowed is a 0-based layer or several joined by +, such as 34+35+36")
    return tuple(sorted({int(layer) for layer in str(layers).split("+")}))


def check_layers(layers: tuple[int, ...], shape: Shape) -> None:
    """Raises ValueError for a layer the checkpoint does not have."""
    for layer in layers:
        if not 0 <= layer < shape.layers:
            raise ValueError(f"layers={layer}: {shape.pretrained!r} allows 0 to {shape.layers - 1}")


def check_heads(heads: list[Head], shape: Shape) -> None:
    """Raises ValueError for a head the checkpoint does not have, or one that is listed twice."""
    for layer, head in heads:
        if not (0 <= layer < shape.layers and 0 <= head < shape.heads):
            raise ValueError(
                f"heads={layer}-{head}: {shape.pretrained!r} allows layers 0 to {shape.layers - 1} "
                f"and heads 0 to {shape.heads - 1}"
            )
    if len(set(heads)) != len(heads):
        twice = next(pair for pair in heads if heads.count(pair) > 1)
        raise ValueError(f"heads={twice[0]}-{twice[1]}: is listed twice")
