"""Ask a model behind an OpenAI-compatible endpoint, once per prompt: answers are kept, and a second run reads them."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from lmms_vg._util.atomic_files import replace_file
from lmms_vg._util.json_text import parse_json

KEY = "OPENAI_API_KEY"
_TRIES = 4  # per request, if the endpoint is busy, broken or silent
_CHARACTERS = 4  # per token, roughly
_ANSWER_TOKENS = 80  # of three questions


class EndpointFailed(ValueError):
    """The endpoint gave no answer; the message has its address and what to do."""


class KeptAnswer(BaseModel):
    """The file of an answer.

    Attributes:
        model: that was asked.
        prompt: the whole request.
        attempt: 0 for the first request of this prompt, 1 for the next one, ...
        answer: the whole text.
        tokens: as the endpoint counts them, prompt and answer; 0 where it does not say.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    model: str
    prompt: str
    attempt: int
    answer: str
    tokens: tuple[int, int]


@dataclass
class Endpoint:
    """A model behind an endpoint.

    Attributes:
        url: base address, such as https://api.openai.com/v1.
        model: its name there.
        folder: where answers are kept.
        per_minute: most requests per minute.
        timeout: seconds until a request counts as failed.
        wait: seconds before the second try; each later one waits twice as long.
    """

    url: str
    model: str
    folder: Path
    per_minute: int = 60
    timeout: float = 60.0
    wait: float = 2.0
    _next: float = field(default=0.0)

    def ask(self, prompt: str, attempt: int = 0) -> KeptAnswer:
        """Return the kept answer, or ask for one and keep it.

        Args:
            prompt: the request.
            attempt: of several requests with this prompt; each has an answer of its own.

        Raises:
            EndpointFailed: no answer after some tries, or an answer that trying again does not mend.
        """
        path = self.path(prompt, attempt)
        if kept := _read(path):
            return kept
        answer, tokens = self._answered(prompt, attempt)
        kept = KeptAnswer(model=self.model, prompt=prompt, attempt=attempt, answer=answer, tokens=tokens)
        replace_file(path, kept.model_dump_json(indent=1) + "\n")
        return kept

    def path(self, prompt: str, attempt: int) -> Path:
        """Return the file of an answer: by model, prompt and attempt, not by address."""
        text = json.dumps([self.model, prompt, attempt])
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"

    def kept(self, prompt: str) -> bool:
        """Return whether the first request of a prompt has its answer."""
        return _read(self.path(prompt, 0)) is not None

    def _answered(self, prompt: str, attempt: int) -> tuple[str, tuple[int, int]]:
        import openai
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

        passing = (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError)
        tries = Retrying(
            retry=retry_if_exception_type(passing),
            stop=stop_after_attempt(_TRIES),
            wait=wait_exponential(multiplier=self.wait),
            reraise=True,
        )
        try:
            return tries(self._request, openai.OpenAI, prompt, attempt)
        except openai.OpenAIError as problem:
            advice = (
                f"asked {_TRIES} times; run the same command again later, what is answered is kept"
                if isinstance(problem, passing)
                else f"check --endpoint, --model and the key in {KEY}"
            )
            words = " ".join(str(problem).split())[:300]
            raise EndpointFailed(
                f"{self.url}, model {self.model!r}: {type(problem).__name__}: {words}; {advice}"
            ) from None

    def _request(self, client_class: Callable[..., Any], prompt: str, attempt: int) -> tuple[str, tuple[int, int]]:
        time.sleep(max(0.0, self._next - time.monotonic()))
        self._next = time.monotonic() + 60 / self.per_minute
        with client_class(
            base_url=self.url, api_key=os.environ.get(KEY, "none"), max_retries=0, timeout=self.timeout
        ) as client:
            reply = client.chat.completions.create(
                model=self.model, messages=[{"role": "user", "content": prompt}], seed=attempt
            )
        usage = reply.usage
        tokens = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)
        return (reply.choices[0].message.content or "") if reply.choices else "", tokens


def estimate(prompts: list[str], price: tuple[float, float] | None) -> str:
    """Return the cost of requests, in words.

    Args:
        prompts: the requests.
        price: of a million tokens, of prompts and of answers; None if it is not known.

    >>> estimate(["word" * 100] * 10, (2.5, 10.0))
    '10 requests, about 1,000 tokens of prompts and 800 of answers: about 0.01 at 2.5 and 10 per million tokens'
    """
    asked, answered = sum(map(len, prompts)) // _CHARACTERS, _ANSWER_TOKENS * len(prompts)
    words = f"{len(prompts)} requests, about {asked:,} tokens of prompts and {answered:,} of answers"
    if price is None:
        return f"{words}; state --price IN,OUT (per million tokens) to see what they cost"
    cost = (asked * price[0] + answered * price[1]) / 1e6
    return f"{words}: about {cost:.2f} at {price[0]:g} and {price[1]:g} per million tokens"


def _read(path: Path) -> KeptAnswer | None:
    """Return a kept answer; None if there is none, or if its file is broken, so that it is asked again."""
    if not path.is_file():
        return None
    try:
        return KeptAnswer.model_validate(parse_json(path.read_bytes()))
    except (ValidationError, ValueError):
        return None
