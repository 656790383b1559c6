"""Each field of a checkpoint's small files is honoured as transformers honours it, cannot matter, or is refused by name."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from batches import alone
from checkpoint_table import documented_fields
from checkpoints import edit, load, original_layout
from field_cases import CASES, Case
from pixels import pixels_of
from transformers import (
    AutoImageProcessor,
    AutoTokenizer,
    CLIPImageProcessor,
    CLIPVisionConfig,
    GenerationConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaImageProcessor,
    MistralConfig,
    Qwen2Config,
    Qwen3Config,
    SiglipImageProcessor,
)

from lmms_vg.attention import install
from lmms_vg.models.checkpoint import CheckpointError
from lmms_vg.models.fields import NEUTRAL
from lmms_vg.models.llava import Llava
from lmms_vg.models.prompts import tokenise
from lmms_vg.vision.images import open_picture

QUESTION = "Is the nodule bright ?"


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    root = tmp_path_factory.mktemp("fields")
    folders = {("transformers", kind): tiny.save(root / kind, kind, layers=3) for kind in ("llama", "qwen2", "mistral")}
    return folders | {("original", "llama"): original_layout(root / "llama", root / "original", "llama")}


@torch.no_grad()
def answered(family: Llava) -> dict[str, Any]:
    """Everything an answer depends on, computed along the path that every answer takes."""
    try:
        prompt = family.prompt([open_picture(tiny.picture()), QUESTION])
    except ValueError as problem:
        return {"refused": str(problem)}
    install(family.model)
    assert prompt.images
    return {
        "ids": prompt.input_ids.tolist(),
        "pixels": pixels_of(prompt).numpy().tobytes(),
        "logits": alone(family, prompt).prefill().logits[0],
        "stop": family.stop_ids,
        "text": family.tokenizer.decode(family.tokenizer("it is bright .", add_special_tokens=False)["input_ids"]),
    }


@pytest.fixture(scope="module")
def before(sources: dict[tuple[str, str], Path]) -> dict[tuple[str, str], tuple[dict[str, Any], dict[str, str]]]:
    families = {key: load("huatuo" if key[0] == "original" else "llava", folder) for key, folder in sources.items()}
    return {key: (answered(family), family.identity()) for key, family in families.items()}


def written(case: Case, source: Path, folder: Path) -> Path:
    shutil.copytree(source, folder)
    for name in case.without:
        if (folder / name).is_file():
            (folder / name).unlink()
            continue
        stored = json.loads((folder / case.file).read_text())
        place = stored
        *parents, last = name.split(".")
        for parent in parents:
            place = place[parent]
        place.pop(last, None)
        (folder / case.file).write_text(json.dumps(stored))
    edit(folder, case.file, case.changes)
    return folder


@pytest.mark.parametrize("case", CASES, ids=str)
def test_field(
    sources: dict[tuple[str, str], Path],
    before: dict[tuple[str, str], tuple[dict[str, Any], dict[str, str]]],
    tmp_path: Path,
    case: Case,
) -> None:
    key = (case.layout, case.kind)
    folder = written(case, sources[key], tmp_path / "c")
    name = "huatuo" if case.layout == "original" else "llava"
    if case.outcome == "refused":
        with pytest.raises(CheckpointError, match=case.names or re.escape(case.field.rsplit(".", 1)[-1])) as caught:
            load(name, folder)
        assert str(folder) in str(caught.value)
        assert "\n" not in str(caught.value)
        return
    family = load(name, folder)
    if case.layout == "transformers":
        as_transformers_tokenises(folder, family)
    after, (base, identity) = answered(family), before[key]
    assert same(after, base) == (case.outcome == "same")
    if case.outcome == "changed":
        assert family.identity() != identity
        if case.layout == "transformers" and "logits" in after:
            as_transformers_has_it(folder, family, after)


def same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    return first.keys() == second.keys() and all(
        torch.equal(value, second[name]) if isinstance(value, torch.Tensor) else value == second[name]
        for name, value in first.items()
    )


def as_transformers_tokenises(folder: Path, family: Llava) -> None:
    """Ids of text and of control tokens are equal; `<image>` is one token to transformers' tokenizer."""
    text = f"USER: <image>\n{QUESTION} ASSISTANT:"
    ids = tokenise(family.tokenizer, text, family.begin_of_text).ids
    assert ids == AutoTokenizer.from_pretrained(folder)(text)["input_ids"]


@torch.no_grad()
def as_transformers_has_it(folder: Path, family: Llava, after: dict[str, Any]) -> None:
    """Its own classes give the same pixels from the same folder, and the same logits for the same ids."""
    pixels = AutoImageProcessor.from_pretrained(folder)(images=tiny.picture(), return_tensors="pt")["pixel_values"]
    assert after["pixels"] == pixels.numpy().tobytes()
    model = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    logits = model(input_ids=torch.tensor([after["ids"]]), pixel_values=pixels).logits[0, -1]
    torch.testing.assert_close(after["logits"], logits, atol=3e-5, rtol=1e-4)


OUTCOMES = {"changed": "honoured", "same": "no effect", "refused": "refused"}


def section(case: Case) -> str:
    if case.layout == "original":
        return "Original layout" if case.file == "config.json" else "Original layout, vit/"
    return case.file


def test_the_table_and_the_cases_say_the_same() -> None:
    documented = {key: value for key, value in documented_fields().items() if value != {"placement"}}
    tested: dict[tuple[str, str], set[str]] = {}
    for case in CASES:
        tested.setdefault((section(case), case.field), set()).add(OUTCOMES[case.outcome])
    assert tested == documented


@pytest.mark.parametrize(
    ("file", "prefix", "fields"),
    [
        ("generation_config.json", "", set(GenerationConfig().to_dict()) | set(vars(GenerationConfig()))),
        ("config.json", "", set(LlavaConfig().to_dict())),
        ("config.json", "vision_config.", set(CLIPVisionConfig().to_dict())),
        *(
            ("config.json", "text_config.", set(kind().to_dict()))
            for kind in (LlamaConfig, Qwen2Config, Qwen3Config, MistralConfig)
        ),
        *(
            ("preprocessor_config.json", "", set(kind().to_dict()))
            for kind in (CLIPImageProcessor, LlavaImageProcessor, SiglipImageProcessor)
        ),
    ],
)
def test_no_field_that_transformers_knows_is_missing_in_the_table(file: str, prefix: str, fields: set[str]) -> None:
    """A release that adds a field fails here until somebody decides how to treat it."""
    known = {name for place, name in documented_fields() if place == file}
    general = {name.rsplit(".", 1)[-1] for name in known if name.startswith(("text_config.", "vision_config."))}
    general &= set(LlavaConfig().to_dict())  # fields of every configuration are in the table once
    public = {name for name in fields if not name.startswith("_")}
    missing = {name for name in public if f"{prefix}{name}" not in known and name not in general}
    assert missing - {"text_config", "vision_config"} - (known if prefix else set()) == set()


def test_neutral_values_of_a_dumped_generation_config_are_taken(
    sources: dict[tuple[str, str], Path], tmp_path: Path
) -> None:
    """Files of older releases state every field."""
    folder = shutil.copytree(sources["transformers", "llama"], tmp_path / "c")
    edit(folder, "generation_config.json", {name: values[0] if values else None for name, values in NEUTRAL.items()})
    edit(folder, "config.json", dict.fromkeys(NEUTRAL))
    load("llava", folder)
