"""Loading a checkpoint's tokenizer, and saying what to do where that fails."""

from __future__ import annotations

from typing import Any

from transformers import AutoTokenizer, PreTrainedConfig

from lmms_vg.models.checkpoint import CheckpointError, locate, read_json, reading
from lmms_vg.models.prompts import IMAGE


def load_tokenizer(pretrained: str, revision: str | None, config: PreTrainedConfig) -> Any:
    """The checkpoint's own tokenizer, with `<image>` as a token of its own where it has none."""
    try:
        with reading(pretrained, "tokenizer"):
            tokenizer = AutoTokenizer.from_pretrained(
                locate(pretrained), revision=revision or "main", config=config, trust_remote_code=False
            )
    except CheckpointError as problem:
        if read_json(pretrained, revision, "tokenizer.json") is not None or _reads_sentencepiece():
            raise
        raise CheckpointError(
            f"{problem}. The checkpoint has no tokenizer.json, and tokenizer.model cannot be read here, because the installed "
            'sentencepiece wants a newer protobuf than the one that is installed: pip install "sentencepiece<0.2.2"'
        ) from problem
    if not tokenizer.is_fast:
        raise CheckpointError(f"pretrained={pretrained!r}: needs a fast tokenizer (tokenizer.json)")
    if IMAGE not in tokenizer.get_vocab():
        tokenizer.add_special_tokens({"additional_special_tokens": [IMAGE]})
    return tokenizer


def _reads_sentencepiece() -> bool:
    """Whether the pair of sentencepiece and protobuf that is installed works; with others transformers reads nonsense."""
    try:
        import sentencepiece.sentencepiece_model_pb2  # noqa: F401
    except Exception:  # noqa: BLE001 - protobuf's VersionError is a plain one
        return False
    return True
