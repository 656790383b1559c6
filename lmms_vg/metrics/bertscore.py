"""BERTScore (Zhang et al. 2020), F1, through the bert-score library: which model, which layer, and what it depends on.

The paper prints "BERT" and no setting. The default here is what the one public code has that computes BLEU-1, BERTScore
and recall together: Bio_ClinicalBERT, layer 12, no rescaling. ``LMMS_VG_BERTSCORE`` chooses another.

No code of a checkpoint is run: transformers reads one that has no safetensors with torch's ``weights_only``, and a model
that needs code of its own is refused.
"""

import os
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

if TYPE_CHECKING:
    from bert_score import BERTScorer  # imported late: it brings matplotlib and pandas

BERTSCORE_ENV = "LMMS_VG_BERTSCORE"
_CHUNK = 1024  # pairs: the library keeps the vectors of every token of a call in memory, 3 kB a token
_MAX_LENGTH = 512  # tokens, what encoders of BERT's kind read at most
_WORD = re.compile(r"\w")
_VERSION = 1  # goes up when the same settings and texts come to give another number
_UNREAD = "unread"
_cases: dict[str, str] = {}  # model -> what its tokenizer does to capitals, as far as one was loaded
_VALUES = "model=<hub id or folder>,layer=<number>,rescale=<true|false>,idf=<true|false>"


class BertScoreUnavailable(RuntimeError):
    """The model is not here and cannot be fetched. The message says how to get it or another one."""


@dataclass(frozen=True)
class Settings:
    """``layer`` counts from 1. ``rescale``: by the library's English baseline, which it has for some models only.

    ``idf``: words of few references weigh more; scores then depend on all the references they are computed with.
    Errors: ValueError for a layer below 1, and for the models that bert-score fetches by shell commands.
    """

    model: str = "emilyalsentzer/Bio_ClinicalBERT"
    layer: int = 12
    rescale: bool = False
    idf: bool = False

    def __post_init__(self) -> None:
        if not self.model or self.model.startswith("scibert"):
            raise ValueError(
                f"model {self.model!r}: a hub id like allenai/scibert_scivocab_uncased or a folder is needed"
            )
        if self.layer < 1:
            raise ValueError(f"layer {self.layer}: layers count from 1")

    @classmethod
    def from_environment(cls) -> "Settings":
        """What ``LMMS_VG_BERTSCORE`` says, e.g. ``model=roberta-large,layer=17``; the rest is the default.

        Errors: ValueError for a name or a value that is not allowed, saying what is.
        """
        chosen: dict[str, str | int | bool] = {}
        for part in filter(None, os.environ.get(BERTSCORE_ENV, "").split(",")):
            name, _, value = (text.strip() for text in part.partition("="))
            if name in chosen:
                raise ValueError(f"{BERTSCORE_ENV}: {name} is given twice")
            if name == "model" and value:
                chosen[name] = value
            elif name == "layer" and value.isdecimal():
                chosen[name] = int(value)
            elif name in ("rescale", "idf") and value in ("true", "false"):
                chosen[name] = value == "true"
            else:
                raise ValueError(f"{BERTSCORE_ENV}: {part!r} is not understood, allowed is {_VALUES}")
        return cls(**chosen)  # type: ignore[arg-type]


def check(settings: Settings | None = None) -> None:
    """What can be told before there are answers; a None for ``settings`` means the environment's. Reads the tokenizer.

    Errors: BertScoreUnavailable if not even the model's configuration and tokenizer are to be had; ValueError for settings
    that do not fit the model.
    """
    from transformers import AutoTokenizer

    settings = settings or Settings.from_environment()
    _config(settings)
    if settings.model not in _cases:
        with _quiet(), _available(settings):
            tokenizer = AutoTokenizer.from_pretrained(settings.model, use_fast=False, trust_remote_code=False)
        _cases[settings.model] = _case(tokenizer)


def bertscore(
    answers: Sequence[str],
    references: Sequence[str],
    settings: Settings | None = None,
    *,
    device: str | None = None,
    batch_size: int = 64,
) -> list[float]:
    """F1 of each answer against its reference; None for ``settings`` means the environment's.

    Whether capitals count is the tokenizer's affair: that of the default model lower-cases, and ``signature`` says so.

    Range: 0 to 1 with models that are in use; as a mean of cosines it could be negative, and rescaled it sometimes is.
    An answer without a token has 0.0, rescaled or not. What lies beyond the model's length (512 tokens) is not read.
    Scores repeat to about 1e-6: the padding, and so the rounding, depends on what shares a batch.

    It runs on the GPU if there is one, and a model is loaded once a process. Errors: BertScoreUnavailable; ValueError
    for an empty reference, for lists of different lengths, and for settings that do not fit the model.
    """
    if len(answers) != len(references):
        raise ValueError(f"{len(answers)} answers and {len(references)} references")
    if not answers:
        return []
    import torch  # late, as everything heavy here: signatures are asked for without a model

    settings = settings or Settings.from_environment()
    scorer = _scorer(settings, device or ("cuda" if torch.cuda.is_available() else "cpu"))
    empty = _without_tokens(scorer, {*answers, *references})
    for number, reference in enumerate(references):
        if reference in empty:
            raise ValueError(f"reference number {number}, {reference!r}, is empty")
    if settings.idf:
        scorer._idf_dict = None  # of an earlier call; the library warns before it overwrites one
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


def signature(settings: Settings | None = None, n: int | None = None) -> str:
    """What a BERTScore depends on, to be printed beside it; of a model in a folder only the folder's name.

    ``case`` is ``lower`` or ``kept`` as the model's tokenizer has it, which ``check`` and ``bertscore`` load; before, and where
    it cannot be had, ``unread``.
    """
    settings = settings or Settings.from_environment()
    return _signature(settings, n, _cases.get(settings.model, _UNREAD))


@cache  # asked for with every answer, and it looks at the disk
def _signature(settings: Settings, n: int | None, case: str) -> str:
    model = Path(settings.model).resolve().name if Path(settings.model).is_dir() else settings.model
    switches = f"rescale:{str(settings.rescale).lower()}|idf:{str(settings.idf).lower()}"
    count = "" if n is None else f"|n:{n}"
    library = f"bert-score:{version('bert-score')}"  # its __version__ of 0.3.13 says 0.3.12
    return f"bertscore|f1|model:{model}|layer:{settings.layer}|{switches}|case:{case}|{library}{count}|v:{_VERSION}"


@lru_cache(maxsize=1)
def _scorer(settings: Settings, device: str) -> "BERTScorer":
    from bert_score import BERTScorer

    config = _config(settings)
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
    if scorer._tokenizer.model_max_length > 1_000_000:  # its file gives none, and the library would overflow
        scorer._tokenizer.model_max_length = min(_MAX_LENGTH, getattr(config, "max_position_embeddings", _MAX_LENGTH))
    _cases[settings.model] = _case(scorer._tokenizer)
    return scorer


def _case(tokenizer: Any) -> str:
    """What becomes of capitals before a tokenizer looks words up: its own normaliser is asked, not its class."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:  # written in Python
        return "lower" if getattr(tokenizer, "do_lower_case", False) else "kept"
    shown = backend.normalizer.normalize_str("LUNG") if backend.normalizer is not None else "LUNG"
    return "lower" if shown == shown.lower() else "kept"


@lru_cache(maxsize=1)
def _config(settings: Settings) -> Any:
    from transformers import AutoConfig

    with _quiet(), _available(settings):
        config = AutoConfig.from_pretrained(settings.model, trust_remote_code=False)
    if settings.layer > config.num_hidden_layers:
        raise ValueError(f"layer {settings.layer}: {settings.model} has {config.num_hidden_layers} layers")
    # bert-score takes every name with these two letters for a T5, and would fill one with random weights.
    if "t5" in settings.model and "t5" not in config.model_type:
        raise ValueError(f"model {settings.model!r}: bert-score takes it for a T5; give it a name without 't5'")
    baselines = Path(find_spec("bert_score").origin).parent / "rescale_baseline" / "en"  # type: ignore[union-attr, arg-type]
    if settings.rescale and not (baselines / f"{settings.model}.tsv").is_file():
        raise ValueError(
            f"rescale: bert-score has no English baseline for {settings.model}, as it has for roberta-large; "
            "use rescale=false"
        )
    return config


@contextmanager
def _available(settings: Settings) -> Iterator[None]:
    """Whatever cannot be loaded becomes BertScoreUnavailable."""
    try:
        yield
    except OSError as error:
        raise BertScoreUnavailable(
            f"BERTScore needs {settings.model}, which is neither a folder nor a model on this machine, and the hub "
            f"did not give it ({type(error).__name__}). Get it, where there is a network, with\n"
            f"    hf download {settings.model}\n"
            f"or choose another: {BERTSCORE_ENV}={_VALUES}. "
            "Answers are kept in the journal: the same command again only scores them."
        ) from error


def _without_tokens(scorer: "BERTScorer", texts: Collection[str]) -> set[str]:
    """The texts that are empty to the tokenizer (spaces, control characters), on which bert-score 0.3.13 fails."""
    doubtful = [text for text in texts if not _WORD.search(text)]  # for asking the tokenizer takes its time
    return {text for text in doubtful if not scorer._tokenizer.tokenize(text)}


@contextmanager
def _quiet() -> Iterator[None]:
    """No notes of transformers on weights that the encoder does not use, which are expected, and no loading bar."""
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
