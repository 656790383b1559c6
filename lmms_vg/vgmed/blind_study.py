"""A blind study out of two finished runs: questions are drawn, their maps become pictures, and the key is made."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from lmms_vg import __version__
from lmms_vg.datasets.schema import Sample
from lmms_vg.vgmed.blind_arms import ARMS, CONTROL_ARMS, RunMap, hiding_layers, lifts, lowest_kl
from lmms_vg.vgmed.blind_key import BlindKey
from lmms_vg.vgmed.blind_page import BlindCase
from lmms_vg.vgmed.blind_pictures import SIDE, TOP, map_picture, placements, plain_picture
from lmms_vg.vision.patch_grid import Geometry


class BlindStudy(NamedTuple):
    """The cases and the key, and why questions were left out."""

    cases: list[BlindCase]
    key: BlindKey
    left_out: list[str]


class ArmChoice(NamedTuple):
    """The questions, arms and layer of a comparison.

    Attributes:
        task: the task that the questions are from.
        arms: two or three of `blind_arms.ARMS`.
        method: the method of the second run, in words.
        layer: from 0; None for the plain run's layer of lowest mean KL.
        n: number of cases.
        seed: of the questions drawn, and of random holes.
    """

    task: str
    arms: Sequence[str]
    method: str
    layer: int | None
    n: int
    seed: int


def check_arms(arms: Sequence[str]) -> None:
    """Check which arms are compared.

    Raises:
        ValueError: they are not two or three different ones of `ARMS`.
    """
    if len(arms) not in (2, 3) or len(set(arms)) < len(arms) or not set(arms) <= ARMS.keys():
        raise ValueError(f"--arms {','.join(arms)}: allowed are two or three of {', '.join(ARMS)}, each once")


def blind_study(
    samples: Iterable[Sample],
    plain: Mapping[str, RunMap],
    method: Mapping[str, RunMap],
    choice: ArmChoice,
    open_image: Callable[[str], Image.Image],
    secret: str,
) -> BlindStudy:
    """Draw questions, one per image, and draw their maps.

    Args:
        samples: the task's questions.
        plain: uid -> maps of the plain run.
        method: uid -> maps of the method's run.
        choice: what is compared.
        open_image: opens an image by its URI, as RGB.
        secret: of the key.

    Raises:
        ValueError: the layer is not there, or no question can be shown; the message has the first reasons.
    """
    check_arms(choice.arms)
    asked = [sample for sample in samples if sample.uid in plain and sample.uid in method]
    if not asked:
        raise ValueError("the two runs keep maps of no common question; ask the same task with both")
    layer = lowest_kl(plain) if choice.layer is None else choice.layer
    depth = min(len(kept.maps) for maps in (plain, method) for kept in maps.values())
    if not 0 <= layer < depth:
        raise ValueError(f"--layer {layer}: allowed is 0 to {depth - 1}")
    hiding = hiding_layers(method)
    if CONTROL_ARMS & set(choice.arms) and layer not in hiding:
        raise ValueError(
            f"--arms {','.join(choice.arms)}: the method hides no patch in layer {layer}, so nothing is cut; allowed is "
            f"--layer {', '.join(map(str, hiding)) or '(it hides none in any layer: leave cut and random out)'}"
        )
    random.Random(choice.seed).shuffle(asked)
    drawn, left_out = _drawn(asked, plain, choice.n, open_image)
    cases: list[BlindCase] = []
    way = _common_way(drawn)
    for entry in drawn:
        try:
            cases.append(_case(entry, way, plain[entry.sample.uid], method[entry.sample.uid], layer, choice))
        except ValueError as problem:
            left_out.append(f"{entry.sample.uid}: {problem}")
    if not cases:
        raise ValueError(f"layer {layer}: no question can be shown: {'; '.join(left_out[:3])}")
    return BlindStudy(cases, _key(cases, layer, choice, secret), left_out)


class _Drawn(NamedTuple):
    sample: Sample
    image: Image.Image
    ways: dict[str, Geometry]


def _drawn(
    asked: Sequence[Sample], maps: Mapping[str, RunMap], n: int, open_image: Callable[[str], Image.Image]
) -> tuple[list[_Drawn], list[str]]:
    """Return the first n questions about different images that can be drawn, and why others cannot."""
    by_image: dict[str, _Drawn] = {}
    left_out: list[str] = []
    for sample in asked:
        uri = sample.images[0]
        if len(by_image) == n:
            break
        if uri not in by_image:
            try:
                image = open_image(uri)
                by_image[uri] = _Drawn(sample, image, placements(image.size, sample.boxes, maps[sample.uid]))
            except (ValueError, OSError) as problem:
                left_out.append(f"{sample.uid}: {problem}")
    return [*by_image.values()], left_out


def _common_way(drawn: Sequence[_Drawn]) -> str:
    """Return the way in which most of the images may lie: the box of a single one often fits several."""
    counts = Counter(way for entry in drawn for way in entry.ways)
    return counts.most_common(1)[0][0] if counts else ""


def _case(entry: _Drawn, way: str, plain: RunMap, method: RunMap, layer: int, choice: ArmChoice) -> BlindCase:
    rng = np.random.default_rng([choice.seed, *entry.sample.uid.encode()])
    maps = lifts(plain, method, layer, choice.arms, rng)
    geometry = entry.ways.get(way) or next(iter(entry.ways.values()))
    pictures = {arm: map_picture(entry.image, lift.reshape(plain.grid), geometry) for arm, lift in maps.items()}
    return BlindCase(entry.sample.uid, entry.sample.question, plain_picture(entry.image), pictures)


def _key(cases: Sequence[BlindCase], layer: int, choice: ArmChoice, secret: str) -> BlindKey:
    made_with = {
        "lmms_vg": __version__,
        "seed": str(choice.seed),
        "layer": "given" if choice.layer is not None else "the plain run's lowest mean KL",
        "scale": f"lift 0 to {TOP:g} for all maps, {SIDE} x {SIDE} pixels",
        "boxes": "not shown",
    }
    arms = {arm: f"{ARMS[arm]} ({choice.method})" if arm == "method" else ARMS[arm] for arm in choice.arms}
    uids = [case.uid for case in cases]
    return BlindKey(secret=secret, task=choice.task, layer=layer, arms=arms, cases=uids, made_with=made_with)
