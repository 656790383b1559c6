"""Our plain run answers as lmms-eval's own models do, on the same tiny random checkpoint and the same questions.

Where the two ask otherwise by design, the difference is switched off here, and only here: lmms-eval's models load bfloat16
(read as float32), say "You are a helpful assistant." to Qwen and Gemma (left out), shrink images with PIL before Qwen's image
processor (these need no shrinking), and send Gemma a JPEG of each image (the image itself), whose pixels they round to bfloat16
(ours too).
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
import tiny
import tiny_families
import torch
from lmms_eval.api.instance import Instance
from PIL import Image
from transformers import AutoTokenizer

from lmms_vg.attention import install
from lmms_vg.attention.batch import Batch
from lmms_vg.attention.decoding import decode
from lmms_vg.attention.session import Sessions
from lmms_vg.journal.decoding import Decoding
from lmms_vg.models import Family
from lmms_vg.models.medgemma import MedGemma
from lmms_vg.vision.images import open_picture

QUESTIONS, TOKENS = 20, 6


class Wrapper(NamedTuple):
    """A model of lmms-eval: its module and class, its arguments, and what its processor needs.

    Attributes:
        module: below `lmms_eval.models`.
        name: of the class.
        arguments: of the class.
        processor: class of transformers.
        further: arguments of the processor.
        marks: attributes of the tokenizer that the processor reads.
    """

    module: str
    name: str
    arguments: dict[str, Any]
    processor: str
    further: dict[str, Any] = {}
    marks: dict[str, str] = {}


VIDEO = {"video_token": "<|video_pad|>"}


WRAPPERS = {
    "qwen2_5_vl": Wrapper(
        "chat.qwen2_5_vl", "Qwen2_5_VL", {"min_pixels": 3136, "max_pixels": 50176}, "Qwen2_5_VLProcessor", marks=VIDEO
    ),
    "qwen3_vl": Wrapper(
        "chat.qwen3_vl", "Qwen3_VL", {"min_pixels": 4096, "max_pixels": 50176}, "Qwen3VLProcessor", marks=VIDEO
    ),
    "gemma3": Wrapper(
        "simple.gemma3",
        "Gemma3",
        {},
        "Gemma3Processor",
        {"image_seq_length": 16},
        {"boi_token": "<start_of_image>", "image_token": "<image_soft_token>", "eoi_token": "<end_of_image>"},
    ),
    "internvl": Wrapper(
        "chat.internvl_hf",
        "InternVLHf",
        {"max_patches": 6},
        "InternVLProcessor",
        {"image_seq_length": 4},
        {
            "start_image_token": "<img>",
            "end_image_token": "</img>",
            "context_image_token": "<IMG_CONTEXT>",
            "video_token": "<video>",
        },
    ),
    "llava_next": Wrapper(
        "chat.llava_hf",
        "LlavaHf",
        {"dtype": "float32"},
        "LlavaNextProcessor",
        {"patch_size": 14, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1},
    ),
}


def questions() -> list[tuple[Image.Image, str]]:
    """Questions of VQA-RAD if it is here, else about random images, of a size that Qwen's processors need not change."""
    folder = Path(os.environ.get("LMMS_VG_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data") / "vqa_rad"
    source = folder / "VQA_RAD Dataset Public.json"
    if source.is_file():
        rows = json.loads(source.read_text(encoding="utf-8-sig"))[: 3 * QUESTIONS : 3]
        opened = [(Image.open(folder / "VQA_RAD Image Folder" / row["image_name"]), row["question"]) for row in rows]
    else:
        opened = [
            (tiny.picture(n, 90, 70), f"Is the {'left' if n % 2 else 'right'} cyst number {n} bright?")
            for n in range(QUESTIONS)
        ]
    return [(image.convert("RGB").resize((224, 224)), text.strip()) for image, text in opened]


def written(name: str, folder: Path) -> None:
    """Save a tiny checkpoint in bfloat16, with an output head of its own: a tied one repeats the last token."""
    model = tiny_families.load(name, folder).model
    if model.lm_head.weight is model.get_input_embeddings().weight:
        model.config.tie_word_embeddings = model.config.get_text_config().tie_word_embeddings = False
        drawn = torch.randn(model.lm_head.weight.shape, generator=torch.Generator().manual_seed(0))
        model.lm_head.weight = torch.nn.Parameter(drawn)
    model.bfloat16().save_pretrained(folder)


def with_processor(folder: Path, wrapper: Wrapper) -> None:
    """Save what `AutoProcessor` needs; our families read the parts that were there before."""
    import transformers

    kind = getattr(transformers, wrapper.processor)
    tokenizer = AutoTokenizer.from_pretrained(folder, extra_special_tokens=wrapper.marks)
    parts: dict[str, Any] = {"image_processor": transformers.AutoImageProcessor.from_pretrained(folder)}
    if "Qwen" in wrapper.processor or "InternVL" in wrapper.processor:
        videos = {"Qwen2_5_VLProcessor": "Qwen2VLVideoProcessor", "Qwen3VLProcessor": "Qwen3VLVideoProcessor"}
        parts["video_processor"] = getattr(transformers, videos.get(wrapper.processor, "InternVLVideoProcessor"))()
    kind(tokenizer=tokenizer, chat_template=tokenizer.chat_template, **parts, **wrapper.further).save_pretrained(folder)


def theirs(
    wrapper: Wrapper, folder: Path, asked: list[tuple[Image.Image, str]], monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Answers of lmms-eval's model."""
    if importlib.util.find_spec("decord") is None:  # lmms-eval imports it for videos, and does not declare it
        stub = ModuleType("decord")
        stub.__dict__.update(VideoReader=None, cpu=None)
        monkeypatch.setitem(sys.modules, "decord", stub)
    kind = getattr(importlib.import_module(f"lmms_eval.models.{wrapper.module}"), wrapper.name)
    model = kind(pretrained=str(folder), device="cpu", device_map="cpu", batch_size=1, **wrapper.arguments)
    model._model.float()
    if hasattr(model, "processor"):
        render = model.processor.apply_chat_template

        def without_system(asked: list[Any], **how: Any) -> Any:
            batch = [asked] if isinstance(asked[0], dict) else asked
            kept = [[one for one in messages if one["role"] != "system"] for messages in batch]
            return render(kept[0] if batch[0] is asked else kept, **how)

        monkeypatch.setattr(model.processor, "apply_chat_template", without_system)
    monkeypatch.setattr(model, "_encode_image_data_url", lambda image: image, raising=False)
    model.task_dict["t"] = {"test": asked}
    settings = {"max_new_tokens": TOKENS, "temperature": 0, "do_sample": False}

    def messages(pair: tuple[Image.Image, str]) -> list[dict[str, Any]]:
        return [{"role": "user", "content": [{"type": "image", "url": pair[0]}, {"type": "text", "text": pair[1]}]}]

    def request(number: int, text: str) -> Instance:
        middle = (settings, lambda pair: [pair[0]]) if wrapper.module.startswith("simple") else (messages, settings)
        return Instance(
            request_type="generate_until",
            arguments=(text, *middle, number, "t", "test"),
            idx=0,
            metadata={"task": "t", "doc_id": number, "repeats": 1},
        )

    answers = model.generate_until([request(number, text) for number, (_, text) in enumerate(asked)])
    return [getattr(one, "text", one) for one in answers]


def ours(family: Family, asked: list[tuple[Image.Image, str]]) -> list[str]:
    """Answers of our plain run."""
    install(family.model)
    stop = frozenset({family.tokenizer.eos_token_id})  # theirs; ours ends at the text model's own end token, too
    answers = []
    for image, text in asked:
        prompt = family.prompt([open_picture(image), text])
        if isinstance(family, MedGemma):
            rounded = [replace(one, pixels=one.pixels.bfloat16().float()) for one in prompt.images]
            prompt = replace(prompt, images=tuple(rounded))
        answering = Batch.open(Sessions(family), [prompt], [prompt]).prefill()

        def spell(tokens: list[int]) -> str:
            return family.tokenizer.decode(tokens, skip_special_tokens=True)

        answers.append(spell(decode(answering, Decoding(max_new_tokens=TOKENS), [""], stop, spell)[0]))
    return answers


@pytest.mark.slow
@pytest.mark.parametrize("name", WRAPPERS)
@torch.no_grad()
def test_answers_are_those_of_lmms_evals_own_model(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / name
    written(name, folder)
    asked = questions()
    expected = ours(tiny_families.load(name, folder), asked)
    with_processor(folder, WRAPPERS[name])
    assert theirs(WRAPPERS[name], folder, asked, monkeypatch) == expected
    assert len(set(expected)) > QUESTIONS // 4, "the questions hardly matter, so equal answers say nothing"
