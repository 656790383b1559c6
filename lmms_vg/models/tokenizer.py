"""Loading a checkpoint's tokenizer, and saying what to do where that fails."""

from __future__ import annotations

from typing import Any

from transformers import AutoTokenizer, LlavaConfig

from lmms_vg.models.checkpoint import CheckpointError, locate, path_of, reading
from lmms_vg.models.prompts import IMAGE


def load_tokenizer(pretrained: str, revision: str | None, config: LlavaConfig) -> Any:
    """The checkpoint's own tokenizer, with `<image>` as a token of its own where it has none."""
    whole, pieces = (path_of(pretrained, revision, f"tokenizer.{kind}") for kind in ("json", "model"))
    # From vocab.json and merges.txt only the text model's own class is read, of which "llava" says nothing. That class
    # would put a space of its own behind `<image>` where the file is a tokenizer.model.
    kind = config if whole or pieces else config.text_config
    try:
        with reading(pretrained, "tokenizer"):
            tokenizer = AutoTokenizer.from_pretrained(
                locate(pretrained), revision=revision or "main", config=kind, trust_remote_code=False
            )
    except CheckpointError as problem:
        if whole or not pieces or _reads_sentencepiece():
            raise
        raise CheckpointError(
            f"{problem}. The checkpoint has no tokenizer.json, and its tokenizer.model cannot be read here, because the "
            'installed sentencepiece wants a newer protobuf than the installed one: pip install "sentencepiece<0.2.2"'
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
