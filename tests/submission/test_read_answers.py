"""What validation keeps of the answers as they are read: from its own scoring, never from what a bundle states."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import runs
from tampered import Parts, change

from lmms_vg.submission.read_answers import READ, read_answers
from lmms_vg.submission.schema_lines import BundleQuestion
from lmms_vg.submission.submit import submit
from lmms_vg.submission.validate import check
from lmms_vg.submission.validated import Entry

TASK = "vqa_demo_standard"


def line(extracted: str | None, target: str) -> dict[str, object]:
    return {"acc": {"score": 0, "extracted": extracted}, "target": target}


def test_by_hand() -> None:
    """Letters and other words are readable, whichever they are; a reference may be written in any way."""
    made = read_answers(
        [line("yes", "Yes."), line("no", "yes"), line(None, " NO "), line("B", "A"), line("left lung", "Liver")]
    )
    assert [READ[code] for code in made.said] == ["yes", "no", None, "other", "other"]
    assert [READ[code] for code in made.right] == ["yes", "yes", "no", "other", "other"]


def test_a_question_without_a_score_has_nothing_that_was_read() -> None:
    made = read_answers([{"acc": {"error": "broken", "error_code": "bad_question"}, "target": ""}])
    assert made.said.tolist() == [0]


def test_hundreds_fit_into_memory() -> None:
    made = read_answers([line("a word that is long" * 100, "another")] * 1_000)
    assert made.said.nbytes + made.right.nbytes == 2_000


def say(question: BundleQuestion) -> str:
    """Yes, no, something else, or nothing that can be read, by the length of the question's name."""
    return ("Yes, it is", "no", "the left one", "")[sum(map(ord, question.uid)) % 4]


def expected(question: BundleQuestion) -> str | None:
    """To a question of yes or no, only these are read; a word is compared as it is with a reference that is one."""
    if question.answer.lower() in ("yes", "no"):
        return {"Yes, it is": "yes", "no": "no"}.get(say(question))
    return {"no": "no", "": None}.get(say(question), "other")


def checked(tmp_path: Path, signed: bool = True) -> Entry:
    model = {} if signed else {"model": "openai", "model_args": "model_version=m-1"}
    run = runs.save_run(tmp_path / "run", TASK, say=say, signed=signed, **model)
    submit([run], runs.CARD, tmp_path / "made.zip")
    entry = check(tmp_path / "made.zip").entry
    assert entry is not None
    return entry


@pytest.mark.parametrize("signed", [True, False])
def test_a_checked_bundle_has_it_of_any_model(tmp_path: Path, signed: bool) -> None:
    """Answers alone are enough, so a bundle of another model has it, too."""
    entry = checked(tmp_path, signed)
    assert entry.declared is not signed
    read = entry.scores[TASK].read
    assert read is not None
    asked = runs.questions(TASK)
    assert [READ[code] for code in read.said] == [expected(one) for one in asked]
    answers = [one.answer.lower() if one.answer.lower() in ("yes", "no") else "other" for one in asked]
    assert [READ[code] for code in read.right] == answers


def test_what_a_bundle_states_is_not_believed(tmp_path: Path) -> None:
    """A bundle that says that it read "yes" where its answer is empty is refused, so nothing of it is shown."""
    run = runs.save_run(tmp_path / "run", TASK, say=lambda question: "")
    submit([run], runs.CARD, tmp_path / "made.zip")
    entry = check(tmp_path / "made.zip").entry
    assert entry is not None
    assert entry.scores[TASK].read is not None
    assert np.count_nonzero(entry.scores[TASK].read.said) == 0

    def forge(made: Parts) -> None:
        for answer in made[f"answers/{TASK}.jsonl"]:
            answer["extracted"] = "yes"

    outcome = check(change(tmp_path / "made.zip", tmp_path / "forged.zip", forge))
    assert outcome.entry is None
    assert {finding.code for finding in outcome.errors} == {"verdict"}


def test_open_questions_have_none(tmp_path: Path) -> None:
    submit([runs.save_run(tmp_path / "run", "vqa_demo_open")], runs.CARD, tmp_path / "made.zip")
    entry = check(tmp_path / "made.zip").entry
    assert entry is not None
    assert entry.scores["vqa_demo_open"].read is None
