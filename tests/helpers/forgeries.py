"""What a forger might change, and the codes that tell: one entry per forgery, with checksums corrected."""

from __future__ import annotations

import math
from collections.abc import Callable

from tampered import Parts

UNSEEN = {"error": "the words are free", "error_code": "unmeasurable"}
HARD, STANDARD, LOOKED, OPENED = "vqa_demo_hard", "vqa_demo_standard", "vgmed_demo", "vqa_demo_open"


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
    """Make every answer right by changing the question; all verdicts and means agree."""
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
        if isinstance(values, list):
            values.append(values[0])


def other_version_of_the_rule(made: Parts) -> None:
    answers(made, LOOKED)[0]["alignment"]["version"] = 1


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
    "one question measured by another rule": (other_version_of_the_rule, {"alignment"}),
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
    "a newer schema": (lambda made: made["manifest"].update(schema_version=3), {"schema-version"}),
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
    "a method without end": (lambda made: made["manifest"]["run"]["method"].update(name="A" * 100_000), {"schema"}),
    "a method whose name turns the row": (
        lambda made: made["manifest"]["run"]["method"].update(name="a\u202eb"),
        {"schema"},
    ),
    "a method in one text": (lambda made: made["manifest"]["run"].update(method="Plain()"), {"schema"}),
    "a hyper-parameter without end": (
        lambda made: made["manifest"]["run"]["method"].update(hyper_parameters={"heads": [[0, 0]] * 20_000}),
        {"schema"},
    ),
    "a hyper-parameter in a hyper-parameter": (
        lambda made: made["manifest"]["run"]["method"].update(hyper_parameters={"x": {"y": 1}}),
        {"schema"},
    ),
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
        lambda made: [(line.pop("alignment"), line.update(UNSEEN, score=None)) for line in answers(made, LOOKED)],
        {"metric"},
    ),
    "a measurement that failed": (
        lambda made: (
            answers(made, LOOKED)[0].pop("alignment"),
            answers(made, LOOKED)[0].update(error="OutOfMemoryError: CUDA", error_code="model"),
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
            answers(made, LOOKED)[0].update(UNSEEN, error="in /home/alice/x"),
        ),
        {"private"},
    ),
    "more words than tokens": (lambda made: answers(made)[0].update(answer="yes " * 17), {"restricted"}),
    "a word without end": (lambda made: answers(made)[0].update(answer="\ufdfa" * 20_000), {"restricted"}),
    "an error made up": (
        lambda made: answers(made)[0].update(error="no", error_code="question", score=None, extracted=None),
        {"verdict"},
    ),
    "an error without a code": (
        lambda made: (answers(made, LOOKED)[0].pop("alignment"), answers(made, LOOKED)[0].update(error="no")),
        {"schema"},
    ),
    "a code of one's own": (
        lambda made: (
            answers(made, LOOKED)[0].pop("alignment"),
            answers(made, LOOKED)[0].update(UNSEEN, error_code="mine"),
        ),
        {"schema"},
    ),
}
