"""Generation settings and the decode loop; test_session.py compares greedy decoding with `generate`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import Field, dataclass, fields
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from lmms_vg.attention.decoding import decode
from lmms_vg.journal.decoding import Decoding


@dataclass
class Prompt:
    input_ids: Tensor


@dataclass
class Script:
    """A pass with scripted logits: `script[row][n]` holds the logits after n tokens."""

    script: list[list[list[float]]]
    at: int = 0

    def __post_init__(self) -> None:
        self.layout = SimpleNamespace(prompts=[Prompt(torch.tensor([0])) for _ in self.script])

    def logits_without(self, tokens: Collection[int]) -> Tensor:
        logits = self.logits.clone()
        logits[:, sorted(tokens)] = -torch.inf
        return logits

    @property
    def finite(self) -> Tensor:
        return self.logits.isfinite().all(-1)

    @property
    def logits(self) -> Tensor:
        return torch.tensor([row[min(self.at, len(row) - 1)] for row in self.script])

    def step(self, tokens: Tensor) -> None:
        self.at += 1


def one_hot(*tokens: int) -> list[list[float]]:
    return [[9.0 if i == token else 0.0 for i in range(6)] for token in tokens]


def run(script: list[list[list[float]]], settings: Decoding, stop: set[int] | None = None) -> list[list[int]]:
    keys = [str(row) for row in range(len(script))]
    script = Script(script)
    return decode(script, settings, keys, frozenset(stop or ()), lambda ids: " ".join(map(str, ids)))  # type: ignore[arg-type]


def test_rows_end_on_their_own() -> None:
    """One row ends at its stop token, which is not part of the answer; the other ends at the length limit."""
    answers = run([one_hot(3, 5, 2, 2), one_hot(4, 4, 4, 4)], Decoding(max_new_tokens=3), stop={5})
    assert answers == [[3], [4, 4, 4]]


def test_until_ends_a_row() -> None:
    assert run([one_hot(3, 1, 2, 4)], Decoding(max_new_tokens=9, until=("1 2",))) == [[3, 1, 2]]


def test_no_step_is_made_after_the_last_token() -> None:
    script = Script([one_hot(3, 4)])
    decode(script, Decoding(max_new_tokens=1), ["a"], frozenset(), lambda ids: "")  # type: ignore[arg-type]
    assert script.at == 0


def test_repetition_penalty_counts_the_answer() -> None:
    """Token 3 leads by little, so after it token 4 wins; with a penalty of 1, token 3 always wins."""
    close = [[0.0, 0.0, 0.0, 2.0, 1.9, 0.0]] * 4
    assert run([close], Decoding(max_new_tokens=3)) == [[3, 3, 3]]
    assert run([close], Decoding(max_new_tokens=2, repetition_penalty=2.0)) == [[3, 4]]


def test_repetition_penalty_may_leave_the_prompt_out() -> None:
    """Token 3 is in the prompt and leads by little: if the prompt counts, 4 comes first; if not, 3 and then 4."""
    close = [[0.0, 0.0, 0.0, 2.0, 1.9, 0.0]] * 4
    first = {}
    for counted in (True, False):
        script = Script([close])
        script.layout.prompts = [Prompt(torch.tensor([3]))]
        settings = Decoding(max_new_tokens=2, repetition_penalty=2.0, penalise_prompt=counted)
        first[counted] = decode(script, settings, ["a"], frozenset(), lambda ids: "")  # type: ignore[arg-type]
    assert first == {True: [[4, 3]], False: [[3, 4]]}


def test_an_answer_may_not_end_before_it_began() -> None:
    """Token 5 ends an answer and leads; 3 is second. With a minimum of one token the row gives 3 and then ends."""
    eager = [[0.0, 0.0, 0.0, 2.0, 1.0, 9.0]] * 4
    assert run([eager], Decoding(max_new_tokens=3), stop={5}) == [[]]
    assert run([eager, eager], Decoding(max_new_tokens=3, min_new_tokens=1), stop={5}) == [[3], [3]]
    sampled = Decoding(max_new_tokens=3, min_new_tokens=2, do_sample=True, temperature=0.01)
    assert run([eager], sampled, stop={5}) == [[3, 3]]


def test_sampling_depends_on_seed_and_question_not_on_the_batch() -> None:
    even = [[1.0, 1.0, 1.0, 1.0, 1.0, 1.0]] * 12
    settings = Decoding(max_new_tokens=12, do_sample=True, seed=7)
    both = run([even, even], settings)
    assert both[0] != both[1], "two questions have two samples"
    assert run([even], settings) == both[:1], "the same question has the same one, alone or in a batch"
    assert run([even], Decoding(max_new_tokens=12, do_sample=True, seed=8)) != both[:1]


def test_temperature_top_k_and_top_p_narrow_the_choice() -> None:
    sloped = [[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]] * 40
    free = set(run([sloped], Decoding(max_new_tokens=40, do_sample=True, temperature=3.0))[0])
    assert len(free) > 2
    assert set(run([sloped], Decoding(max_new_tokens=40, do_sample=True, temperature=3.0, top_k=2))[0]) == {4, 5}
    assert set(run([sloped], Decoding(max_new_tokens=40, do_sample=True, top_p=0.5))[0]) == {5}
    assert set(run([sloped], Decoding(max_new_tokens=40, do_sample=True, temperature=0.05))[0]) == {5}


def test_settings_as_lmms_eval_writes_them() -> None:
    given = {"max_new_tokens": 8, "temperature": 0, "do_sample": True, "top_p": None, "num_beams": 1, "until": "\n\n"}
    kept = dict(given)
    assert Decoding.from_lmms_eval(given) == Decoding(max_new_tokens=8, until=("\n\n",))
    assert given == kept
    sampled = Decoding.from_lmms_eval({"do_sample": True, "temperature": 0.2, "repetition_penalty": 1.2, "until": []})
    assert (sampled.temperature, sampled.repetition_penalty, sampled.max_new_tokens) == (0.2, 1.2, 1024)
    assert Decoding.from_lmms_eval({"do_sample": False, "top_p": 0.9}) == Decoding(max_new_tokens=1024)
    warm = Decoding.from_lmms_eval({"temperature": 0.7, "max_gen_toks": 16})  # llava_hf samples then, so do we
    assert (warm.do_sample, warm.temperature, warm.max_new_tokens) == (True, 0.7, 16)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_beams": 5}, r"num_beams=5: allowed is 1"),
        ({"num_return_sequences": 3}, r"num_return_sequences=3: allowed is 1"),
        ({"max_new_tokens": 0}, r"max_new_tokens=0"),
        ({"min_new_tokens": 9, "max_new_tokens": 8}, r"min_new_tokens=9: allowed is an integer from 0"),
        ({"penalise_prompt": False}, r"penalise_prompt"),
        ({"do_sample": True, "top_p": 1.5}, r"top_p=1.5: allowed is a number in \(0, 1\]"),
        ({"do_sample": True, "temperature": -1}, r"temperature=-1"),
        ({"do_sample": False, "top_p": 1.5}, r"top_p=1.5: allowed is a number in \(0, 1\]"),
        ({"do_sample": False, "temperature": -1}, r"temperature=-1"),
        ({"do_sample": False, "top_k": -1}, r"top_k=-1"),
        ({"temperature": float("nan")}, r"temperature=nan"),
        ({"temperature": "hot"}, r"temperature='hot'"),
        ({"max_new_tokens": "8"}, r"max_new_tokens='8': allowed is an integer"),
        ({"max_new_tokens": 8.5}, r"max_new_tokens=8.5"),
        ({"max_new_tokens": True}, r"max_new_tokens=True"),
        ({"max_gen_toks": 0}, r"max_new_tokens=0"),
        ({"min_new_tokens": None, "max_new_tokens": -3}, r"max_new_tokens=-3"),
        ({"do_sample": "yes"}, r"do_sample='yes': allowed is true or false"),
        ({"repetition_penalty": float("inf")}, r"repetition_penalty=inf"),
        ({"seed": "x"}, r"seed='x'"),
        ({"until": 5}, r"until=\(5,\): allowed is strings"),
        ({"lenght_penalty": 2}, r"lenght_penalty=2: unknown; did you mean repetition_penalty\? allowed: .*until"),
    ],
)
def test_settings_that_would_do_nothing_or_harm_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Decoding.from_lmms_eval(settings)


@pytest.mark.parametrize("until", ["", [""], ["", ""]])
def test_an_empty_string_ends_no_answer(until: object) -> None:
    assert Decoding.from_lmms_eval({"until": until}) == Decoding.from_lmms_eval({})
    assert Decoding.from_lmms_eval({"until": ["", "1 2"]}).until == ("1 2",)
    with pytest.raises(ValueError, match="until="):
        Decoding(until=("",))


def test_top_p_0_beside_greedy_is_how_tasks_write_nothing() -> None:
    assert Decoding.from_lmms_eval({"temperature": 0, "top_p": 0}) == Decoding.from_lmms_eval({})


BROKEN = {"NaN": [torch.nan] * 6, "one NaN": [9.0, torch.nan, 0.0, 0.0, 0.0, 0.0], "all -inf": [-torch.inf] * 6}


@pytest.mark.parametrize("settings", [Decoding(), Decoding(do_sample=True), Decoding(repetition_penalty=1.2)], ids=str)
@pytest.mark.parametrize("logits", BROKEN.values(), ids=BROKEN)
def test_logits_that_are_not_finite_are_no_token(logits: list[float], settings: Decoding) -> None:
    """Raised after two tokens in a row that continues; ignored in a row that has ended."""
    broken = [*one_hot(3, 4), logits]
    with pytest.raises(ValueError, match=r"after 2 answer tokens: .* not finite"):
        run([one_hot(1, 1, 1, 1), broken], settings)
    answers = run([one_hot(1, 1, 1, 1), [*one_hot(3, 5), logits]], Decoding(max_new_tokens=4), stop={5})
    assert answers == [[1, 1, 1, 1], [3]]


@pytest.mark.parametrize("sampled", [True, False])
@pytest.mark.parametrize("field", fields(Decoding), ids=lambda field: field.name)
def test_every_setting_is_in_the_key(field: Field, sampled: bool) -> None:
    other = {"until": ("x",), "do_sample": not sampled, "penalise_prompt": False, "min_new_tokens": 2}
    given = {"do_sample": sampled, "max_new_tokens": 8, "temperature": 0.5, "top_p": 0.5, "top_k": 5}
    value = other.get(
        field.name, (given | {"repetition_penalty": 1, "seed": 1})[field.name] * 2 if field.name not in other else 0
    )
    changed = Decoding(**{**given, field.name: value})
    moved = changed.as_key() != Decoding(**given).as_key()
    assert moved is (sampled or field.name != "seed")


def test_only_sampling_has_the_seed_in_its_key() -> None:
    assert Decoding(seed=1).as_key() == Decoding(seed=2).as_key()
    assert Decoding(seed=1, do_sample=True).as_key() != Decoding(seed=2, do_sample=True).as_key()
    assert Decoding(max_new_tokens=5).as_key() != Decoding(max_new_tokens=6).as_key()
