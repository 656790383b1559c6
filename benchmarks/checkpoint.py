"""A LLaVA of realistic proportions with random weights, saved as a folder that every contestant can load."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from transformers import (
    AutoModelForImageTextToText,
    CLIPImageProcessor,
    CLIPVisionConfig,
    LlavaConfig,
    LlavaProcessor,
    PreTrainedTokenizerFast,
    Qwen2Config,
)

from benchmarks.questions import REFERENCE

#: Template for messages as plain text (lmms-eval's llava_hf) and as parts (ours); both render the same prompt.
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ 'USER: ' }}"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{{ '<image>\n' if part['type'] == 'image' else part['text'] }}{% endfor %}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ ' ASSISTANT:' }}{% endif %}"
)

_SPECIAL = {"pad_token": "<pad>", "eos_token": "<eos>", "unk_token": "<unk>"}


@dataclass(frozen=True)
class Size:
    """Proportions of the model. By default the text model is Qwen2-0.5B's and the vision tower CLIP ViT-L/14 at 336.

    Attributes:
        head: channels of a head of the text model.
        key_value_heads: its heads of keys and values.
        intermediate: width inside its MLPs; None for Qwen2-0.5B's share of `hidden`.
    """

    layers: int = 24
    hidden: int = 896
    vocabulary: int = 16384
    vision_layers: int = 24
    vision_hidden: int = 1024
    image: int = 336
    patch: int = 14
    head: int = 64
    key_value_heads: int = 2
    intermediate: int | None = None

    @property
    def heads(self) -> int:
        """Number of heads; at least eight, so that the smallest model has enough."""
        return max(8, self.hidden // self.head)

    @property
    def image_tokens(self) -> int:
        """Number of tokens of an image."""
        return (self.image // self.patch) ** 2

    def config(self, tokenizer: PreTrainedTokenizerFast) -> LlavaConfig:
        """The configuration of a LLaVA of this size."""
        text = Qwen2Config(
            vocab_size=self.vocabulary,
            hidden_size=self.hidden,
            intermediate_size=self.intermediate or self.hidden * 38 // 7,  # 4864 at 896
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=self.key_value_heads,
            max_position_embeddings=4096,
            initializer_range=1.5 * self.hidden**-0.5,  # the same gain at every width
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            tie_word_embeddings=False,
        )
        vision = CLIPVisionConfig(
            hidden_size=self.vision_hidden,
            intermediate_size=4 * self.vision_hidden,
            num_hidden_layers=self.vision_layers,
            num_attention_heads=max(2, self.vision_hidden // 64),
            image_size=self.image,
            patch_size=self.patch,
        )
        return LlavaConfig(
            vision_config=vision,
            text_config=text,
            image_token_index=tokenizer.get_vocab()["<image>"],
            image_seq_length=self.image_tokens,
            vision_feature_layer=-2,
            vision_feature_select_strategy="default",
        )


#: HuatuoGPT-Vision-7B: Qwen2-7B and CLIP ViT-L/14 at 336.
HUATUO_7B = Size(28, 3584, vocabulary=152064, head=128, key_value_heads=4, intermediate=18944)


def make(
    folder: Path,
    size: Size,
    texts: Iterable[str],
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> dict[str, int]:
    """Write weights, tokenizer and processor; the numbers of text and vision parameters come back.

    Args:
        folder: where to.
        size: proportions of the model.
        texts: all texts that will be asked: their words become tokens.
        seed: of the weights.
        dtype: of the weights.
        device: where they are drawn; billions take minutes on a CPU and seconds on a GPU.
    """
    tokenizer = _tokenizer(size.vocabulary, texts)
    with torch.random.fork_rng(), torch.device(device):
        torch.manual_seed(seed)
        model = AutoModelForImageTextToText.from_config(size.config(tokenizer), dtype=dtype)
    with torch.no_grad():
        # Attention is made sharp and strong enough for knockout to change answers: equal ones then mean something.
        for layer in model.model.language_model.layers:
            layer.self_attn.q_proj.weight *= 3
            layer.self_attn.o_proj.weight *= 2
        # A logit of exactly 0 is never the largest: no answer ends early, all have the same length.
        model.lm_head.weight[tokenizer.all_special_ids] = 0
    model.save_pretrained(folder)
    crop = {"height": size.image, "width": size.image}
    processor = LlavaProcessor(
        CLIPImageProcessor(size={"shortest_edge": size.image}, crop_size=crop),
        tokenizer,
        patch_size=size.patch,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,  # CLIP's class token, which "default" drops again
        chat_template=CHAT_TEMPLATE,
    )
    processor.save_pretrained(folder)
    vision = sum(weight.numel() for weight in model.model.vision_tower.parameters())
    return {"text": sum(weight.numel() for weight in model.parameters()) - vision, "vision": vision}


def _tokenizer(vocabulary: int, texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """One token per word of `texts`, then invented words: each token has its own text, so that answers can be compared."""
    pieces = Split(Regex(r"\w+|[^\w\s]"), behavior="removed", invert=True)
    seen = {word for text in [*texts, REFERENCE, "USER: ASSISTANT:"] for word, _ in pieces.pre_tokenize_str(text)}
    words = [*_SPECIAL.values(), "<image>", *sorted(seen)]
    words += [f"w{i}" for i in range(len(words), vocabulary)]
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token=_SPECIAL["unk_token"]))
    tokenizer.pre_tokenizer = pieces
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=4096, extra_special_tokens=["<image>"], **_SPECIAL
    )
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped
