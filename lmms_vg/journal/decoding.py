"""How an answer is decoded: the generation settings of a task or of `--gen_kwargs`, checked, as the journal's key has them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from lmms_vg._util.suggest import suggest

#: lmms-eval generation settings that change nothing here, or are read on their own.
_IGNORED = {"num_return_sequences", "num_beams", "use_cache", "max_gen_toks", "image_aspect_ratio"}

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
