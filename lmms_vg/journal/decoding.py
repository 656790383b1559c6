"""Generation settings of a task or of `--gen_kwargs`, checked, in the form that the journal's key contains."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from lmms_vg._util.suggest import suggest

#: Generation settings of lmms-eval that change nothing here, or that are read separately.
_IGNORED = {"num_return_sequences", "num_beams", "use_cache", "max_gen_toks", "image_aspect_ratio"}

#: Length limit in tokens for tasks without one, equal to that of lmms-eval's own LLaVA model.
_NEW_TOKENS = 1024


@dataclass(frozen=True)
class Decoding:
    """Generation settings of one question; part of the journal key.

    Attributes:
        max_new_tokens: maximum length of the answer in tokens.
        min_new_tokens: minimum length of the answer in tokens; no token can end it earlier.
        do_sample: whether to sample; False is greedy.
        temperature: sampling temperature, above 0.
        top_p: nucleus sampling, in (0, 1]; 1 is off.
        top_k: number of most likely tokens to sample from; 0 is off.
        repetition_penalty: 1 is none. It applies to the answer's tokens and, with `penalise_prompt`, to the prompt's, as in
            `generate` with token ids (LLaVA's original code calls it with embeddings, where the prompt does not count).
        penalise_prompt: whether the penalty applies to the prompt's tokens.
        seed: seed of sampling; the sample depends on it and the question, not on the batch.
        until: strings that end the answer and are cut off; none may be empty.
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
        """Yield every setting, whether its value is allowed, and what is allowed; later rules rely on earlier ones."""
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
        """Convert settings of an lmms-eval task or `--gen_kwargs`; the mapping is not changed.

        `penalise_prompt` is separate because the `generate` of other models would refuse an unknown setting.

        Raises:
            ValueError: beam search, a value that is not allowed, or an unknown setting, which would silently do nothing.
        """
        for name in ("num_beams", "num_return_sequences"):
            if settings.get(name, 1) not in (1, None):
                raise ValueError(
                    f"generation setting {name}={settings[name]!r}: allowed is 1 (one answer, no beam search)"
                )
        values = {k: v for k, v in settings.items() if v is not None and k not in _IGNORED}
        _require_known(values, set(cls.__dataclass_fields__) - {"penalise_prompt"})
        if settings.get("max_gen_toks") is not None:
            values.setdefault("max_new_tokens", settings["max_gen_toks"])
        values.setdefault("max_new_tokens", _NEW_TOKENS)
        until = values.get("until", ())
        values["until"] = tuple(mark for mark in (until if isinstance(until, (list, tuple)) else [until]) if mark != "")
        values.setdefault("do_sample", "temperature" in values)  # as in lmms-eval's own models
        if not values.get("temperature", 1.0):  # tasks write temperature 0 for "greedy"
            values.update(temperature=1.0, do_sample=False)
        if not values["do_sample"] and not values.get("top_p", 1.0):  # some tasks add top_p 0
            values["top_p"] = 1.0
        decoding = cls(**values, penalise_prompt=penalise_prompt)
        # Greedy decoding ignores these; values that are never allowed were refused above.
        return decoding if decoding.do_sample else replace(decoding, temperature=1.0, top_p=1.0, top_k=0)

    def as_key(self) -> dict[str, Any]:
        """Return the settings that may change an answer, as JSON values; the seed counts only when sampling."""
        key = asdict(self) | {"until": list(self.until)}
        return key if self.do_sample else {k: v for k, v in key.items() if k != "seed"}


def _require_known(given: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(given.keys() - known)
    if unknown:
        named = ", ".join(f"{name}={given[name]!r}" for name in unknown)
        meant = "".join(suggest(name, known) for name in unknown)
        raise ValueError(f"generation setting {named}: unknown; {meant}allowed: {', '.join(sorted(known))}")


def _integer(value: Any, low: int) -> bool:
    """Return whether `value` is an integer of at least `low`; booleans are not integers here."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= low


def _number(value: Any) -> bool:
    """Return whether `value` is a finite number above 0."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value > 0
