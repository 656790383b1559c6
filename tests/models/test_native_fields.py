"""Fields of small files in the families of transformers' image-text-to-text classes: honoured, without effect, or refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import tiny
import tiny_families
import torch
from batches import alone
from checkpoint_table import TABLE
from checkpoints import edited
from pixels import pixels_of

from lmms_vg.attention import install
from lmms_vg.attention.self_check import compare
from lmms_vg.models import Family
from lmms_vg.models.checkpoint import CheckpointError
from lmms_vg.vision.images import open_picture

#: Family -> its tiny checkpoint.
NAMES = {"qwen_vl": "qwen2_5_vl", "medgemma": "gemma3", "internvl": "internvl", "llava_next": "llava_next"}
C, G, P = "config.json", "generation_config.json", "preprocessor_config.json"
SLOWLY = {"rope_type": "linear", "factor": 4.0}
DYNAMIC = {"rope_type": "dynamic", "factor": 2.0}


class Case(NamedTuple):
    """A field of a file with another value; `names` is what the refusal names, the field by default."""

    family: str
    file: str
    field: str
    outcome: str
    value: Any
    names: str = ""

    def __str__(self) -> str:
        return f"{self.family}:{self.field}:{self.outcome}"


def rope(family: str, changes: dict[str, Any]) -> tuple[str, Any]:
    """The field of a text model's rotary frequencies, and its value with these changes; Gemma 3 has two kinds."""
    own = {"rope_theta": 1e4, **changes}
    if family == "qwen_vl":
        own |= {"mrope_section": [1, 1, 2]}
    return (
        "text_config.rope_parameters.full_attention" if family == "medgemma" else "text_config.rope_parameters"
    ), own


def of_all(family: str) -> list[Case]:
    return [
        Case(family, C, rope(family, {})[0], "honoured", rope(family, SLOWLY)[1]),
        Case(family, C, rope(family, {})[0], "refused", rope(family, DYNAMIC)[1], "rope_type"),
        Case(family, C, "text_config.rms_norm_eps", "honoured", 0.5),
        Case(family, C, "vision_config.hidden_act", "honoured", "relu"),
        Case(family, P, "image_mean", "honoured", [0.1, 0.2, 0.3]),
        Case(family, G, "repetition_penalty", "refused", 1.3),
    ]


SQUARE = {"height": 70, "width": 70}
CASES = [
    *(case for family in NAMES for case in of_all(family)),
    Case("qwen_vl", P, "size", "no effect", {"shortest_edge": 784, "longest_edge": 7840}),
    Case("qwen_vl", P, "min_pixels", "no effect", 50_000),
    Case("qwen_vl", P, "max_pixels", "no effect", 4_000),
    Case("qwen_vl", P, "patch_size", "refused", 16),
    Case("qwen_vl", P, "merge_size", "refused", 1),
    Case("qwen_vl", P, "temporal_patch_size", "refused", 1),
    Case("qwen_vl", P, "do_resize", "refused", False),
    Case("medgemma", P, "do_resize", "refused", False),
    Case("medgemma", P, "size", "refused", SQUARE),
    Case("medgemma", P, "do_pan_and_scan", "refused", True),
    Case("medgemma", C, "text_config.sliding_window", "honoured", 8),
    Case("medgemma", C, "text_config.final_logit_softcapping", "no effect", 0.5),
    Case("internvl", P, "size", "refused", SQUARE),
    Case("internvl", P, "crop_to_patches", "no effect", True),
    Case("internvl", P, "min_patches", "no effect", 2),
    Case("internvl", P, "max_patches", "no effect", 3),
    Case("internvl", P, "do_resize", "no effect", False),
    Case("llava_next", P, "size", "refused", {"shortest_edge": 80}),
    Case("llava_next", P, "crop_size", "refused", SQUARE),
    Case("llava_next", P, "image_grid_pinpoints", "refused", [[56, 112], [112, 56]]),
    Case("llava_next", P, "do_resize", "no effect", False),
    Case("llava_next", P, "do_center_crop", "no effect", False),
    Case("llava_next", P, "do_pad", "no effect", False),
]


@torch.no_grad()
def answered(family: Family) -> dict[str, Any]:
    """What an answer depends on; our path is compared with transformers' own on the way."""
    prompt = family.prompt([open_picture(tiny.picture(0, 160, 120)), "Where is the large nodule in the upper left?"])
    assert compare(family, prompt)[0] < 1e-5
    install(family.model)
    return {
        "ids": prompt.input_ids.tolist(),
        "pixels": pixels_of(prompt).numpy().tobytes(),
        "logits": alone(family, prompt).prefill().logits[0].tolist(),
    }


class Unchanged(NamedTuple):
    """A family's checkpoint without a change."""

    folder: Path
    answered: dict[str, Any]
    identity: dict[str, str]


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Unchanged]:
    root = tmp_path_factory.mktemp("fields")

    def made(family: str) -> Unchanged:
        loaded = tiny_families.load(NAMES[family], root / family)
        return Unchanged(root / family, answered(loaded), loaded.identity())

    return cache(made)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=str)
def test_field(unchanged: Callable[[str], Unchanged], tmp_path: Path, case: Case) -> None:
    before = unchanged(case.family)
    folder = edited(before.folder, tmp_path / "c", case.file, {case.field: case.value})
    if case.outcome == "refused":
        named = case.names or re.escape(case.field.rsplit(".", 1)[-1])
        with pytest.raises(CheckpointError, match=named):
            tiny_families.load(NAMES[case.family], folder)
        return
    after = tiny_families.load(NAMES[case.family], folder)
    assert (answered(after) == before.answered) == (case.outcome == "no effect")
    assert case.outcome == "no effect" or after.identity() != before.identity


def documented() -> dict[tuple[str, str, str], set[str]]:
    """(family, file, field) -> its treatment, of the table's rows about these families."""
    treatments: dict[tuple[str, str, str], set[str]] = {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("| ") or len(cells) != 5 or "`" not in cells[1]:
            continue
        families = list(NAMES) if cells[0] == "all four" else re.findall(r"`([^`]+)`", cells[0])
        for family in families:
            for name in re.findall(r"`([^`]+)`", cells[2]):
                treatments[family, cells[1].strip("`"), name] = set(cells[3].split(", "))
    return treatments


def test_the_table_and_the_cases_say_the_same() -> None:
    tested: dict[tuple[str, str, str], set[str]] = {}
    for case in CASES:
        field = case.field.removesuffix(".full_attention")
        tested.setdefault((case.family, case.file, field), set()).add(case.outcome)
    assert tested == documented()
