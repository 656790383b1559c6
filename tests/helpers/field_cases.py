"""One case per field of docs/checkpoints.md: the change to a file, and the outcome.

`changed`: the prompt, pixels, logits, stop ids or decoded text differ, and equal those of transformers' own classes.
`same`: none of these changes. `refused`: a CheckpointError that names the field.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Outcome = Literal["changed", "same", "refused"]


@dataclass(frozen=True)
class Case:
    """`field` is named as in the table; `changes` (path in the JSON file -> value) are made to `file`.

    `without`: fields or files to remove first. `names`: what the refusal names, `field` by default.
    """

    layout: Literal["transformers", "original"]
    file: str
    field: str
    outcome: Outcome
    changes: dict[str, Any]
    kind: str = "llama"
    names: str = ""
    without: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return f"{Path(self.file).name}:{self.field}"


def case(file: str, name: str, outcome: Outcome, value: Any, **options: Any) -> Case:
    """A field named by its path in the file: the table has `text_config.rms_norm_eps` too."""
    changes = value if isinstance(value, dict) and options.pop("several", False) else {name: value}
    return Case("transformers", file, name, outcome, changes, **options)


def original(name: str, outcome: Outcome, value: Any, file: str = "config.json", **options: Any) -> Case:
    return Case("original", file, name, outcome, {name: value}, **options)


C, G, P, Q, T = (
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer_config.json",
)
TEMPLATE = (
    "{% for m in messages %}Q {% for c in m['content'] %}{{ '<image>\n' if c['type'] == 'image' else c['text'] }}"
    "{% endfor %}{% endfor %} A"
)

CONFIG = [
    case(C, "model_type", "refused", "llava_next"),
    case(C, "text_config.model_type", "refused", "qwen2", names=r"proj\.bias"),
    case(C, "text_config.hidden_act", "changed", "gelu"),
    case(C, "text_config.rms_norm_eps", "changed", 0.5),
    case(C, "text_config.rope_parameters", "changed", {"rope_type": "default", "rope_theta": 50.0}),
    case(C, "text_config.rope_theta", "changed", 50.0, without=("text_config.rope_parameters",)),
    case(
        C,
        "text_config.rope_scaling",
        "changed",
        {"type": "linear", "factor": 4.0},
        without=("text_config.rope_parameters",),
    ),
    case(
        C,
        "text_config.rope_parameters",
        "refused",
        {"rope_type": "dynamic", "rope_theta": 50.0, "factor": 2.0},
        names="rope_type='dynamic'",
    ),
    case(C, "text_config.max_position_embeddings", "changed", 20),
    case(C, "text_config.eos_token_id", "changed", 9),
    case(C, "text_config.num_hidden_layers", "refused", 2, names=r"layers\.2\."),
    case(C, "text_config.num_attention_heads", "refused", 2, names="have another shape"),
    case(C, "text_config.num_key_value_heads", "refused", 1, names="k_proj"),
    case(C, "text_config.head_dim", "refused", 16, names="k_proj"),
    case(C, "text_config.hidden_size", "refused", 64, names="have another shape"),
    case(C, "text_config.intermediate_size", "refused", 32, names="mlp"),
    case(C, "text_config.vocab_size", "refused", 90, names="have another shape"),
    case(C, "text_config.attention_bias", "refused", True, names=r"proj\.bias"),
    case(C, "text_config.mlp_bias", "refused", True, names=r"proj\.bias"),
    case(C, "text_config.sliding_window", "changed", 8, kind="mistral"),
    case(C, "text_config.layer_types", "refused", ["sliding_attention"] * 3, kind="qwen2"),
    case(
        C,
        "text_config.layer_types",
        "changed",
        {
            "text_config.layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
            "text_config.use_sliding_window": True,
            "text_config.sliding_window": 8,
        },
        several=True,
        kind="qwen2",
    ),
    case(
        C,
        "text_config.use_sliding_window",
        "changed",
        {"text_config.use_sliding_window": True, "text_config.sliding_window": 8, "text_config.max_window_layers": 1},
        several=True,
        kind="qwen2",
        without=("text_config.layer_types",),
    ),
    case(C, "text_config.max_window_layers", "same", 2, kind="qwen2"),
    case(C, "text_config.tie_word_embeddings", "same", True),
    case(C, "text_config.pad_token_id", "same", 32_001),
    case(C, "text_config.quantization_config", "refused", {"quant_method": "gptq"}),
    case(C, "text_config.repetition_penalty", "refused", 1.3),
    case(C, "repetition_penalty", "refused", 1.3),
    case(C, "vision_config.model_type", "refused", "pixtral", names="'pixtral'"),
    case(C, "vision_config.hidden_act", "changed", "gelu"),
    case(C, "vision_config.layer_norm_eps", "changed", 0.5),
    case(C, "vision_config.num_attention_heads", "changed", 4),
    case(C, "vision_config.num_hidden_layers", "refused", 1, names=r"layers\.1\."),
    case(C, "vision_config.hidden_size", "refused", 64, names="have another shape"),
    case(C, "vision_config.intermediate_size", "refused", 32, names="fc1"),
    case(C, "vision_config.image_size", "refused", 64, names="vision tower takes 64 x 64"),
    case(C, "vision_config.patch_size", "refused", 16, names="embedding"),
    case(C, "vision_config.num_channels", "refused", 1, names="patch_embedding"),
    case(C, "vision_config.quantization_config", "refused", {"quant_method": "gptq"}),
    case(C, "vision_feature_layer", "changed", -1),
    case(C, "vision_feature_layer", "refused", -9),
    case(C, "vision_feature_select_strategy", "changed", "full"),
    case(C, "projector_hidden_act", "changed", "relu"),
    case(C, "multimodal_projector_bias", "refused", False, names=r"linear_1\.bias"),
    case(C, "quantization_config", "refused", {"quant_method": "gptq", "bits": 4}, names="allowed is bitsandbytes"),
    case(C, "quantization_config", "refused", {"quant_method": "home-made"}),
    case(C, "tie_word_embeddings", "same", True),
    *(case(C, name, "same", value) for name, value in {"image_seq_length": 7, "image_token_index": 9}.items()),
    *(case(C, name, "same", 32_001) for name in ("pad_token_id", "vocab_size", "ignore_index")),
    *(
        case(C, f"{part}{name}", "same", value)
        for part, names in {
            "": ("architectures", "dtype", "torch_dtype", "transformers_version", "_name_or_path"),
            "text_config.": ("attention_dropout", "bos_token_id", "initializer_range", "pretraining_tp", "use_cache"),
            "vision_config.": (
                "attention_dropout",
                "initializer_factor",
                "initializer_range",
                "projection_dim",
                "vocab_size",
            ),
        }.items()
        for name in names
        for value in [
            {
                "architectures": ["Other"],
                "attention_dropout": 0.5,
                "dtype": "bfloat16",
                "initializer_factor": 2.0,
                "initializer_range": 0.5,
                "torch_dtype": "float16",
                "transformers_version": "4.0.0",
                "use_cache": False,
            }.get(name, 2 if name not in ("_name_or_path",) else "elsewhere")
        ]
    ),
    *(
        case(C, f"text_config.{name}", "same", value)
        for name, value in {
            "chunk_size_feed_forward": 3,
            "id2label": {"0": "x"},
            "is_encoder_decoder": True,
            "label2id": {"x": 0},
            "output_attentions": True,
            "output_hidden_states": True,
            "problem_type": "regression",
            "return_dict": False,
        }.items()
    ),
]

#: A value of each that `generate` would act on.
_ACTING = {
    "bad_words_ids": [[5]],
    "begin_suppress_tokens": [5],
    "cache_implementation": "quantized",
    "constraints": [[5]],
    "dola_layers": "high",
    "encoder_no_repeat_ngram_size": 2,
    "encoder_repetition_penalty": 1.3,
    "exponential_decay_length_penalty": [3, 1.1],
    "force_words_ids": [[5]],
    "forced_bos_token_id": 5,
    "forced_decoder_ids": [[0, 5]],
    "forced_eos_token_id": 5,
    "guidance_scale": 1.5,
    "max_time": 1.0,
    "min_length": 600,
    "min_new_tokens": 5,
    "no_repeat_ngram_size": 2,
    "num_beam_groups": 2,
    "num_beams": 3,
    "num_return_sequences": 2,
    "penalty_alpha": 0.6,
    "remove_invalid_values": True,
    "repetition_penalty": 1.05,
    "sequence_bias": [[[5], -10.0]],
    "stop_strings": ["."],
    "suppress_tokens": [5],
    "token_healing": True,
    "watermarking_config": {"bias": 2.5},
}
_TASKS_OWN = {
    "do_sample": True,
    "early_stopping": True,
    "epsilon_cutoff": 0.1,
    "eta_cutoff": 0.1,
    "length_penalty": 2.0,
    "diversity_penalty": 0.5,
    "max_length": 20,
    "max_new_tokens": 1,
    "min_p": 0.1,
    "renormalize_logits": True,
    "temperature": 0.1,
    "top_h": 0.1,
    "top_k": 1,
    "top_p": 0.1,
    "typical_p": 0.1,
}
_NO_ANSWER = {
    "_from_model_config": True,
    "assistant_confidence_threshold": 0.1,
    "assistant_early_exit": 2,
    "assistant_ensemble_weight": 0.5,
    "assistant_lookbehind": 3,
    "bos_token_id": 5,
    "cache_config": None,
    "compile_config": None,
    "continuous_batching_config": None,
    "decoder_start_token_id": 5,
    "disable_compile": True,
    "is_assistant": False,
    "low_memory": True,
    "max_cache_len": 30,
    "max_matching_ngram_size": 2,
    "num_assistant_tokens": 3,
    "num_assistant_tokens_schedule": "constant",
    "output_attentions": True,
    "output_hidden_states": True,
    "output_logits": True,
    "output_scores": True,
    "pad_token_id": 32_001,
    "prefill_chunk_size": 8,
    "prompt_lookup_num_tokens": 3,
    "return_dict_in_generate": True,
    "speculation_type": None,
    "target_lookbehind": 3,
    "transformers_version": "4.0.0",
    "use_cache": False,
    "use_mtp": False,
}
GENERATION = [
    case(G, "eos_token_id", "changed", [1, 9]),
    *(case(G, name, "refused", value) for name, value in _ACTING.items()),
    *(case(G, name, "same", value) for name, value in (_TASKS_OWN | _NO_ANSWER).items()),
]

IMAGES = [
    case(P, "image_mean", "changed", [0.2, 0.3, 0.4]),
    case(P, "image_std", "changed", [0.2, 0.3, 0.4]),
    case(P, "rescale_factor", "changed", 0.002),
    case(P, "do_rescale", "changed", False),
    case(P, "do_normalize", "changed", False),
    case(P, "resample", "changed", 0),
    case(P, "do_convert_rgb", "same", False),
    case(P, "processor_class", "same", "OtherProcessor"),
    case(Q, "image_token", "refused", "[IMG]"),
    case(Q, "chat_template", "changed", TEMPLATE),
    case(
        Q,
        "image_processor",
        "changed",
        {"image_processor_type": "CLIPImageProcessor", "image_mean": [0.1] * 3, "size": 48, "crop_size": 48},
        without=(P,),
    ),
    case(Q, "patch_size", "same", None),
    case(Q, "num_additional_image_tokens", "same", 3),
    case(Q, "vision_feature_select_strategy", "same", "full"),
    case(Q, "processor_class", "same", "OtherProcessor"),
]


def _special(place: int, content: str) -> dict[str, Any]:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": place, "content": content, "special": True, **flags}


#: `<unk>` before every text, as a begin-of-text token stands there.
_BEGIN = {
    "type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "<unk>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
    "special_tokens": {"<unk>": {"id": "<unk>", "ids": [2], "tokens": ["<unk>"]}},
}

TOKENIZER = [
    case(T, "chat_template", "changed", TEMPLATE),
    case("chat_template.json", "chat_template", "changed", TEMPLATE),
    case(T, "split_special_tokens", "refused", True),
    case(T, "image_token", "refused", "[IMG]"),
    case(T, "eos_token", "changed", "<unk>"),
    case(T, "extra_special_tokens", "changed", ["<image>", "nodule"]),
    case(T, "additional_special_tokens", "changed", ["<image>", "nodule"], without=("extra_special_tokens",)),
    case(T, "bos_token", "same", "<unk>"),
    case(T, "add_bos_token", "same", {"bos_token": "<unk>", "add_bos_token": True}, several=True),
    case(T, "add_eos_token", "same", True),
    case(T, "clean_up_tokenization_spaces", "changed", True),
    case(T, "pad_token", "same", "<unk>"),
    *(
        case(T, name, "same", value)
        for name, value in {
            "add_prefix_space": True,
            "backend": "tokenizers",
            "errors": "ignore",
            "legacy": False,
            "max_length": 5,
            "model_input_names": ["input_ids"],
            "model_max_length": 5,
            "pad_to_multiple_of": 64,
            "pad_token_type_id": 3,
            "padding_side": "right",
            "processor_class": "OtherProcessor",
            "sp_model_kwargs": {},
            "truncation_side": "left",
            "use_default_system_prompt": True,
        }.items()
    ),
    case(
        "tokenizer.json",
        "truncation",
        "same",
        {"direction": "Right", "max_length": 5, "strategy": "LongestFirst", "stride": 0},
    ),
    case(
        "tokenizer.json",
        "padding",
        "same",
        {
            "strategy": {"Fixed": 900},
            "direction": "Left",
            "pad_to_multiple_of": None,
            "pad_id": 0,
            "pad_type_id": 0,
            "pad_token": "<pad>",
        },
    ),
    case("tokenizer.json", "normalizer", "changed", {"type": "Replace", "pattern": {"String": "s"}, "content": "t"}),
    case("tokenizer.json", "pre_tokenizer", "changed", {"type": "WhitespaceSplit"}),
    case("tokenizer.json", "decoder", "changed", {"type": "Fuse"}),
    case("tokenizer.json", "model", "changed", {"model.vocab.nodule": 31, "model.vocab.no": 34}, several=True),
    case(
        "tokenizer.json",
        "added_tokens",
        "changed",
        [_special(0, "<pad>"), _special(3, "<image>"), _special(34, "nodule")],
    ),
    case("tokenizer.json", "post_processor", "changed", _BEGIN),
    case("special_tokens_map.json", "eos_token", "changed", "<unk>"),
    case("added_tokens.json", "any token", "same", {"nodule": 40}, several=True),
    case("adapter_config.json", "base_model_name_or_path", "refused", "some/base", names="adapter_config"),
]

ORIGINAL = [
    original("model_type", "refused", "llava_mistral"),
    original("rope_theta", "changed", 50.0),
    original("rope_scaling", "changed", {"type": "linear", "factor": 4.0}),
    original("hidden_act", "changed", "gelu"),
    original("rms_norm_eps", "changed", 0.5),
    original("max_position_embeddings", "changed", 20),
    original("eos_token_id", "changed", 9),
    original("mm_vision_select_layer", "changed", -1),
    original("mm_vision_select_feature", "changed", "cls_patch"),
    original("mm_vision_select_feature", "refused", "slice_patch"),
    original("mm_vision_tower", "refused", "google/siglip-so400m-patch14-384"),
    original("image_aspect_ratio", "refused", "anyres"),
    original("mm_patch_merge_type", "refused", "spatial_unpad"),
    original("mm_projector_type", "refused", "mlp3x_gelu"),
    original("mm_use_im_start_end", "refused", True),
    original("quantization_config", "refused", {"quant_method": "bitsandbytes", "load_in_4bit": True}),
    original("s2", "refused", True),
    original("embedding_multiplier", "refused", 12.0),
    original("repetition_penalty", "refused", 1.05),
    original("pad_token_id", "same", 32_001),
    original("vision_config.hidden_act", "changed", "gelu", "vit/clip_vit_large_patch14_336/config.json"),
    original("vision_config.layer_norm_eps", "changed", 0.5, "vit/clip_vit_large_patch14_336/config.json"),
    original(
        "vision_config.model_type", "refused", "siglip_vision_model", "vit/clip_vit_large_patch14_336/config.json"
    ),
    Case(
        "original",
        "vit/clip_vit_large_patch14_336/preprocessor_config.json",
        "image_mean",
        "changed",
        {"image_mean": [0.2, 0.3, 0.4], "size": 48, "crop_size": 48, "feature_extractor_type": "CLIPFeatureExtractor"},
    ),
    *(
        original(name, "same", value)
        for name, value in {
            "_attn_implementation_autoset": True,
            "_flash_attn_2_enabled": True,
            "_name_or_path": "x",
            "attention_dropout": 0.5,
            "attn_implementation": "eager",
            "auto_map": {},
            "bos_token_id": 3,
            "freeze_mm_mlp_adapter": True,
            "freeze_mm_vision_resampler": True,
            "head_dim": 8,
            "image_grid_pinpoints": [[336, 672]],
            "mm_hidden_size": 1,
            "mm_projector_lr": 2e-5,
            "mm_use_im_patch_token": True,
            "mm_vision_tower_lr": 2e-6,
            "output_attentions": True,
            "pretraining_tp": 2,
            "sliding_window": 131_072,
            "tokenizer_model_max_length": 5,
            "tokenizer_padding_side": "right",
            "torch_dtype": "float16",
            "torchscript": True,
            "tune_mm_mlp_adapter": True,
            "tune_mm_vision_resampler": True,
            "unfreeze_mm_vision_tower": True,
            "use_cache": False,
            "use_mm_proj": False,
            "use_sliding_window": False,
        }.items()
    ),
]

CASES = [*CONFIG, *GENERATION, *IMAGES, *TOKENIZER, *ORIGINAL]
