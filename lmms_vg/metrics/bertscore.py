"""BERTScore F1 (Zhang et al. 2020), computed by the bert-score library, with its settings and signature.

The VGRefine paper prints "BERT" without settings. The default is Bio_ClinicalBERT, layer 12, no rescaling, as in the only
public code that computes BLEU-1, BERTScore and recall together. `LMMS_VG_BERTSCORE` changes it.

No code from a checkpoint is run: transformers reads a checkpoint without safetensors with torch's `weights_only`, and a
model that needs its own code is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from lmms_vg.metrics.bertscore_settings import BERTSCORE_ENV, VALUES, BertScoreSettings

if TYPE_CHECKING:
    from bert_score import BERTScorer  # imported late: it brings matplotlib and pandas

_CHUNK = 1024  # pairs per call: the library keeps a vector of 3 kB in memory per token of a call
_MAX_LENGTH = 512  # longest input of BERT encoders, in tokens
_WORD = re.compile(r"\w")
_VERSION = 1  # increases when the same settings and texts give another value
_UNREAD = "unread"
_cases: dict[str, str] = {}  # model -> "lower" or "kept", for the tokenizers that were loaded


class BertScoreUnavailable(RuntimeError):
    """The model cannot be loaded; the message tells how to get it, or how to choose another."""


def check(settings: BertScoreSettings | None = None) -> None:
    """Check the settings before there are answers, and load the tokenizer. `settings` defaults to the environment's.

    Raises:
        BertScoreUnavailable: the model's configuration or tokenizer cannot be loaded.
        ValueError: the settings do not fit the model.
    """
    from transformers import AutoTokenizer

    settings = settings or BertScoreSettings.from_environment()
    _config(settings)
    if settings.model not in _cases:
        with _quiet(), _available(settings):
            tokenizer = AutoTokenizer.from_pretrained(settings.model, use_fast=False, trust_remote_code=False)
        _cases[settings.model] = _case(tokenizer)


def bertscore(
    answers: Sequence[str],
    references: Sequence[str],
    settings: BertScoreSettings | None = None,
    *,
    device: str | None = None,
    batch_size: int = 64,
) -> list[float]:
    """Compute BERTScore F1 of each answer against the reference of the same index.

    Values are 0 to 1 with common models; as means of cosines they may be negative, and rescaled values sometimes are. An
    answer without tokens has 0.0, rescaled or not. Text beyond the model's length (512 tokens) is ignored. Scores repeat to
    about 1e-6, since padding, and so rounding, depends on the batch. Whether case matters depends on the tokenizer, as
    `signature` shows: the default model's lower-cases. `settings` defaults to the environment's, `device` to the GPU if
    there is one, else the CPU. A model is loaded once per process.

    Raises:
        BertScoreUnavailable: the model cannot be loaded.
        ValueError: a reference is empty, the lists differ in length, or the settings do not fit the model.
    """
    if len(answers) != len(references):
        raise ValueError(
            f"{len(answers)} answers and {len(references)} references: allowed is one reference per answer"
        )
    if not answers:
        return []
    import torch  # late, like all heavy imports here: signatures need no model

    settings = settings or BertScoreSettings.from_environment()
    scorer = _scorer(settings, device or ("cuda" if torch.cuda.is_available() else "cpu"))
    empty = _without_tokens(scorer, {*answers, *references})
    for number, reference in enumerate(references):
        if reference in empty:
            raise ValueError(f"reference number {number}, {reference!r}, is empty")
    if settings.idf:
        scorer._idf_dict = None  # the library warns when it overwrites the weights of an earlier call
        scorer.compute_idf(list(references))
    scores = dict.fromkeys(zip(answers, references, strict=True), 0.0)
    pairs = [pair for pair in scores if pair[0] not in empty]
    with tqdm(total=len(pairs), desc="BERTScore", unit="pair", disable=len(pairs) <= _CHUNK) as bar:
        for start in range(0, len(pairs), _CHUNK):
            chunk = pairs[start : start + _CHUNK]
            _, _, f1 = scorer.score(*map(list, zip(*chunk, strict=True)), batch_size=batch_size)
            scores.update(zip(chunk, f1.tolist(), strict=True))
            bar.update(len(chunk))
    return [scores[pair] for pair in zip(answers, references, strict=True)]


def signature(settings: BertScoreSettings | None = None, n: int | None = None) -> str:
    """Describe what a BERTScore depends on, to be printed with it; a model in a folder is named by the folder.

    `case` is `lower` or `kept`, as the model's tokenizer treats case; `unread` before `check` or `bertscore` has loaded it.
    """
    settings = settings or BertScoreSettings.from_environment()
    return _signature(settings, n, _cases.get(settings.model, _UNREAD))


@cache  # called for every answer, and it reads the disk
def _signature(settings: BertScoreSettings, n: int | None, case: str) -> str:
    model = Path(settings.model).resolve().name if Path(settings.model).is_dir() else settings.model
    switches = f"rescale:{str(settings.rescale).lower()}|idf:{str(settings.idf).lower()}"
    count = "" if n is None else f"|n:{n}"
    library = f"bert-score:{version('bert-score')}"  # __version__ of 0.3.13 is 0.3.12
    return f"bertscore|f1|model:{model}|layer:{settings.layer}|{switches}|case:{case}|{library}{count}|v:{_VERSION}"


@lru_cache(maxsize=1)
def _scorer(settings: BertScoreSettings, device: str) -> BERTScorer:
    config = _config(settings)
    from bert_score import BERTScorer  # after the question whether there is a model: it takes a second

    with _quiet(), _available(settings):
        scorer = BERTScorer(
            model_type=settings.model,
            num_layers=settings.layer,
            idf=settings.idf,
            nthreads=0,  # its worker processes are forks, and a fork of a process with a GPU context hangs
            device=device,
            lang="en",
            rescale_with_baseline=settings.rescale,
        )
    if scorer._tokenizer.model_max_length > 1_000_000:  # its file has none, and the library would overflow
        scorer._tokenizer.model_max_length = min(_MAX_LENGTH, getattr(config, "max_position_embeddings", _MAX_LENGTH))
    _cases[settings.model] = _case(scorer._tokenizer)
    return scorer


def _case(tokenizer: Any) -> str:
    """Return the tokenizer's treatment of case, by its normaliser and not its class: `lower` or `kept`."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:  # written in Python
        return "lower" if getattr(tokenizer, "do_lower_case", False) else "kept"
    text = backend.normalizer.normalize_str("LUNG") if backend.normalizer is not None else "LUNG"
    return "lower" if text == text.lower() else "kept"


@lru_cache(maxsize=1)
def _config(settings: BertScoreSettings) -> Any:
    from transformers import AutoConfig

    with _quiet(), _available(settings):
        config = AutoConfig.from_pretrained(settings.model, trust_remote_code=False)
    if settings.layer > config.num_hidden_layers:
        raise ValueError(f"layer {settings.layer}: {settings.model} has {config.num_hidden_layers} layers")
    # bert-score treats every model with "t5" in its name as a T5, and would give it random weights.
    if "t5" in settings.model and "t5" not in config.model_type:
        raise ValueError(f"model {settings.model!r}: bert-score treats it as a T5; give it a name without 't5'")
    baselines = Path(find_spec("bert_score").origin).parent / "rescale_baseline" / "en"  # type: ignore[union-attr, arg-type]
    if settings.rescale and not (baselines / f"{settings.model}.tsv").is_file():
        raise ValueError(
            f"rescale: bert-score has no English baseline for {settings.model} (it has one for roberta-large); "
            "use rescale=false"
        )
    return config


@contextmanager
def _available(settings: BertScoreSettings) -> Iterator[None]:
    """Turn a failure to load into BertScoreUnavailable."""
    try:
        yield
    except OSError as error:
        raise BertScoreUnavailable(
            f"BERTScore needs {settings.model}, which is neither a folder nor a model on this machine, and the download "
            f"from the hub failed ({type(error).__name__}). Where there is a network, download it with\n"
            f"    hf download {settings.model}\n"
            f"or choose another model: {BERTSCORE_ENV}={VALUES}. "
            "Answers are kept in the journal: the same command again only scores them."
        ) from error


def _without_tokens(scorer: BERTScorer, texts: Collection[str]) -> set[str]:
    """Return the texts without tokens (spaces, control characters), on which bert-score 0.3.13 fails."""
    candidates = [text for text in texts if not _WORD.search(text)]  # since tokenizing all of them is slow
    return {text for text in candidates if not scorer._tokenizer.tokenize(text)}


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence transformers' loading bar and its expected notes about weights that the encoder does not use."""
    from transformers.utils import logging

    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()
