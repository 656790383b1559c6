"""A forged submission is told by the code of what was forged; an honest one is not."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import runs
from tampered import Parts, change, parts, put_together

from lmms_vg.submission import questions as known
from lmms_vg.submission.archive import sha256
from lmms_vg.submission.findings import CODES, NOTES
from lmms_vg.submission.scoring import UNMEASURABLE, unmeasurable
from lmms_vg.submission.submit import submit
from lmms_vg.submission.validate import check, pairs

UNSEEN = "the boxes lie in the part of the image that the model does not see"
HARD, STANDARD, LOOKED, OPENED = "vqa_demo_hard", "vqa_demo_standard", "vgmed_demo", "vqa_demo_open"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    run = runs.save_run(folder / "run", HARD, STANDARD, LOOKED, OPENED)
    submit([run], runs.CARD, folder / "good.zip")
    return folder / "good.zip"


def codes(bundle: Path) -> set[str]:
    """Of the errors."""
    checked = check(bundle)
    assert (checked.entry is None) == bool(checked.errors)
    assert {one.code for one in checked.findings} <= CODES.keys()
    return {one.code for one in checked.errors}


def answers(made: Parts, task: str = HARD) -> list[dict]:
    return made[f"answers/{task}.jsonl"]


def task(made: Parts, name: str = HARD) -> dict:
    return made["manifest"]["tasks"][name]


def flip(made: Parts) -> None:
    wrong = next(line for line in answers(made) if not line["score"])
    wrong["score"] = 1


def flip_and_count(made: Parts) -> None:
    """The forger also corrects the mean and the group's."""
    flip(made)
    task(made)["metrics"]["acc"] += 1 / 300
    made["manifest"]["groups"]["vqa_demo"]["metrics"]["acc"] += 1 / 600


def better_answers_but_old_verdicts(made: Parts) -> None:
    for line, question in zip(answers(made), made[f"questions/{HARD}.jsonl"], strict=True):
        line["answer"] = question["answer"]


def easier_reference(made: Parts) -> None:
    """Every answer becomes right by changing the question; all verdicts and means agree."""
    for line, question in zip(answers(made), made[f"questions/{HARD}.jsonl"], strict=True):
        question["answer"] = line["answer"]
        line["score"] = 1
        if line["answer"] == "nothing":
            line["extracted"] = "nothing"
    task(made)["metrics"] |= {"acc": 1.0, "unparseable": 0.0}
    acc = task(made, STANDARD)["metrics"]["acc"]
    made["manifest"]["groups"]["vqa_demo"]["metrics"]["acc"] = (1 + acc) / 2


def drop_wrong_questions(made: Parts) -> None:
    kept = [number for number, line in enumerate(answers(made)) if line["score"]]
    for name in (f"answers/{HARD}.jsonl", f"questions/{HARD}.jsonl"):
        made[name] = [made[name][number] for number in kept]
    task(made).update(asked=len(kept), n=len(kept))
    task(made)["metrics"] |= {"acc": 1.0, "n": len(kept)}
    del made["manifest"]["groups"]["vqa_demo"]


def drop_an_answer(made: Parts) -> None:
    del answers(made)[5]


def one_question_twice(made: Parts) -> None:
    answers(made)[5] = dict(answers(made)[4])


def swapped(made: Parts) -> None:
    lines = answers(made)
    lines[4], lines[5] = lines[5], lines[4]


def one_more(made: Parts) -> None:
    answers(made).append(answers(made)[0] | {"uid": "demo/hard/9/9"})


def looks_better(made: Parts) -> None:
    for line in answers(made, LOOKED):
        line["alignment"]["kl"] = [0.5 for _ in line["alignment"]["kl"]]
    task(made, LOOKED)["metrics"] |= {"kl": 0.5}


def other_layers(made: Parts) -> None:
    for values in answers(made, LOOKED)[0]["alignment"].values():
        values.append(values[0])


FORGED: dict[str, tuple[Callable[[Parts], object], set[str]]] = {
    "a verdict": (flip, {"verdict"}),
    "a verdict and the means": (flip_and_count, {"verdict", "metric"}),
    "answers": (better_answers_but_old_verdicts, {"verdict", "metric"}),
    "a mean": (lambda made: task(made)["metrics"].update(acc=0.999), {"metric"}),
    "a group's mean": (lambda made: made["manifest"]["groups"]["vqa_demo"]["metrics"].update(acc=0.999), {"metric"}),
    "a mean that no task has": (lambda made: task(made)["metrics"].update(f1=0.9), {"metric"}),
    "a mean left out": (lambda made: task(made)["metrics"].pop("unparseable"), {"metric"}),
    "the references": (easier_reference, {"questions"}),
    "a question": (lambda made: made[f"questions/{HARD}.jsonl"][0].update(question="Is it?"), {"questions"}),
    "a box": (lambda made: made[f"questions/{LOOKED}.jsonl"][0].update(boxes=[[0, 0, 64, 64]]), {"questions"}),
    "wrong questions dropped": (drop_wrong_questions, {"count"}),
    "an answer dropped": (drop_an_answer, {"missing-uid"}),
    "an answer twice": (one_question_twice, {"duplicate-uid", "missing-uid"}),
    "answers swapped": (swapped, {"missing-uid"}),
    "an answer too many": (one_more, {"missing-uid"}),
    "where it looked": (looks_better, {"alignment"}),
    "more layers at one question": (other_layers, {"alignment"}),
    "no alignment": (lambda made: answers(made, LOOKED)[0].pop("alignment"), {"alignment"}),
    "another best layer": (lambda made: task(made, LOOKED)["metrics"].update(best_layer=0, ar=9.0), {"metric"}),
    "another decoding": (lambda made: task(made)["decoding"].update(max_new_tokens=512), {"restricted"}),
    "another reference prompt": (lambda made: task(made).update(reference="Describe the box."), {"restricted"}),
    "another protocol of a task": (lambda made: task(made).update(protocol="chen"), {"protocol"}),
    "another protocol": (lambda made: made["manifest"].update(protocol="test"), {"protocol"}),
    "an unknown task": (
        lambda made: made["manifest"]["tasks"].update(vqa_easy=task(made)),
        {"unknown-task", "missing-file"},
    ),
    "an unknown group": (
        lambda made: made["manifest"]["groups"].update(all={"members": [HARD], "metrics": {}}),
        {"unknown-task"},
    ),
    "another data set": (lambda made: task(made)["data"].update(name="slake"), {"questions"}),
    "fewer members of a group": (
        lambda made: made["manifest"]["groups"]["vqa_demo"].update(members=[HARD]),
        {"missing-file"},
    ),
    "a path": (lambda made: made["manifest"]["run"]["settings"].update(pretrained="/home/me/model"), {"private"}),
    "a token": (lambda made: made["manifest"]["card"].update(notes="hf_" + "a" * 30), {"private"}),
    "a training set that is none": (lambda made: made["manifest"]["card"].update(trained_on=["cifar"]), {"schema"}),
    "a field of one's own": (lambda made: made["manifest"]["card"].update(rank=1), {"schema"}),
    "a number as text": (lambda made: task(made)["metrics"].update(acc="0.9"), {"schema"}),
    "a score that is no number": (lambda made: answers(made)[0].update(score="1"), {"schema"}),
    "an endless score": (lambda made: task(made)["metrics"].update(acc=math.inf), {"not-finite"}),
    "NaN alignment": (lambda made: answers(made, LOOKED)[0]["alignment"].update(kl=[math.nan] * 3), {"not-finite"}),
    "an older schema": (lambda made: made["manifest"].update(schema_version=0), {"schema-version"}),
    "a newer schema": (lambda made: made["manifest"].update(schema_version=2), {"schema-version"}),
    "no schema": (lambda made: made["manifest"].pop("schema_version"), {"schema-version"}),
    "true as a schema": (lambda made: made["manifest"].update(schema_version=True), {"schema-version"}),
    "no tasks": (
        lambda made: [made["manifest"].update(tasks={}), [made.pop(name) for name in [*made] if "/" in name]],
        {"schema"},
    ),
    "a task without its files": (lambda made: made.pop(f"answers/{HARD}.jsonl"), {"missing-file"}),
    "a file of no task": (lambda made: made.update({"answers/mme.jsonl": [{}]}), {"unknown-file"}),
    # each of these once got through, or broke the page
    "n": (lambda made: task(made).update(n=299), {"count"}),
    "n beyond all": (lambda made: task(made).update(n=10**4000), {"schema"}),
    "asked beyond all": (lambda made: task(made).update(asked=10**30), {"schema"}),
    "a bertscore that is none": (lambda made: task(made, OPENED)["metrics"].update(bertscore=9.0), {"metric"}),
    "a bertscore beyond all": (lambda made: task(made, OPENED)["metrics"].update(bertscore=1e307), {"metric"}),
    "an average without its part": (lambda made: task(made, OPENED)["metrics"].update(average=0.9), {"metric"}),
    "an average of other parts": (
        lambda made: task(made, OPENED)["metrics"].update(bertscore=0.2, average=0.999),
        {"metric"},
    ),
    "settings in settings": (lambda made: made["manifest"]["run"].update(settings={"x": {"y": ["z"]}}), {"schema"}),
    "many settings": (
        lambda made: made["manifest"]["run"].update(settings={str(n): n for n in range(1000)}),
        {"schema"},
    ),
    "many leaks": (lambda made: made["manifest"]["run"].update(leaks=[f"{n}" for n in range(15_000)]), {"schema"}),
    "a leak of nothing": (lambda made: made["manifest"]["run"].update(leaks=["<b>everything</b>"]), {"schema"}),
    "a method without end": (lambda made: made["manifest"]["run"].update(method="A" * 100_000), {"schema"}),
    "a method that is no call": (lambda made: made["manifest"]["run"].update(method="Plain"), {"schema"}),
    "300,000 tasks": (
        lambda made: made["manifest"].update(tasks={str(n): {} for n in range(100_000)}),
        {"too-large"},
    ),
    "numbers that could be true": (lambda made: task(made)["decoding"].update(do_sample=0), {"restricted"}),
    "a size as text": (lambda made: made["manifest"]["card"].update(parameters="7.9"), {"schema"}),
    "a name of nothing": (lambda made: made["manifest"]["card"].update(name="\u200b "), {"schema"}),
    "a name that turns the row": (lambda made: made["manifest"]["card"].update(name="a\u202eb"), {"schema"}),
    "another way to place boxes": (lambda made: made["manifest"]["run"].update(geometry="mine"), {"schema"}),
    "alignment of an accuracy": (
        lambda made: answers(made)[0].update(alignment={name: [0.0] for name in ("ar", "printed_ar", "kl", "js")}),
        {"alignment"},
    ),
    "alignment without end": (lambda made: answers(made, LOOKED)[0]["alignment"].update(ar=[1.0] * 12_000), {"schema"}),
    "AR without a printed AR": (
        lambda made: answers(made, LOOKED)[0]["alignment"].update(ar=[500.0] * 3, printed_ar=[0.0] * 3),
        {"alignment"},
    ),
    "a printed AR next to nothing": (
        lambda made: answers(made, LOOKED)[0]["alignment"].update(printed_ar=[5e-324] * 3),
        {"alignment"},
    ),
    "AR beyond all": (
        lambda made: answers(made, LOOKED)[0]["alignment"].update(ar=[1e300] * 3, printed_ar=[1.0] * 3),
        {"alignment"},
    ),
    "KL beyond all": (lambda made: answers(made, LOOKED)[0]["alignment"].update(kl=[1e308] * 3), {"alignment"}),
    "nothing measured": (
        lambda made: [(line.pop("alignment"), line.update(error=UNSEEN, score=None)) for line in answers(made, LOOKED)],
        {"metric"},
    ),
    "a measurement that failed": (
        lambda made: (
            answers(made, LOOKED)[0].pop("alignment"),
            answers(made, LOOKED)[0].update(error="OutOfMemoryError: CUDA"),
        ),
        {"failed"},
    ),
    "an average beside no bertscore": (
        lambda made: (
            task(made, OPENED)["metrics"].pop("bertscore"),
            task(made, OPENED)["metrics"].update(average=0.9),
        ),
        {"metric"},
    ),
    "an error that shows a path": (
        lambda made: (
            answers(made, LOOKED)[0].pop("alignment"),
            answers(made, LOOKED)[0].update(error=f"{UNSEEN} /home/alice/x"),
        ),
        {"private"},
    ),
    "more words than tokens": (lambda made: answers(made)[0].update(answer="yes " * 17), {"restricted"}),
    "a word without end": (lambda made: answers(made)[0].update(answer="\ufdfa" * 20_000), {"restricted"}),
    "an error made up": (
        lambda made: answers(made)[0].update(error="could not be scored", score=None, extracted=None),
        {"verdict"},
    ),
}


@pytest.mark.parametrize("what", FORGED)
def test_forged(good: Path, tmp_path: Path, what: str) -> None:
    how, expected = FORGED[what]
    assert codes(change(good, tmp_path / "forged.zip", how)) == expected


def test_what_is_no_failure_comes_from_the_functions_that_measure() -> None:
    """The words by which a question that cannot be measured is told from one that failed."""
    from types import SimpleNamespace

    import numpy as np

    from lmms_vg.geometry import check_box
    from lmms_vg.grounding import target_mask

    def said(call: Callable[[], object]) -> str:
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - what it says is looked at below
            call()
        return str(caught.value)

    geometry = SimpleNamespace(patch_mask=lambda _boxes: np.zeros((2, 2), dtype=bool))
    prompt = SimpleNamespace(geometries=[geometry], question=(3, 3))
    errors = [
        said(lambda: target_mask("q", prompt, [[0, 0, 1, 1]], "last")),
        said(lambda: target_mask("q", prompt, [], "last")),
        said(lambda: target_mask("q", prompt, [[0, 0, 1, 1]], "question")),
        said(lambda: check_box([1, 2, 3], 9, 9)),
        said(lambda: check_box([5, 5, 1, 1], 9, 9)),
        said(lambda: check_box([90, 90, 91, 91], 9, 9)),
    ]
    assert all(unmeasurable(error) for error in errors)
    assert {said for said in UNMEASURABLE if any(said in error for error in errors)} == set(UNMEASURABLE)


def test_many_findings_are_counted_even_where_a_file_breaks_off(good: Path, tmp_path: Path) -> None:
    def forge(made: Parts) -> None:
        better_answers_but_old_verdicts(made)
        answers(made, STANDARD)[3] = {"uid": "x"}

    found = check(change(good, tmp_path / "b.zip", forge)).errors
    assert {one.code for one in found} == {"verdict", "metric", "schema"}
    assert len(found) < 12


def test_taking_apart_and_putting_together_is_no_forgery(good: Path, tmp_path: Path) -> None:
    assert codes(put_together(tmp_path / "again.zip", parts(good))) == set()


def test_a_checksum_that_was_not_corrected(good: Path, tmp_path: Path) -> None:
    forged = tmp_path / "b.zip"
    with zipfile.ZipFile(good) as archive, zipfile.ZipFile(forged, "w") as out:
        for name in archive.namelist():
            text = archive.read(name)
            out.writestr(name, text.replace(b'"score":0', b'"score":1', 1) if name == f"answers/{HARD}.jsonl" else text)
    assert codes(forged) == {"checksum"}


def test_scored_by_another_version(good: Path, tmp_path: Path) -> None:
    """Another signature is said; as long as it gives the same verdicts it is no error."""
    rule = "closed|rule:yes-no-word+normalised-match|case:lower|v:0.0.9"
    forged = change(good, tmp_path / "b.zip", lambda made: task(made)["rules"].update(acc=rule))
    checked = check(forged)
    assert checked.errors == []
    assert [one.where for one in checked.findings if one.code == "rule"] == [f"{HARD} acc"]
    assert checked.entry is not None
    assert checked.entry.scores[HARD].rule != rule, "rows are compared by the rule that gave their scores here"


def test_findings_are_the_same_each_time_and_many_are_counted(good: Path, tmp_path: Path) -> None:
    forged = change(good, tmp_path / "b.zip", better_answers_but_old_verdicts)
    first, second = check(forged).findings, check(forged).findings
    assert first == second
    verdicts = [one for one in first if one.code == "verdict"]
    assert len(verdicts) == 6
    assert verdicts[-1].message.startswith("and ")
    wrong = sum(not line["score"] for line in answers(parts(good)))
    assert f"and {wrong - 5} more" in verdicts[-1].message


def test_a_benchmark_that_is_nowhere_known(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "shipped", dict)
    monkeypatch.setattr(known, "local", lambda _task: None)
    checked = check(good)
    assert checked.errors == []
    assert checked.entry is not None
    assert not any(scores.verified for scores in checked.entry.scores.values())
    unverified = [one.where for one in checked.findings if one.code == "unverified-questions"]
    assert unverified == sorted([HARD, STANDARD, LOOKED, OPENED])


def test_the_data_at_hand_win_over_the_shipped_hash(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A published file may be corrected after this was released."""
    monkeypatch.setattr(known, "shipped", lambda: dict.fromkeys((HARD, STANDARD, LOOKED, OPENED), "0" * 64))
    assert codes(good) == set()
    forged = change(good, tmp_path / "b.zip", lambda made: made[f"questions/{HARD}.jsonl"][6].update(question="Is it?"))
    (finding,) = check(forged).errors
    assert (finding.code, "line 7" in finding.message) == ("questions", True)


def test_pairs_are_read_again_in_order(good: Path) -> None:
    both = list(pairs(good, HARD))
    assert [question for question, _ in both] == runs.questions(HARD)
    assert [answer.uid for _, answer in both] == [question.uid for question, _ in both]


def test_what_is_printed_commands_nothing(good: Path, tmp_path: Path) -> None:
    hostile = "x\n::add-mask::y\x1b[2J\u202e"

    def rename(made: Parts) -> None:
        for line in (made[f"questions/{HARD}.jsonl"][0], answers(made)[0]):
            line["uid"] = hostile
        answers(made)[0]["score"] = 1 - answers(made)[0]["score"]

    said = [str(one) for one in check(change(good, tmp_path / "b.zip", rename)).errors]
    assert any("x?::add-mask::y?[2J?" in one for one in said)
    assert all(one.isprintable() for one in said)


def test_notes_are_no_errors_and_every_code_is_explained() -> None:
    assert set(NOTES) <= set(CODES)
    assert all(meaning and not meaning.endswith(".") for meaning in CODES.values())


def test_the_questions_hash_is_that_of_the_file(good: Path) -> None:
    checked = check(good)
    assert checked.entry is not None
    assert checked.entry.scores[HARD].questions == sha256(known.text_of(runs.questions(HARD)))


def test_a_fault_of_ours_makes_no_bundle_valid(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And lets others be checked."""

    def fail(*_: object) -> None:
        raise OverflowError("int too large")

    monkeypatch.setattr(known, "check", fail)
    (finding,) = check(good).errors
    assert (finding.code, finding.message) == ("unexpected", "OverflowError: int too large")


def test_a_protocol_has_its_own_tasks_only() -> None:
    from lmms_vg.submission.findings import Rejected
    from lmms_vg.submission.protocol import only_protocol

    assert only_protocol(["vgmed_localization", "vgmed_demo"]) is None
    assert only_protocol(["pmc_vqa", "omnimedvqa_ct"]) == "vgrefine"
    assert only_protocol(["pmc_vqa", "slake_test_closed", "vgmed_demo"]) == "test"
    assert only_protocol(["pmc_vqa", "slake_closed"]) == "vgrefine"
    assert only_protocol(["slake_chen_greedy"]) == "chen-greedy"
    for mixed in (
        ["slake_closed", "slake_test_closed"],
        ["slake_chen", "pmc_vqa"],
        ["slake_chen", "slake_chen_greedy"],
    ):
        with pytest.raises(Rejected, match="protocol"):
            only_protocol(mixed)
