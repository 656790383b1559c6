"""From logits to answer tokens: greedy, or sampled with a seed of its own for every question.

The decode loop is ours because generation has to continue on the cache that a knockout pass left behind; the distribution
is transformers' own (its logits processors), and greedy decoding is held to `model.generate` by tests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from transformers import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from lmms_vg.attention.batch import Batch

#: lmms-eval generation settings that change nothing here, or are read on their own.
_IGNORED = {"num_return_sequences", "num_beams", "use_cache", "max_gen_toks", "image_aspect_ratio"}

#: For tasks that do not say how long an answer may be; what lmms-eval's own LLaVA model takes.
_NEW_TOKENS = 1024


@dataclass(frozen=True)
class Decoding:
    """Generation settings of one question; part of the journal key.

    Attributes:
        until: strings that end the answer and are cut off.
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
        allowed = {
            "max_new_tokens": (self.max_new_tokens >= 1, "an integer of at least 1"),
            "min_new_tokens": (0 <= self.min_new_tokens <= self.max_new_tokens, "an integer from 0 to max_new_tokens"),
            "temperature": (self.temperature > 0, "a number above 0 (do_sample=false is greedy)"),
            "top_p": (0 < self.top_p <= 1, "a number in (0, 1]"),
            "top_k": (self.top_k >= 0, "0 (off) or a positive integer"),
            "repetition_penalty": (self.repetition_penalty > 0, "a number above 0 (1 is none)"),
        }
        for name, (fine, expected) in allowed.items():
            if not fine:
                raise ValueError(f"generation setting {name}={getattr(self, name)!r}: allowed is {expected}")

    @classmethod
    def from_lmms_eval(cls, settings: Mapping[str, Any], penalise_prompt: bool = True) -> Decoding:
        """Settings as an lmms-eval task or `--gen_kwargs` states them; the mapping is left untouched.

        `penalise_prompt` comes on its own, because other models' `generate` would refuse a setting it does not know.

        Raises:
            ValueError: beam search, or a setting that is not known and would silently do nothing.
        """
        for name in ("num_beams", "num_return_sequences"):
            if settings.get(name, 1) not in (1, None):
                raise ValueError(
                    f"generation setting {name}={settings[name]!r}: allowed is 1 (one answer, no beam search)"
                )
        own = {k: v for k, v in settings.items() if v is not None and k not in _IGNORED}
        known = set(cls.__dataclass_fields__) - {"penalise_prompt"}
        unknown = sorted(own.keys() - known)
        if unknown:
            raise ValueError(f"generation settings {unknown} are not known; known: {sorted(known)}")
        until = own.get("until", ())
        own.setdefault("max_new_tokens", settings.get("max_gen_toks") or _NEW_TOKENS)
        own["until"] = (until,) if isinstance(until, str) else tuple(until)
        own.setdefault("do_sample", "temperature" in own)  # as lmms-eval's own models read a temperature
        if not own.get("temperature", 1.0):  # temperature 0 is how tasks write "greedy"
            own.update(temperature=1.0, do_sample=False)
        if not own.get("do_sample", False):  # and these are then without meaning
            for name in ("temperature", "top_p", "top_k"):
                own.pop(name, None)
        own["penalise_prompt"] = penalise_prompt
        return cls(**own)

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
    """
    generators = [seeded(settings.seed, key) for key in keys]
    prompts = [prompt.input_ids.tolist() for prompt in batch.prompts]
    answers: list[list[int]] = [[] for _ in prompts]
    running = set(range(len(prompts)))
    for _ in range(settings.max_new_tokens):
        tokens = _choose(batch, settings, prompts, answers, generators, stop_ids)
        for row in sorted(running):
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
        batch.step(torch.tensor(tokens))
    return answers


def _choose(
    batch: Batch,
    settings: Decoding,
    prompts: list[list[int]],
    answers: list[list[int]],
    generators: list[torch.Generator],
    stop_ids: frozenset[int],
) -> list[int]:
    """Next token of every row."""
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
    if not processors:
        return logits.argmax(-1).tolist()
    logits = logits.to("cpu")
    tokens = []
    for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        seen: Any = torch.tensor([prompt + answer if settings.penalise_prompt else answer], dtype=torch.long)
        scores = processors(seen, logits[row : row + 1])
        if settings.do_sample:
            tokens.append(int(torch.multinomial(scores.softmax(-1)[0], 1, generator=generators[row])))
        else:
            tokens.append(int(scores.argmax()))
    return tokens


def seeded(seed: int, key: str) -> torch.Generator:
    """A generator on the CPU that depends on both, and on nothing else."""
    digest = hashlib.sha256(f"{seed}/{key}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
