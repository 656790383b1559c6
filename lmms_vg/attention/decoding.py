"""From logits to answer tokens: greedy, or sampled with a separate seed for every question.

The decode loop is ours because generation continues on the cache that a knockout pass leaves behind. The distribution comes
from the logits processors of transformers. Tests compare greedy decoding with `model.generate`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import torch
from transformers import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from lmms_vg.attention.forward_pass import Pass
from lmms_vg.attention.unedited import NOT_FINITE
from lmms_vg.journal.decoding import Decoding

#: Stands for the next token of a row whose logits are not finite.
_NONE = -1


def decode(
    answering: Pass, settings: Decoding, keys: list[str], stop_ids: frozenset[int], text: Callable[[list[int]], str]
) -> list[list[int]]:
    """Decode the answers of a prefilled batch.

    Args:
        answering: the prefilled pass.
        settings: generation settings of all rows.
        keys: one key per row; key and seed together fix the sample.
        stop_ids: tokens that end an answer.
        text: turns answer tokens into text, to detect `until` strings.

    Returns:
        Answer tokens per row, without the token that ended them.

    Raises:
        ValueError: the logits of a row that is still running are not finite.
    """
    generators = [seeded(settings.seed, key) for key in keys]
    prompts = [prompt.input_ids.tolist() for prompt in answering.layout.prompts]
    answers: list[list[int]] = [[] for _ in prompts]
    running = set(range(len(prompts)))
    for _ in range(settings.max_new_tokens):
        tokens = _choose(answering, settings, prompts, answers, generators, stop_ids)
        for row in sorted(running):
            if tokens[row] == _NONE:
                raise ValueError(f"after {len(answers[row])} answer tokens: {NOT_FINITE}")
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
        answering.step(torch.tensor(tokens).clamp_min(0))  # a row that has ended may have no next token
    return answers


def _choose(
    answering: Pass,
    settings: Decoding,
    prompts: list[list[int]],
    answers: list[list[int]],
    generators: list[torch.Generator],
    stop_ids: frozenset[int],
) -> list[int]:
    """Choose the next token of every row, `_NONE` where the logits are not finite, with one transfer from the device."""
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
    logits = answering.logits_without(stop_ids if too_short else ())
    finite = answering.finite & logits.amax(-1).isfinite()  # a contrast may rule out every token
    if not processors:
        return torch.where(finite, logits.argmax(-1), _NONE).tolist()
    logits = logits.masked_fill(~finite[:, None], torch.nan).to("cpu")
    tokens = []
    for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        if logits[row, 0].isnan():
            tokens.append(_NONE)
            continue
        seen: Any = torch.tensor([prompt + answer if settings.penalise_prompt else answer], dtype=torch.long)
        # Any for both: transformers annotates torch.LongTensor and torch.FloatTensor, which are not the types of tensors.
        row_logits: Any = logits[row : row + 1]
        scores = processors(seen, row_logits)
        if settings.do_sample:
            tokens.append(int(torch.multinomial(scores.softmax(-1)[0], 1, generator=generators[row])))
        else:
            tokens.append(int(scores.argmax()))
    return tokens


def seeded(seed: int, key: str) -> torch.Generator:
    """Return a CPU generator that depends on `seed` and `key` only."""
    digest = hashlib.sha256(f"{seed}/{key}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
