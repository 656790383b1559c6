"""A checkpoint that the asked family does not load: the message names what works, before any weights are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tiny
from checkpoints import edit, edited, original_layout
from huggingface_hub.errors import GatedRepoError
from transformers import LlavaNextImageProcessor, Qwen2VLImageProcessor

from lmms_vg.demo.model import build_tokenizer
from lmms_vg.extensions.entries import Extension
from lmms_vg.models import checkpoint
from lmms_vg.models.checkpoint import CheckpointError
from lmms_vg.models.elsewhere import NOWHERE, instead, takers
from lmms_vg.models.huatuo import Huatuo
from lmms_vg.models.image_text import ImageText
from lmms_vg.models.internvl import InternVL
from lmms_vg.models.lingshu import Lingshu
from lmms_vg.models.llava import Llava
from lmms_vg.models.llava_med import LlavaMed
from lmms_vg.models.llava_next import LlavaNext
from lmms_vg.models.medgemma import MedGemma
from lmms_vg.models.prompts import neutralise
from lmms_vg.models.qwen_vl import QwenVL
from lmms_vg.models.vila_m3 import VilaM3

OURS = (Huatuo, InternVL, Lingshu, Llava, LlavaMed, LlavaNext, MedGemma, QwenVL, VilaM3)


@pytest.fixture(autouse=True)
def all_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that the installed metadata may not have yet."""
    families = {cls.name: Extension("family", cls.name, f"{cls.__module__}:{cls.__name__}", "lmms_vg") for cls in OURS}
    monkeypatch.setattr("lmms_vg.models.FAMILIES._registered", lambda: families)


def stored(folder: Path, config: dict[str, Any]) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    return str(folder)


ORIGINAL = {"mm_vision_tower": "openai/clip-vit-large-patch14-336", "mm_projector_type": "mlp2x_gelu"}
TEXT = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
OWN = [
    ("qwen_vl", {"model_type": "qwen2_5_vl"}),
    ("qwen_vl", {"model_type": "qwen3_vl"}),
    ("medgemma", {"model_type": "gemma3"}),
    ("internvl", {"model_type": "internvl"}),
    ("llava_next", {"model_type": "llava_next"}),
    ("llava_med", {"model_type": "llava_mistral", **ORIGINAL, **TEXT}),
    ("huatuo", {"model_type": "llava_qwen2", **ORIGINAL, **TEXT, "hidden_size": 3584, "vocab_size": 152_064}),
    ("vila_m3", {"model_type": "llava_llama", "vision_tower_cfg": {}, "mm_vision_select_feature": "cls_patch"}),
    ("llava", {"model_type": "llava", "text_config": {"model_type": "llama"}}),
]
LINGSHU = ("lingshu", {"model_type": "qwen2_5_vl"})  # in a folder of this name; else it is a Qwen2.5-VL


@pytest.mark.parametrize("asked", OURS, ids=lambda cls: cls.name)
@pytest.mark.parametrize(("own", "config"), OWN, ids=[f"{name}-{config['model_type']}" for name, config in OWN])
def test_the_family_that_loads_it_is_named(
    tmp_path: Path, asked: type[ImageText], own: str, config: dict[str, Any]
) -> None:
    folder = stored(tmp_path / "checkpoint", config)
    assert takers(folder, None, config) == [own]
    if asked.name == own:
        assert asked.read_own(folder, None) == config
        return
    for read in (asked.inspect, asked.read_configuration):
        with pytest.raises(CheckpointError) as caught:
            read(folder, None)
        assert f"It is loaded with --model {own}_plain --model_args pretrained={folder}" in str(caught.value)
        assert "\n" not in str(caught.value)


#: model_type, or the name of a repository, and what the message must have: the kind of model, and what works.
KNOWN = [
    ("qwen", "checkpoint", "Qwen-VL-Chat", "--model qwen_vl_plain"),
    ("qwen3_next", "checkpoint", "linear attention", "Qwen/Qwen3-VL-8B-Instruct"),
    ("qwen3_5", "checkpoint", "linear attention", "Qwen/Qwen3-VL-8B-Instruct"),
    ("internvl_chat", "InternVL3-8B", "InternVL in its authors' own layout", "-hf"),
    ("gemma3_text", "medgemma-27b-text-it", "takes no images", "pretrained=google/medgemma-27b-it"),
    ("hulumed_qwen2", "checkpoint", "Hulu-Med", "--model lingshu_plain"),
    ("internvl_chat", "medrega", "MedRegA", "--model internvl_plain"),
    ("llava_llama", "LLaVA-Tri", "LLaVA-Tri", "--model llava_med_plain"),
    ("llava_mpt", "checkpoint", "LLaVA in its original layout", "pretrained=CONVERSION"),
    (None, "med-flamingo", "Med-Flamingo", "--model llava_med_plain"),
    (None, "RadFM", "RadFM", "--model llava_med_plain"),
    (None, "Qwen-VL-Chat", "Qwen-VL-Chat", "--model qwen_vl_plain"),
    (None, "HuatuoGPT-V-7B-Bio", "HuatuoGPT-V-Bio", "--model huatuo_plain"),
    (None, "Hulu-Med-32B", "Hulu-Med", "--model lingshu_plain"),
]


@pytest.mark.parametrize("asked", OURS, ids=lambda cls: cls.name)
@pytest.mark.parametrize(("kind", "name", "model", "works"), KNOWN)
def test_what_no_family_loads_is_refused_with_the_nearest_thing_that_works(
    tmp_path: Path, asked: type[ImageText], kind: str | None, name: str, model: str, works: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    if kind is not None:
        stored(folder, {"model_type": kind, **(ORIGINAL if kind == "llava_mpt" else {})})
    with pytest.raises(CheckpointError) as caught:
        asked.read_configuration(str(folder), None)
    message = str(caught.value)
    assert model in message
    assert works in message
    assert str(folder) in message
    assert kind is None or repr(kind) in message


def test_an_unknown_repository_of_a_known_name_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CheckpointError, match=r"'chaoyi-wu/RadFM' cannot be loaded\. This is RadFM: "):
        Llava.inspect("chaoyi-wu/RadFM")


@pytest.mark.parametrize(
    ("asked", "works"),
    [
        ("OpenGVLab/InternVL3-8B", "OpenGVLab/InternVL3-8B-hf"),
        ("OpenGVLab/InternVL3-38B-Instruct", "OpenGVLab/InternVL3-8B-hf"),
        ("OpenGVLab/InternVL3_5-8B", "OpenGVLab/InternVL3_5-8B-HF"),
        ("OpenGVLab/InternVL2_5-8B", "OpenGVLab/InternVL3-8B-hf"),
    ],
)
def test_an_internvl_without_hf_names_the_repository_with_it(asked: str, works: str) -> None:
    """By its name where config.json cannot be read, by its model type where it can."""
    for hint in (instead(asked, None, {}), instead(asked, None, {"model_type": "internvl_chat"})):
        assert hint.endswith(f"--model internvl_plain --model_args pretrained={works}")
    for read in (InternVL.inspect, InternVL.read_configuration):
        with pytest.raises(CheckpointError, match=f"pretrained={works}$"):
            read(asked, None)
    assert instead(works, None, {}) == ""


def test_lingshu_is_known_by_its_name(tmp_path: Path) -> None:
    name, config = LINGSHU
    folder = stored(tmp_path / name, config)
    assert takers(folder, None, config) == ["lingshu", "qwen_vl"]
    with pytest.raises(CheckpointError, match=r"loaded with --model lingshu_plain \(or qwen_vl_plain\) --model_args"):
        MedGemma.inspect(folder)


def test_a_checkpoint_that_loads_is_not_refused_for_its_name(tmp_path: Path) -> None:
    config = {"model_type": "qwen2_5_vl"}
    assert QwenVL.read_own(stored(tmp_path / "RadFM", config), None) == config


def test_every_row_says_what_works() -> None:
    for row in NOWHERE:
        assert row.types or row.names, row.model
        assert "--model " in row.instead, row.model
        assert row.model, row.reason


@pytest.mark.parametrize("asked", OURS, ids=lambda cls: cls.name)
@pytest.mark.parametrize("with_config", [False, True])
def test_an_adapter_is_refused_with_the_way_to_merge_it(
    tmp_path: Path, asked: type[ImageText], with_config: bool
) -> None:
    """Adapters come without a config.json as a rule."""
    folder = tmp_path / asked.name
    stored(folder, next(config for name, config in [*OWN, LINGSHU] if name == asked.name))
    if not with_config:
        (folder / "config.json").unlink()
    edit(folder, "adapter_config.json", {"base_model_name_or_path": "some/base"})
    with pytest.raises(CheckpointError, match=r"adapter of 'some/base'.*merge_and_unload"):
        asked.read_configuration(str(folder), None)


def test_a_missing_image_processor_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    folder = tiny.save(tmp_path / "checkpoint")
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(
        CheckpointError, match=r"no image processor \(preprocessor_config.json\): copy that of"
    ) as caught:
        Llava.read_processors(str(folder), None, *Llava.read_configuration(str(folder), None)[:2])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("family", [QwenVL, MedGemma, InternVL, LlavaNext], ids=lambda cls: cls.name)
def test_the_image_processor_of_another_family_is_refused(family: type[ImageText]) -> None:
    other = LlavaNextImageProcessor() if family is QwenVL else Qwen2VLImageProcessor()
    kind = type(other).__name__
    with pytest.raises(
        CheckpointError, match=f"is {kind}; '{family.name}' takes {family.processor}.*{family.pretrained}"
    ):
        family._require_processor("checkpoint", other)


def test_a_video_mark_in_a_question_is_broken_up() -> None:
    """Also where the tokenizer does not say that it is special."""
    for family, mark in ((QwenVL, "<|video_pad|>"), (QwenVL, "<|image_pad|>"), (InternVL, "<video>")):
        forbidden = family(None, build_tokenizer(), None).forbidden  # type: ignore[abstract]
        assert mark not in neutralise(f"what is {mark} here", forbidden)


def test_a_gated_repository_names_its_terms_and_the_login(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    def gated(*_: object, **__: object) -> str:
        request = httpx.Request("GET", "https://huggingface.co/google/medgemma-4b-it")
        raise GatedRepoError("gated", response=httpx.Response(403, request=request))

    monkeypatch.setattr(checkpoint, "hf_hub_download", gated)
    login = r"gated: accept its terms on https://huggingface.co/google/medgemma-4b-it, then log in with: hf auth login"
    for read in (MedGemma.inspect, MedGemma.read_configuration):
        with pytest.raises(CheckpointError, match=rf"{login} \(or set HF_TOKEN\)") as caught:
            read("google/medgemma-4b-it", None)
        assert "\n" not in str(caught.value)


def test_a_layout_that_only_another_family_converts(tmp_path: Path) -> None:
    """LLaVA-Med's layout is never taken by the family of HuatuoGPT-Vision, even if the vocabulary has its role marks."""
    folder = original_layout(tiny.save(tmp_path / "hf", "llama"), tmp_path / "old", "llama")
    copy = edited(folder, tmp_path / "copy", "config.json", {"model_type": "llava_mistral"})
    assert takers(str(folder), None, json.loads((folder / "config.json").read_text())) == ["huatuo"]
    with pytest.raises(CheckpointError, match=r"llava_mistral.*--model llava_med_plain"):
        Huatuo.inspect(str(copy))
