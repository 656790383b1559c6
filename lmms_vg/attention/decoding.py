"""From logits to answer tokens: greedy, or sampled with a seed of its own for every question.

The decode loop is ours because generation has to continue on the cache that a knockout pass left behind; the distribution
is transformers' own (its logits processors), and greedy decoding is held to `model.generate` by tests.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from transformers import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from lmms_vg._util.suggest import suggest
from lmms_vg.attention.batch import NOT_FINITE, Batch

#: lmms-eval generation settings that change nothing here, or are read on their own.
_IGNORED = {"num_return_sequences", "num_beams", "use_cache", "max_gen_toks", "image_aspect_ratio"}

#: The next token of a row that has none.
_NONE = -1

#: For tasks that do not say how long an answer may be; what lmms-eval's own LLaVA model takes.
_NEW_TOKENS = 1024


@dataclass(frozen=True)
class Decoding:
    """Generation settings of one question; part of the journal key.

    Attributes:
        until: strings that end the answer and are cut off; an empty one would end it before it began.
        min_new_tokens: the tokens that end an answer are out of question before so many.
        repetition_penalty: 1 is none; counts the answer's own tokens, and with `penalise_prompt` the prompt's, as
            `generate` does with token ids (and does not with embeddings, which is how LLaVA's original code calls it).
        seed: with the question's key it fixes the sample, whatever batch the question is in.
    """

    max_new_tokens: int = 16
    min_new_tokens: int = 0
    do_sample: bool = False
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    repetition_penalty: float = 1.0
    penalise_prompt: bool = True
    seed: int = 42
    until: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, fine, expected in self._rules():
            if not fine:
                raise ValueError(f"generation setting {name}={getattr(self, name)!r}: allowed is {expected}")

    def _rules(self) -> Iterator[tuple[str, bool, str]]:
        """Every setting, whether its value is allowed, and what is; those further up may be relied on further down."""
        for name in ("do_sample", "penalise_prompt"):
            yield name, isinstance(getattr(self, name), bool), "true or false"
        yield "max_new_tokens", _integer(self.max_new_tokens, 1), "an integer of at least 1"
        fewest = _integer(self.min_new_tokens, 0) and self.min_new_tokens <= self.max_new_tokens
        yield "min_new_tokens", fewest, "an integer from 0 to max_new_tokens"
        yield "temperature", _number(self.temperature), "a number above 0 (do_sample=false is greedy)"
        yield "top_p", _number(self.top_p) and self.top_p <= 1, "a number in (0, 1]"
        yield "top_k", _integer(self.top_k, 0), "0 (off) or a positive integer"
        yield "repetition_penalty", _number(self.repetition_penalty), "a number above 0 (1 is none)"
        yield "seed", _integer(self.seed, 0), "an integer of at least 0"
        yield "until", all(isinstance(mark, str) and mark for mark in self.until), "strings of at least one character"

    @classmethod
    def from_lmms_eval(cls, settings: Mapping[str, Any], penalise_prompt: bool = True) -> Decoding:
        """Settings as an lmms-eval task or `--gen_kwargs` states them; the mapping is left untouched.

        `penalise_prompt` comes on its own, because other models' `generate` would refuse a setting it does not know.

        Raises:
            ValueError: beam search, a value that is not allowed, or a setting that is not known and would silently do nothing.
        """
        for name in ("num_beams", "num_return_sequences"):
            if settings.get(name, 1) not in (1, None):
                raise ValueError(
                    f"generation setting {name}={settings[name]!r}: allowed is 1 (one answer, no beam search)"
                )
        own = {k: v for k, v in settings.items() if v is not None and k not in _IGNORED}
        _require_known(own, set(cls.__dataclass_fields__) - {"penalise_prompt"})
        if settings.get("max_gen_toks") is not None:
            own.setdefault("max_new_tokens", settings["max_gen_toks"])
        own.setdefault("max_new_tokens", _NEW_TOKENS)
        until = own.get("until", ())
        own["until"] = tuple(mark for mark in (until if isinstance(until, (list, tuple)) else [until]) if mark != "")
        own.setdefault("do_sample", "temperature" in own)  # as lmms-eval's own models read a temperature
        if not own.get("temperature", 1.0):  # temperature 0 is how tasks write "greedy"
            own.update(temperature=1.0, do_sample=False)
        if not own["do_sample"] and not own.get("top_p", 1.0):  # and some write top_p 0 beside it
            own["top_p"] = 1.0
        made = cls(**own, penalise_prompt=penalise_prompt)
        # Greedy decoding has no use for these; a value that means nothing anywhere was refused all the same.
        return made if made.do_sample else replace(made, temperature=1.0, top_p=1.0, top_k=0)

    def as_key(self) -> dict[str, Any]:
        """What of this may change an answer; the seed only where there is sampling."""
        key = asdict(self)
        return key if self.do_sample else {k: v for k, v in key.items() if k != "seed"}


def decode(
    batch: Batch, settings: Decoding, keys: list[str], stop_ids: frozenset[int], text: Callable[[list[int]], str]
) -> list[list[int]]:
    """Answer tokens of every row of a prefilled batch, without the token that ended them.

    Args:
        keys: one per row; with the seed they fix what is sampled.
        text: turns answer tokens into text, to notice `until` strings.

    Raises:
        ValueError: logits of a row whose answer is not complete are not finite.
    """
    generators = [seeded(settings.seed, key) for key in keys]
    prompts = [prompt.input_ids.tolist() for prompt in batch.prompts]
    answers: list[list[int]] = [[] for _ in prompts]
    running = set(range(len(prompts)))
    for _ in range(settings.max_new_tokens):
        tokens = _choose(batch, settings, prompts, answers, generators, stop_ids)
        for row in sorted(running):
            if tokens[row] == _NONE:
                raise ValueError(f"behind {len(answers[row])} answer tokens {NOT_FINITE}")
            if tokens[row] in stop_ids:
                running.discard(row)
                continue
            answers[row].append(tokens[row])
            if len(answers[row]) == settings.max_new_tokens or (
                settings.until and any(mark in text(answers[row]) for mark in settings.until)
            ):
                running.discard(row)
        if not running:
            break
        batch.step(torch.tensor(tokens).clamp_min(0))  # a row that ended may have no token
    return answers


def _choose(
    batch: Batch,
    settings: Decoding,
    prompts: list[list[int]],
    answers: list[list[int]],
    generators: list[torch.Generator],
    stop_ids: frozenset[int],
) -> list[int]:
    """Next token of every row, `_NONE` where the logits are not finite; one transfer from the device, whatever is asked."""
    processors = LogitsProcessorList()
    if settings.repetition_penalty != 1:
        processors.append(RepetitionPenaltyLogitsProcessor(settings.repetition_penalty))
    if settings.do_sample:
        processors.append(TemperatureLogitsWarper(float(settings.temperature)))
        if settings.top_k:
            processors.append(TopKLogitsWarper(settings.top_k))
        if settings.top_p < 1:
            processors.append(TopPLogitsWarper(settings.top_p))
    too_short = max(map(len, answers)) < settings.min_new_tokens  # running rows are equally long
    logits = batch.logits_without(stop_ids if too_short else ())
    finite = batch.finite & logits.amax(-1).isfinite()  # a contrast may leave no token at all
    if not processors:
        return torch.where(finite, logits.argmax(-1), _NONE).tolist()
    logits = logits.masked_fill(~finite[:, None], torch.nan).to("cpu")
    tokens = []
    for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        if logits[row, 0].isnan():
            tokens.append(_NONE)
            continue
        seen: Any = torch.tensor([prompt + answer if settings.penalise_prompt else answer], dtype=torch.long)
        # Any for both, since transformers asks for torch.LongTensor and torch.FloatTensor, which no type of a tensor is.
        row_logits: Any = logits[row : row + 1]
        scores = processors(seen, row_logits)
        if settings.do_sample:
            tokens.append(int(torch.multinomial(scores.softmax(-1)[0], 1, generator=generators[row])))
        else:
            tokens.append(int(scores.argmax()))
    return tokens


def _require_known(given: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(given.keys() - known)
    if unknown:
        named = ", ".join(f"{name}={given[name]!r}" for name in unknown)
        meant = "".join(suggest(name, known) for name in unknown)
        raise ValueError(f"generation setting {named}: not known; {meant}allowed: {', '.join(sorted(known))}")


def _integer(value: Any, low: int) -> bool:
    """Whether it is an integer of at least `low`; true and false are not."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= low


def _number(value: Any) -> bool:
    """Whether it is a finite number above 0."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value > 0


def seeded(seed: int, key: str) -> torch.Generator:
    """A generator on the CPU that depends on both, and on nothing else."""
    digest = hashlib.sha256(f"{seed}/{key}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
