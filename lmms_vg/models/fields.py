"""Refuse, by name, fields of a checkpoint's small files that would change answers and are not supported here.

docs/checkpoints.md lists every field of every file: what is honoured, what cannot matter, and what is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transformers import LlavaConfig

from lmms_vg.models.checkpoint import CheckpointError, read_json, refuse_adapter
from lmms_vg.models.prompts import IMAGE
from lmms_vg.models.quantized import require_known_quantization

#: Settings with which `generate` would do more than decode -> the values that switch them off, besides None. Sampling
#: and the length of answers are not among them: the task decides those.
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "bad_words_ids": ([],),
    "begin_suppress_tokens": ([],),
    "cache_implementation": ("dynamic", "dynamic_full", "static", "offloaded", "offloaded_static"),
    "constraints": ([],),
    "dola_layers": (),
    "encoder_no_repeat_ngram_size": (0,),
    "encoder_repetition_penalty": (1.0,),
    "exponential_decay_length_penalty": (),
    "force_words_ids": ([],),
    "forced_bos_token_id": (),
    "forced_decoder_ids": ([],),
    "forced_eos_token_id": (),
    "guidance_scale": (1.0,),
    "max_time": (),
    "min_length": (0,),
    "min_new_tokens": (0,),
    "no_repeat_ngram_size": (0,),
    "num_beam_groups": (1,),
    "num_beams": (1,),
    "num_return_sequences": (1,),
    "penalty_alpha": (0.0,),
    "remove_invalid_values": (False,),
    "repetition_penalty": (1.0,),
    "sequence_bias": ([], {}),
    "stop_strings": ([], ""),
    "suppress_tokens": ([],),
    "token_healing": (False,),
    "watermarking_config": (),
}

#: Types of rotary frequencies that do not depend on the length of the prompt, so that a prefix may be computed alone.
FIXED_ROPE = ("default", "linear", "llama3", "yarn")

#: Kinds of layers, as transformers names them in `layer_types`.
FULL, SLIDING = "full_attention", "sliding_attention"

#: Vision towers with one square input -> whether a class token precedes their patches.
TOWERS = {"clip_vision_model": True, "siglip_vision_model": False}


def refuse(pretrained: str, file: str, field: str, value: Any, allowed: str) -> CheckpointError:
    """Return the error about one field of one file: its value, what is allowed, and where to read more."""
    return CheckpointError(
        f"pretrained={pretrained!r}: {file} says {field}={value!r}; allowed is {allowed} (docs/checkpoints.md has every field)"
    )


def require_stored(pretrained: str, revision: str | None, raw: dict[str, Any]) -> None:
    """Refuse stored settings that are not supported here; `raw` is config.json.

    Raises:
        CheckpointError: The message names the file, the field and its value.
    """
    _require_decoding(pretrained, revision, raw)
    refuse_adapter(pretrained, revision)
    require_known_quantization(pretrained, raw)


def _require_decoding(pretrained: str, revision: str | None, config: dict[str, Any]) -> None:
    """Refuse settings with which `generate` would do more than decode; older checkpoints keep them in config.json."""
    stored = {
        "generation_config.json": read_json(pretrained, revision, "generation_config.json") or {},
        "config.json": config,
        "config.json, text_config,": config.get("text_config") or {},
    }
    for file, settings in stored.items():
        for field, neutral in NEUTRAL.items():
            value = settings.get(field)
            if value is not None and value not in neutral:
                raise refuse(
                    pretrained,
                    file,
                    field,
                    value,
                    f"{' or '.join(map(repr, (*neutral, None)))}, because the task decides how answers are decoded: remove it "
                    "from that file in a copy, and pass it with --gen_kwargs if it is wanted and allowed there",
                )


def layer_kinds(text: Any) -> tuple[str, ...]:
    """Kind of every layer of a text model, `full_attention`, `sliding_attention` (a window), or another that is stated."""
    stated = getattr(text, "layer_types", None)
    kind = SLIDING if not stated and getattr(text, "sliding_window", None) else FULL
    return tuple(stated or [kind] * text.num_hidden_layers)


def require_text(pretrained: str, text: Any) -> None:
    """Refuse a text configuration that cannot be run layer by layer on a separate prefix.

    Raises:
        CheckpointError: The message names the field and its value.
    """
    if unknown := sorted(set(layer_kinds(text)) - {FULL, SLIDING}):
        raise refuse(
            pretrained,
            f"config.json, text model {text.model_type!r},",
            "layer_types",
            unknown,
            f"{FULL} and {SLIDING}: layers of other kinds, such as linear attention, have no map of attention to look at",
        )
    if SLIDING in layer_kinds(text) and not getattr(text, "sliding_window", None):
        raise refuse(
            pretrained, "config.json", "sliding_window", None, "a number of tokens, because layer_types has windows"
        )
    for rope in _rope_types(getattr(text, "rope_parameters", None) or {}):
        if rope in FIXED_ROPE:
            continue
        raise refuse(
            pretrained,
            "config.json",
            "rope_type",
            rope,
            f"{', '.join(FIXED_ROPE)}: other frequencies change with the length of the prompt, whose image comes first",
        )


def _rope_types(parameters: dict[str, Any]) -> list[str]:
    """Types of rotary frequencies, of which each kind of layer may have its own."""
    if any(kind in parameters for kind in (FULL, SLIDING)):
        return [own.get("rope_type", "default") for own in parameters.values()]
    return [parameters.get("rope_type", "default")]


def require_square_tower(pretrained: str, config: LlavaConfig) -> None:
    """Refuse a vision tower without one square input, whose image tokens cannot be counted and located.

    Raises:
        CheckpointError: The message names the field and its value.
    """
    vision: Any = config.vision_config
    if vision.model_type not in TOWERS or not isinstance(getattr(vision, "image_size", None), int):
        raise CheckpointError(
            f"pretrained={pretrained!r}: vision tower {vision.model_type!r}: only towers with one square input are "
            f"supported; allowed is {', '.join(TOWERS)}"
        )
    strategy = config.vision_feature_select_strategy
    if strategy == "default" and not TOWERS[vision.model_type]:
        raise refuse(
            pretrained,
            "config.json",
            "vision_feature_select_strategy",
            strategy,
            "'full': 'default' drops the first image token, and this tower has no class token there",
        )
    depth, chosen = vision.num_hidden_layers, config.vision_feature_layer
    for layer in chosen if isinstance(chosen, (list, tuple)) else [chosen]:
        if not -depth - 1 <= layer <= depth:
            raise refuse(
                pretrained, "config.json", "vision_feature_layer", chosen, f"integers from {-depth - 1} to {depth}"
            )


def require_image_mark(
    pretrained: str, revision: str | None, tokenizer: Any, vocabulary: int, expected: str = IMAGE
) -> None:
    """Refuse a tokenizer that does not make one token of the image mark, or that belongs to another model.

    A token beyond the `vocabulary` rows of the embedding table tells another model's tokenizer.

    Raises:
        CheckpointError: The message names the setting, or the token that has no row.
    """
    processor = read_json(pretrained, revision, "processor_config.json") or {}
    for file, mark in (
        ("processor_config.json", processor.get("image_token")),
        ("tokenizer_config.json", getattr(tokenizer, "image_token", None)),
    ):
        if mark is not None and str(mark) != expected:
            raise refuse(pretrained, file, "image_token", str(mark), repr(expected))
    image = tokenizer.convert_tokens_to_ids(expected)
    count = tokenizer(f"a {expected}\na", add_special_tokens=False)["input_ids"].count(image)
    if count != 1:
        raise CheckpointError(
            f"pretrained={pretrained!r}: the tokenizer turns one {expected} into {count} image tokens; "
            f"allowed is one (tokenizer_config.json: split_special_tokens={getattr(tokenizer, 'split_special_tokens', None)})"
        )
    special = set(control_marks(tokenizer))
    words = {word: place for word, place in tokenizer.get_vocab().items() if word not in special}
    last = max(words, key=words.__getitem__, default=None)
    if last is not None and words[last] >= vocabulary:
        raise CheckpointError(
            f"pretrained={pretrained!r}: the tokenizer has the token {last!r} of id {words[last]}, and the model "
            f"embeds {vocabulary} tokens (vocab_size); they belong to different checkpoints"
        )


def require_integer_option(name: str, value: Any, least: int, most: int | None = None) -> None:
    """Refuse a family's setting that is no integer from `least` to `most`.

    Raises:
        ValueError: The message names the setting, its value and what is allowed.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least or (most is not None and value > most):
        upto = "or more" if most is None else f"to {most}"
        raise ValueError(f"{name}={value!r}: allowed is an integer, {least} {upto}")


def require_choice_option(name: str, value: Any, allowed: Sequence[str]) -> None:
    """Refuse a family's setting that is none of `allowed`.

    Raises:
        ValueError: The message names the setting, its value and what is allowed.
    """
    if value not in allowed:
        raise ValueError(f"{name}={value!r}: allowed is {' or '.join(allowed)}")


def require_resizing(processor: Any) -> None:
    """Refuse an image processor that does not bring images to a size which the vision tower takes.

    Raises:
        ValueError: The message has the setting and what is allowed.
    """
    if not processor.do_resize:
        raise ValueError("do_resize=False: allowed is True, because images come in all sizes")


def control_marks(tokenizer: Any) -> list[str]:
    """Special tokens, which a question must not contain. Ordinary words that were added are not among them."""
    special = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    return sorted({*special, *tokenizer.all_special_tokens, IMAGE})
