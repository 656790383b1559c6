"""Bundles of any task with invented answers, written without a run."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import runs

from lmms_vg.submission.archive import MANIFEST, sha256, write
from lmms_vg.submission.choice import only_protocol
from lmms_vg.submission.question_check import text_of
from lmms_vg.submission.rescoring import scored, verdict
from lmms_vg.submission.schema import SCHEMA_VERSION, Card
from lmms_vg.submission.schema_lines import BundleAlignment, BundleAnswer, BundleQuestion
from lmms_vg.submission.strict_json import canonical
from lmms_vg.tasks.registry import TASKS
from lmms_vg.tasks.yaml_files import definition

DEMO = ("vgmed_demo", "vqa_demo_hard", "vqa_demo_standard")


def write_bundle(
    path: Path,
    given: Mapping[str, Sequence[tuple[BundleQuestion, str]]],
    *,
    card: Card = runs.CARD,
    run: Mapping[str, Any] | None = None,
    change: Callable[[dict[str, Any]], object] = lambda manifest: None,
) -> Path:
    """Write a bundle.

    Args:
        given: task -> its questions, each with the model's answer.
        change: alters the manifest last.
    """
    members: dict[str, str] = {}
    tasks: dict[str, Any] = {}
    for task, pairs in given.items():
        asked = [question for question, _ in pairs]
        said = [
            BundleAnswer(uid=question.uid, answer=text, alignment=_looked(number) if TASKS[task].measures else None)
            for number, (question, text) in enumerate(pairs)
        ]
        made = scored(task, list(zip(asked, said, strict=True)))
        answers = "".join(
            f"{canonical(answer.model_copy(update=vars(verdict(line))).model_dump(exclude_none=True))}\n"
            for answer, line in zip(said, made.lines, strict=True)
        )
        questions = text_of(asked)
        members |= {f"questions/{task}.jsonl": questions, f"answers/{task}.jsonl": answers}
        spec, config = TASKS[task].spec, definition(task)
        tasks[task] = {
            "protocol": None if TASKS[task].measures else only_protocol(given),
            "asked": len(pairs),
            "n": int(made.metrics["n"]),
            "questions": sha256(questions),
            "answers": sha256(answers),
            "metrics": made.metrics,
            "rules": made.rules,
            "decoding": config["generation_kwargs"],
            "reference": config["metadata"]["reference"],
            "data": {"name": spec.name, "revision": spec.revision},
        }
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "protocol": only_protocol(tasks),
        "card": card.model_dump(),
        "run": {**runs.PLAIN, **(run or {})},
        "seeds": runs.SEEDS,
        "tasks": tasks,
        "groups": {},
    }
    change(manifest)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(write(members | {MANIFEST: f"{canonical(manifest)}\n"}))
    return path


def demo(say: runs.Say, *tasks: str) -> dict[str, list[tuple[BundleQuestion, str]]]:
    """The demo's questions with answers."""
    return {task: [(question, say(question)) for question in runs.questions(task)] for task in tasks or DEMO}


def choices(n: int, **texts: str) -> list[BundleQuestion]:
    """Return multiple-choice questions of no benchmark, the first option right; `texts` replace fields of all of them."""
    fields = {"question": "What is shown?", "modality": "CT", "organ": "liver", "content_type": "Anatomy"}
    fields |= {"question_type": "", "subset": "made-up", "split": "validation"} | texts
    return [
        BundleQuestion(
            uid=f"made-up/{number}",
            images=[f"made-up:{number}.png"],
            answer="A",
            options=["a liver", "a lung", "a heart", "a stone"],
            answer_type="CHOICE",
            boxes=[],
            **fields,
        )
        for number in range(n)
    ]


def _looked(seed: int) -> BundleAlignment:
    return BundleAlignment(**runs.looked(seed))


def yes_no(n: int, each: int = 2, right: float = 0.65) -> list[BundleQuestion]:
    """Return yes/no questions of no benchmark, `each` of them about an image; a share of `right` has the answer yes."""
    fields = {
        "modality": "CT",
        "organ": "liver",
        "content_type": "",
        "question_type": "",
        "subset": "",
        "split": "test",
    }
    return [
        BundleQuestion(
            uid=f"yes-no/{number}",
            images=[f"yes-no:{number // each}.png"],
            question="Is it enlarged?",
            answer="Yes" if int((number + 1) * right) > int(number * right) else "No",
            options=[],
            answer_type="CLOSED",
            boxes=[],
            **fields,
        )
        for number in range(n)
    ]


def signal(strength: float, criterion: float, unreadable: float = 0, seed: int = 0) -> runs.Say:
    """Say yes to a signal of a strength that is above a criterion; a share of the answers cannot be read."""

    def say(question: BundleQuestion) -> str:
        draw = random.Random(f"{seed} {question.uid}")
        heard = draw.gauss(0, 1) + strength * (question.answer == "Yes")
        return "Normal" if draw.random() < unreadable else "Yes." if heard > criterion else "No."

    return say
