"""Log-probabilities of the allowed answers, from the logits that the prefill computes anyway.

They are taken over the whole vocabulary from the logits that the method chooses the first token by: contrasted if it
contrasts (VCD, PAI's guidance), because those are the method's, but before its cut-off, which would make an allowed answer
impossible, and before any penalty, temperature or minimum length of decoding.

An answer's probability is the sum over its spellings: "yes", "Yes" and "YES", each at the start of a word or a line, of those
which are one token. An answer of which no spelling is one token has the first token of each spelling instead, which other
words may share. A token that two allowed answers claim counts for neither.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from lmms_vg.attention.forward_pass import Pass
from lmms_vg.journal import FirstToken

_DIGITS = 6  # more than float32 has
_TAG = r"<(?:think|thinking|thought|analysis|reasoning)>"
_OPENED = re.compile(rf"{_TAG}\s*\Z", re.I)
_BEGINS = re.compile(rf"\s*{_TAG}", re.I)


class ChoiceTokens:
    """The tokens of allowed answers in one vocabulary."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._known: dict[tuple[str, ...], list[list[int]]] = {}

    def of(self, choices: tuple[str, ...]) -> list[list[int]]:
        """Return the ids that stand for each of the choices; none for one that has no token of its own."""
        if choices not in self._known:
            claimed = [self._first(choice) for choice in choices]
            times = Counter(token for ids in claimed for token in ids)
            self._known[choices] = [sorted(token for token in ids if times[token] == 1) for ids in claimed]
        return self._known[choices]

    def _first(self, choice: str) -> set[int]:
        encoded = [ids for ids in self._encoded(choice) if ids and ids[0] != self._tokenizer.unk_token_id]
        return {ids[0] for ids in encoded if len(ids) == 1} or {ids[0] for ids in encoded}

    def _encoded(self, choice: str) -> Iterator[list[int]]:
        line = self._ids("\n")
        for text in _spellings(choice):
            for spaced in (text, f" {text}"):
                yield self._ids(spaced)
                behind = self._ids(f"\n{spaced}")  # where a tokenizer puts a space before every text that it encodes
                if behind[: len(line)] == line:
                    yield behind[len(line) :]

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return ids


def _spellings(choice: str) -> list[str]:
    """Return the ways to write an allowed answer; a letter has one, as the small "a" is an article."""
    if len(choice) == 1:
        return [choice]
    return list(dict.fromkeys((choice, choice.lower(), choice.capitalize(), choice.upper())))


def first_tokens(answering: Pass, choices: Sequence[tuple[str, ...]], tokens: ChoiceTokens) -> list[FirstToken | None]:
    """Return what the first token says about the allowed answers of each question; None for a question without any.

    It must be called before the first decode step. It runs no pass, and moves the values of all questions from the device
    at once.

    Args:
        answering: the prefilled pass.
        choices: the allowed answers, one tuple per question.
        tokens: of the model's tokenizer.
    """
    ids = [tokens.of(allowed) for allowed in choices]
    used = sorted({token for groups in ids for group in groups for token in group})
    if not used:
        return [FirstToken(no_value="shared_first_token") if allowed else None for allowed in choices]
    logits = answering.uncut
    # Not log_softmax, which would take as much memory as the logits themselves.
    taken = logits[:, torch.tensor(used, device=logits.device)] - logits.logsumexp(-1, keepdim=True)
    place = {token: number for number, token in enumerate(used)}
    results: list[FirstToken | None] = []
    for row, allowed, groups in zip(taken.cpu().double(), choices, ids, strict=True):
        if not allowed:
            results.append(None)
        elif not all(groups):
            results.append(FirstToken(no_value="shared_first_token"))
        else:
            sums = torch.stack([row[[place[token] for token in group]].logsumexp(0) for group in groups])
            if not sums.isfinite().all():
                results.append(FirstToken(no_value="not_finite"))
                continue
            values = [min(0.0, round(value, _DIGITS)) for value in sums.tolist()]
            mass = round(min(1.0, float(sums.exp().sum())), _DIGITS)
            results.append(FirstToken(log_p=dict(zip(allowed, values, strict=True)), mass=mass))
    return results


def unless_thinking(first: FirstToken | None, prompt: str, answer: str) -> FirstToken | None:
    """Return the values, or that there are none because the prompt or the answer (with all its tokens) opens a thought."""
    if first is not None and (_OPENED.search(prompt) or _BEGINS.match(answer)):
        return FirstToken(no_value="thinks_first")
    return first
