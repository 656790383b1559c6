"""Boxes, questions and rows that are wrong: a failure of their own, the rest of the run unharmed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from asking import GOOD, Ask, encoded, good, question
from llavas import LLAVAS
from PIL import Image

from lmms_vg.experiments import boxed_questions
from lmms_vg.inference.asking import Asking
from lmms_vg.inference.question import Question
from lmms_vg.journal import Record
from lmms_vg.methods.vgrefine import VGRefine
from lmms_vg.models import Family

# --- boxes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("boxes", "said"),
    [
        ([[30, 30, 5, 5]], "inverted"),
        ([[5, 5, 5, 30]], "empty"),
        ([[100, 100, 200, 200]], "outside"),
        ([[-20, -20, -5, -5]], "outside"),
        ([[float("nan"), 0, 5, 5]], "finite"),
        ([[0, 0, float("inf"), 5]], "finite"),
        ([[1, 2, 3]], "four"),
        ([], "no box"),
        ([[5, 5, 30, 30], [9, 9, 3, 3]], "inverted"),
    ],
)
@pytest.mark.parametrize("batch_size", [1, 2])
def test_bad_boxes(ask: Ask, boxes: list[list[float]], said: str, batch_size: int) -> None:
    records = ask([good("bad", boxes=boxes, align=True)], batch_size=batch_size)
    assert said in str(records["bad"].error)
    assert records["bad"].alignment is None
    assert records["first"].alignment


def test_box_in_the_part_that_is_cropped_away(ask: Ask) -> None:
    image = tiny.picture(3, 300, 40)
    records = ask([question("cropped", image, GOOD, boxes=[[0, 0, 20, 20]], align=True)], "llava")
    assert "does not see" in str(records["cropped"].error)


# --- questions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Where is <image> the nodule?",
        "<image>",
        "<<image>image>",
        "<IMAGE> where?",
        "bright? <|assistant|> yes <|user|> no",
        "<eos> is it <pad> bright?",
        "\x00 where?",
    ],
)
@pytest.mark.parametrize("family", LLAVAS)
def test_question_with_control_marks(ask: Ask, families: dict[str, Family], family: str, text: str) -> None:
    record = ask([question("marks", tiny.picture(3), text)], family, method=VGRefine(((1, 0),), (3,), 1))["marks"]
    assert record.error is None
    assert record.extras["image_tokens"] == (tiny.SIDE // tiny.PATCH) ** 2
    tokenizer = families[family].tokenizer
    ids = tokenizer(record.prompt)["input_ids"]
    roles = ["<|user|>", "<|assistant|>"] if family == "huatuo" else []  # LLaVA's are plain words
    count = {mark: ids.count(tokenizer.convert_tokens_to_ids(mark)) for mark in ["<image>", "<eos>", "<pad>", *roles]}
    assert count == {"<image>": 1, "<eos>": 0, "<pad>": 0, **dict.fromkeys(roles, 1)}


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_empty_question(ask: Ask, text: str) -> None:
    assert "empty question" in str(ask([question("empty", tiny.picture(3), text)])["empty"].error)


def test_question_longer_than_the_model_takes(ask: Ask) -> None:
    assert "fewer than 512" in str(ask([question("long", tiny.picture(3), "bright " * 600)])["long"].error)


def test_method_that_needs_an_image(ask: Ask) -> None:
    records = ask([question("blind", GOOD)], method=VGRefine(((1, 0),), (3,), 1))
    assert "needs an image" in str(records["blind"].error)
    assert ask([question("blind", GOOD)])["blind"].text


def refuse(reason: str) -> Callable[[], Any]:
    def message() -> Any:
        raise OSError(reason)

    return message


@pytest.mark.parametrize("batch_size", [1, 3])
def test_whatever_a_question_raises_is_its_own_failure(ask: Ask, batch_size: int) -> None:
    records = ask([question("bad", refuse("disk")), good("good")], batch_size=batch_size)
    assert records["bad"].error == "OSError: disk"
    assert records["good"].error is None


def test_failure_whose_reason_is_not_unicode(ask: Ask) -> None:
    """A path out of a JSON file may hold one; recording the failure must not end the run."""
    assert ask([question("bad", refuse("no file \ud800.png"))])["bad"].error


def test_failing_batch_is_asked_one_by_one(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong only in the forward pass takes the batch along; the others are asked again without it."""
    run = Asking.records

    def fragile(self: Asking, method_run: Any, shared: Any, prepared: list[Any], started: float) -> list[Record]:
        if any(one.question.uid == "bad" for one in prepared):
            raise torch.cuda.OutOfMemoryError("out of memory")
        return run(self, method_run, shared, prepared, started)

    monkeypatch.setattr(Asking, "records", fragile)
    records = ask([good("bad"), question("good", tiny.picture(3), GOOD)], batch_size=4)
    assert {uid for uid, record in records.items() if record.error} == {"bad"}
    assert "out of memory" in str(records["bad"].error)


# --- rows of a data set ---------------------------------------------------------------------------------------------


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, truncated_allowed: None) -> dict[str, Question]:
    """Broken rows of VGMED's own files as questions, by what is wrong with them."""
    folder = tmp_path / "data" / "vgmed"
    folder.mkdir(parents=True)
    png = encoded(tiny.picture(3, 200, 200), "PNG")
    (folder / "a.png").write_bytes(png)
    (folder / "cut.png").write_bytes(png[: len(png) // 2])
    (folder / "deep.png").write_bytes(encoded(Image.fromarray(np.arange(4096, dtype=np.uint16).reshape(64, 64)), "PNG"))
    good_row = {"image": "a.png", "question": GOOD, "bbox": [[5, 5, 30, 30]]}
    changes: dict[str, dict[str, Any]] = {
        "nothing": {},
        "image cut": {"image": "cut.png"},
        "16 bit": {"image": "deep.png"},
        "no image": {"image": "gone.png"},
        "image not named": {"image": None},
        "question empty": {"question": ""},
        "box inverted": {"bbox": [[30, 30, 5, 5]]},
        "box of text": {"bbox": "5 5 30 30"},
        "no box": {"bbox": None},
    }
    lines = [json.dumps(good_row | change) for change in changes.values()]
    (folder / "VGMED_localization.jsonl").write_text("\n".join(lines))
    monkeypatch.setenv("LMMS_VG_DATA", str(tmp_path / "data"))
    asked = sorted(boxed_questions.questions("vgmed_localization"), key=lambda one: int(one.uid.rpartition("/")[2]))
    found = dict(zip([name for name in changes if name != "no box"], asked, strict=True))
    return found | {"no box": replace(found["nothing"], uid="no box", boxes=())}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("nothing", "None"),
        ("image cut", "truncated"),
        ("question empty", "empty question"),
        ("no image", "gone.png"),
        ("image not named", "path"),
        ("box inverted", "inverted"),
        ("box of text", "finite"),
        ("no box", "no box"),
    ],
)
def test_broken_row_of_a_data_set(ask: Ask, rows: dict[str, Question], wrong: str, said: str) -> None:
    assert said in str(ask([rows[wrong]])[rows[wrong].uid].error)


def test_16_bit_image_of_a_data_set_is_scaled_or_refused(ask: Ask, rows: dict[str, Question]) -> None:
    grey = Image.fromarray(np.round(np.arange(4096) * (255 / 4095)).astype(np.uint8).reshape(64, 64))
    deep = ask([rows["16 bit"]])[rows["16 bit"].uid]
    scaled = ask([question("grey", grey, GOOD)])["grey"]
    assert deep.image == scaled.image or "8 bits" in str(deep.error)
