"""Load a checkpoint's tokenizer; an error says what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import transformers
from tokenizers import Regex
from tokenizers.models import BPE
from tokenizers.normalizers import Normalizer, Prepend, Replace, Sequence, Strip
from transformers import AutoTokenizer, LlamaTokenizer

from lmms_vg.models.checkpoint import CheckpointError, locate, path_of, reading
from lmms_vg.models.prompts import IMAGE


def load_tokenizer(pretrained: str, revision: str | None, config: Any, mark: str = IMAGE, folder: str = "") -> Any:
    """Load the checkpoint's own tokenizer; `<image>` is added where it is not a token yet.

    Args:
        pretrained: The checkpoint.
        revision: Its revision on the hub.
        config: Its configuration.
        folder: The folder of the repository that holds it.
        mark: The image token. Any other than `<image>` has to be in the vocabulary.

    Raises:
        CheckpointError: The tokenizer cannot be loaded here, is not a fast one, or lacks the image token.
    """
    whole, pieces = (
        path_of(pretrained, revision, f"{folder}/tokenizer.{kind}".lstrip("/")) for kind in ("json", "model")
    )
    # Only the text model's own class reads vocab.json and merges.txt, and "llava" does not name it. It is not used for a
    # tokenizer.model, because there it would put a space after `<image>`.
    kind = config if whole or pieces else config.text_config
    place: dict[str, Any] = {"revision": revision or "main", "trust_remote_code": False} | (
        {"subfolder": folder} if folder else {}
    )
    try:
        with reading(pretrained, "tokenizer"):
            tokenizer = AutoTokenizer.from_pretrained(locate(pretrained), config=kind, **place)
            as_pieces = bool(whole) or not pieces or _as_sentencepiece(tokenizer, pieces)
            if pieces and not as_pieces:
                tokenizer = LlamaTokenizer.from_pretrained(locate(pretrained), legacy=True, **place)
                _follow_sentencepiece(tokenizer, pieces)
                as_pieces = _as_sentencepiece(tokenizer, pieces)
    except CheckpointError as problem:
        if whole or not pieces or _reads_sentencepiece():
            raise
        raise CheckpointError(
            f"{problem}. The checkpoint has no tokenizer.json, and its tokenizer.model cannot be read here, because the "
            'installed sentencepiece needs a newer protobuf than is installed: pip install "sentencepiece<0.2.2"'
        ) from problem
    if not as_pieces:
        raise CheckpointError(
            f"pretrained={pretrained!r}: transformers {transformers.__version__} splits words otherwise than the checkpoint's "
            "tokenizer.model: use a repository that also has a tokenizer.json, or another transformers"
        )
    if not tokenizer.is_fast:
        raise CheckpointError(f"pretrained={pretrained!r}: the tokenizer is not a fast one (tokenizer.json)")
    if mark not in tokenizer.get_vocab():
        if mark != IMAGE:
            raise CheckpointError(
                f"pretrained={pretrained!r}: the tokenizer has no image token {mark!r}; is it that of another model?"
            )
        tokenizer.add_special_tokens({"additional_special_tokens": [IMAGE]})
    return tokenizer


def begin_once(pretrained: str, tokenizer: Any) -> None:
    """Let a tokenizer begin every text with one begin-of-text token.

    transformers leaves it out where the settings of a tokenizer.model do not ask for it.

    Raises:
        CheckpointError: The tokenizer has no such token, or puts several.
    """
    if _begins(tokenizer) == 0:
        tokenizer.add_bos_token = True
    if (count := _begins(tokenizer)) != 1:
        raise CheckpointError(
            f"pretrained={pretrained!r}: the tokenizer puts {count} begin-of-text tokens "
            f"(bos_token={tokenizer.bos_token!r}) before a prompt; allowed is one: state bos_token in tokenizer_config.json"
        )


def _begins(tokenizer: Any) -> int:
    """Return the number of begin-of-text tokens that the tokenizer puts before a text."""
    begin = tokenizer.bos_token_id
    return 0 if begin is None else tokenizer("a")["input_ids"].count(begin)


def _as_sentencepiece(tokenizer: Any, pieces: Path) -> bool:
    """Return whether a text is split as SentencePiece itself splits it."""
    from sentencepiece import SentencePieceProcessor

    text = " the left  lung,\n 3.5   cm"
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    split: list[int] = SentencePieceProcessor(model_file=str(pieces)).encode(text)
    return ids == split


def _follow_sentencepiece(tokenizer: Any, pieces: Path) -> None:
    """Give a tokenizer SentencePiece's rules: for spaces as the file states them, and merges in the order of their scores.

    transformers 5.20 forgets the space before a text, keeps runs of spaces that the file wants as one, and merges in the order
    of the vocabulary, where Mistral's has runs of spaces first.
    """
    from sentencepiece import SentencePieceProcessor
    from sentencepiece.sentencepiece_model_pb2 import ModelProto

    stated = ModelProto.FromString(pieces.read_bytes()).normalizer_spec
    rules: list[Normalizer] = []
    if stated.remove_extra_whitespaces:
        rules += [Strip(), Replace(Regex(" +"), " ")]
    if stated.add_dummy_prefix:
        rules.append(Prepend("\u2581"))
    trained = SentencePieceProcessor(model_file=str(pieces))
    backend = tokenizer.backend_tokenizer
    model = json.loads(backend.to_str())["model"]
    merges = [tuple(pair) for pair in model["merges"]]
    merges.sort(key=lambda pair: trained.get_score(trained.piece_to_id("".join(pair))), reverse=True)
    kept = {name: model[name] for name in ("vocab", "unk_token", "fuse_unk", "byte_fallback")}
    backend.model = BPE(merges=merges, **kept)
    backend.normalizer = Sequence([*rules, Replace(" ", "\u2581")])
    backend.pre_tokenizer = None


def _reads_sentencepiece() -> bool:
    """Return whether the installed sentencepiece and protobuf fit together; if not, transformers misreads the file."""
    try:
        import sentencepiece.sentencepiece_model_pb2  # noqa: F401
    except Exception:  # noqa: BLE001 - protobuf's VersionError derives from Exception only
        return False
    return True
