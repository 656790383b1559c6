"""`sampling_seed` draws other answers, is in the identity of runs that are given one, and changes no key of all others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny
from asking import GOOD, good
from checkpoints import load
from datasets import Dataset
from lmms_eval.api.instance import Instance

import lmms_vg
from lmms_vg import harness, journal
from lmms_vg.host.failure import RunFailed
from lmms_vg.inference.build import build
from lmms_vg.inference.question import prepare
from lmms_vg.journal import content_key
from lmms_vg.journal.decoding import Decoding
from lmms_vg.runs.journal_run import _decoding
from lmms_vg.tasks import yaml_files

SAMPLED = {"do_sample": True, "temperature": 50.0, "max_new_tokens": 8, "min_new_tokens": 8}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save(tmp_path_factory.mktemp("checkpoint") / "tiny")


def answer(checkpoint: Path, settings: dict[str, Any], **arguments: Any) -> tuple[str, int | None, str]:
    """The answer to one question, the seed it was drawn with, and the folder of its journal."""
    model = harness.huatuo_plain(pretrained=str(checkpoint), **arguments)
    model.task_dict = {"foreign": {"test": Dataset.from_list([{"question": GOOD}])}}
    content = [{"type": "image", "url": tiny.picture()}, {"type": "text", "text": GOOD}]
    request = Instance(
        request_type="generate_until",
        arguments=("", lambda doc: [{"role": "user", "content": content}], settings, 0, "foreign", "test"),
        idx=0,
        metadata={"task": "foreign", "doc_id": 0, "repeats": 1},
    )
    (text,) = model.generate_until([request])
    record: Any = journal.recall("foreign", "test/0")
    folder = model._answerer.journal.folder.name
    model.clean()
    return text, record.decoding.get("seed"), folder


def test_another_seed_draws_another_answer_and_the_same_one_the_same(checkpoint: Path) -> None:
    without, first, again, second = (
        answer(checkpoint, SAMPLED, **given)
        for given in ({}, {"sampling_seed": 1}, {"sampling_seed": 1}, {"sampling_seed": 2})
    )
    assert [result[1] for result in (without, first, second)] == [42, 1, 2]
    assert first == again
    assert len({result[0] for result in (without, first, second)}) == 3
    assert len({result[2] for result in (without, first, second)}) == 3, "each has a journal of its own"


def test_the_seed_of_the_tasks_draws_what_no_seed_draws(checkpoint: Path) -> None:
    assert answer(checkpoint, SAMPLED)[0] == answer(checkpoint, SAMPLED, sampling_seed=Decoding.seed)[0]


def test_only_a_run_that_is_given_a_seed_has_it_in_its_identity(checkpoint: Path) -> None:
    fields = (
        *("family", "method", "weights", "config", "tokenizer", "image_processor", "prompt", "dtype", "device"),
        *("geometry", "rows", "per_head", "diagnose", "batch_size", "code", "versions", "method_code"),
    )
    with_seed, without = (
        build("huatuo", "plain", pretrained=str(checkpoint), **given) for given in ({"sampling_seed": 3}, {})
    )
    identity = {name: without.journal.provenance[name] for name in fields}
    # The provenance states versions of further libraries, which compute no answer.
    identity["versions"] = {
        name: identity["versions"][name]
        for name in ("torch", "torchvision", "transformers", "tokenizers", "numpy", "pillow")
    }
    assert without.journal.folder.name == f"huatuo_plain-{content_key(identity)[:16]}"
    assert "sampling_seed" not in without.journal.provenance
    assert with_seed.journal.provenance["sampling_seed"] == 3
    assert with_seed.journal.folder.name == f"huatuo_plain-{content_key(identity | {'sampling_seed': 3})[:16]}"
    assert (without.journal.provenance["default_settings"], with_seed.journal.provenance["default_settings"]) == (
        True,
        False,
    )


def test_keys_of_questions_are_pinned() -> None:
    """Answers that were journalled before there was a seed are still found."""
    family = load("huatuo", "demo")
    assert prepare(family, good("q"), ("last",), False).key == "2c4422156e92b5a8346a0da8b5ff3d4a"
    assert content_key(Decoding(max_new_tokens=3, do_sample=True).as_key()) == "37c686d3aec773a6ab27819ab3738809"


@pytest.mark.parametrize("value", [-1, 1.5, "one", True])
def test_a_seed_is_an_integer_of_at_least_0(checkpoint: Path, value: object) -> None:
    with pytest.raises(ValueError, match=r"sampling_seed=.*allowed is an integer of at least 0"):
        build("huatuo", "plain", pretrained=str(checkpoint), sampling_seed=value)


def test_a_seed_that_would_change_nothing_is_refused(checkpoint: Path) -> None:
    with pytest.raises(RunFailed, match="sampling_seed=1: no question of foreign is sampled"):
        answer(checkpoint, {"max_new_tokens": 3}, sampling_seed=1)
    with pytest.raises(ValueError, match="answers greedily"):
        lmms_vg.load("huatuo", "plain", pretrained=str(checkpoint), sampling_seed=1)


def test_a_journal_is_read_with_the_seed_of_its_run() -> None:
    task = yaml_files.definition("vqa_rad_chen")
    assert [_decoding(task, seed)["seed"] for seed in (None, 7)] == [42, 7]
    assert "seed" not in _decoding(yaml_files.definition("vqa_rad_chen_greedy"), 7)
