"""The demo model before training: a LLaVA of under a million parameters, with tokenizer and image processor."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Split
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PreTrainedTokenizerFast,
    Qwen2Config,
)

from lmms_vg.demo.phantoms import SIDE, make_phantom, questions

#: Side of a patch in pixels.
PATCH = 8

#: Patches along each side of the image; each patch is one image token.
GRID = SIDE // PATCH

#: Family -> prompt.
TEMPLATES = {
    "huatuo": "<|user|>\n<image>\n{text}\n<|assistant|>\n",
    "llava": "USER: <image>\n{text} ASSISTANT:",
}
TAIL = "Answer the question using a single word or phrase."
REFERENCE = "Write a general description of the image."
REFERENCE_ANSWER = "phantom"

_SPECIAL = {"pad_token": "<pad>", "eos_token": "<eos>", "unk_token": "<unk>"}
_IMAGE = "<image>"


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Build a tokenizer of lower-case words without white space; `<|user|>` and `upper-left` are one word each."""
    splitter = Split(Regex(r"<\|\w+\|>|[\w-]+|[^\w\s]"), behavior="removed", invert=True)
    words = {word for text in _texts() for word, _ in splitter.pre_tokenize_str(text.lower())}
    vocabulary = [*_SPECIAL.values(), _IMAGE, *sorted(words)]

    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(vocabulary)}, unk_token=_SPECIAL["unk_token"]))
    tokenizer.normalizer = Lowercase()
    tokenizer.pre_tokenizer = splitter
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=512, extra_special_tokens=[_IMAGE], padding_side="left", **_SPECIAL
    )


@cache
def _texts() -> frozenset[str]:
    """Everything that is said to the model or by it: forty phantoms hold all kinds of findings."""
    samples = [question for seed in range(40) for question in questions(make_phantom(seed))]
    templates = [template.replace(_IMAGE, " ").format(text="") for template in TEMPLATES.values()]
    texts = [text for sample in samples for text in (sample.text, sample.answer)]
    return frozenset([*texts, *templates, TAIL, REFERENCE, REFERENCE_ANSWER])


def build_image_processor() -> CLIPImageProcessor:
    """Build CLIP's processor for 64x64 pixels; it scales grey levels from 0..255 to -1..1."""
    square = {"height": SIDE, "width": SIDE}
    return CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size=square, image_mean=[0.5] * 3, image_std=[0.5] * 3)


def build_model(tokenizer: PreTrainedTokenizerFast, seed: int) -> LlavaForConditionalGeneration:
    """Build the untrained model of a seed; torch's global random state is not changed."""
    vision = CLIPVisionConfig(
        hidden_size=96,
        intermediate_size=192,
        num_hidden_layers=4,
        num_attention_heads=4,
        image_size=SIDE,
        patch_size=PATCH,
        projection_dim=96,
    )
    text = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=96,
        intermediate_size=192,
        num_hidden_layers=6,
        num_attention_heads=6,
        num_key_value_heads=2,
        max_position_embeddings=512,
        initializer_range=0.1,  # at this width training from the default of 0.02 stays at chance
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    config = LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=tokenizer.get_vocab()[_IMAGE],
        image_seq_length=GRID**2,
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: LlavaForConditionalGeneration = LlavaForConditionalGeneration(config).float()
    return model


def save(model: LlavaForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, out: Path) -> None:
    """Write a folder for `from_pretrained`, each file atomically."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
        for part in (model, tokenizer, build_image_processor()):
            part.save_pretrained(scratch)
        for file in Path(scratch).iterdir():
            os.replace(file, out / file.name)
