"""Load a checkpoint's tokenizer; an error says what to do."""

from __future__ import annotations

from typing import Any

from transformers import AutoTokenizer

from lmms_vg.models.checkpoint import CheckpointError, locate, path_of, reading
from lmms_vg.models.prompts import IMAGE


def load_tokenizer(pretrained: str, revision: str | None, config: Any, mark: str = IMAGE) -> Any:
    """Load the checkpoint's own tokenizer; `<image>` is added where it is not a token yet.

    Args:
        pretrained: The checkpoint.
        revision: Its revision on the hub.
        config: Its configuration.
        mark: The image token. Any other than `<image>` has to be in the vocabulary.

    Raises:
        CheckpointError: The tokenizer cannot be loaded here, is not a fast one, or lacks the image token.
    """
    whole, pieces = (path_of(pretrained, revision, f"tokenizer.{kind}") for kind in ("json", "model"))
    # Only the text model's own class reads vocab.json and merges.txt, and "llava" does not name it. It is not used for a
    # tokenizer.model, because there it would put a space after `<image>`.
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
            'installed sentencepiece needs a newer protobuf than is installed: pip install "sentencepiece<0.2.2"'
        ) from problem
    if not tokenizer.is_fast:
        raise CheckpointError(f"pretrained={pretrained!r}: the tokenizer is not a fast one (tokenizer.json)")
    if mark not in tokenizer.get_vocab():
        if mark != IMAGE:
            raise CheckpointError(
                f"pretrained={pretrained!r}: the tokenizer has no image token {mark!r}; is it that of another model?"
            )
        tokenizer.add_special_tokens({"additional_special_tokens": [IMAGE]})
    return tokenizer


def _reads_sentencepiece() -> bool:
    """Whether the installed sentencepiece and protobuf fit together; if not, transformers misreads the file."""
    try:
        import sentencepiece.sentencepiece_model_pb2  # noqa: F401
    except Exception:  # noqa: BLE001 - protobuf's VersionError derives from Exception only
        return False
    return True
