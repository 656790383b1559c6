"""Controls change the question, and only in the way they say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hosting
import numpy as np
import pytest
import tiny
from asking import GOOD, question, refused
from lmms_eval.api.instance import Instance
from PIL import Image

from lmms_vg._util.error_codes import code_of
from lmms_vg.inference.build import build
from lmms_vg.inference.image_controls import CONTROLS, control_named
from lmms_vg.inference.question import Message, Question, prepare
from lmms_vg.inference.requests import Requests
from lmms_vg.inference.source_hash import CONTROLS as MODULE
from lmms_vg.inference.source_hash import control_hash
from lmms_vg.journal import Record
from lmms_vg.tasks.documents import FEATURES
from lmms_vg.vision.images import open_picture

BOX = [[9, 5, 30, 20]]


def pixels(message: Message) -> list[np.ndarray]:
    return [np.asarray(part) for part in message if not isinstance(part, str)]


def under(control: str, asked: Question) -> Message:
    return control_named(control).of(asked).message()


def others(*images: Image.Image) -> Any:
    """Other questions, the first of them about the same picture as seed 1, under another name."""

    def messages() -> Iterator[Message]:
        for image in (tiny.picture(1), *images):
            yield [image, "Another question?"]

    return messages


def asked(**values: Any) -> Question:
    return question("q1", tiny.picture(1), GOOD, boxes=BOX, others=others(tiny.picture(2), tiny.picture(3)), **values)


def test_words_and_identity_stay() -> None:
    for name, control in CONTROLS.items():
        changed = control.of(asked())
        assert [part for part in changed.message() if isinstance(part, str)] == [GOOD], name
        assert (changed.uid, changed.task, changed.decoding) == ("q1", "t", asked().decoding)


def test_blank_and_no_image() -> None:
    (before,), (after,) = pixels(asked().message()), pixels(under("blank_image", asked()))
    assert after.shape == before.shape
    assert (after == before.reshape(-1, 3).mean(axis=0).round()).all()
    assert pixels(under("no_image", asked())) == []


def test_shuffled_never_returns_the_same_image() -> None:
    """The first of the others has the same pixels; a question with two images gets two others."""
    (after,) = pixels(under("shuffled_image", asked()))
    assert (after == np.asarray(tiny.picture(2))).all()
    two = question(
        "q", tiny.picture(1), tiny.picture(2), GOOD, others=others(tiny.picture(2), tiny.picture(3), tiny.picture(4))
    )
    hashes = [open_picture(Image.fromarray(image)).hash for image in pixels(under("shuffled_image", two))]
    assert hashes == [open_picture(tiny.picture(seed)).hash for seed in (3, 4)]
    assert control_named("shuffled_image").of(asked()).boxes == (), "the boxes are those of the own image"


def test_filled_pixels_lie_only_inside() -> None:
    (before,) = pixels(asked().message())
    (inside,), (outside,) = (pixels(under(name, asked())) for name in ("box_filled", "elsewhere_filled"))
    changed = (before != inside).any(axis=2)
    assert changed[5:20, 9:30].mean() > 0.9
    changed[5:20, 9:30] = False
    assert not changed.any()
    elsewhere = (before != outside).any(axis=2)
    assert not elsewhere[5:20, 9:30].any()
    assert 0.9 * 15 * 21 < elsewhere.sum() <= 15 * 21
    (again,) = pixels(under("elsewhere_filled", asked()))
    assert (again == outside).all()
    places = set()
    for uid in "abcdefgh":
        (other,) = pixels(under("elsewhere_filled", question(uid, tiny.picture(1), GOOD, boxes=BOX)))
        places.add(tuple(np.argwhere((before != other).any(axis=2)).min(axis=0)))
    assert len(places) > 1, "the uid seeds the place"


@pytest.mark.parametrize(
    ("control", "boxes", "code"),
    [
        ("box_filled", (), "no_boxes"),
        ("elsewhere_filled", (), "no_boxes"),
        ("box_filled", [[0, 0, 999, 999]], "no_control"),
        ("elsewhere_filled", [[1, 1, 55, 40]], "no_control"),
        ("box_filled", [[9, 9, 3, 3]], "bad_box"),
        ("shuffled_image", (), "no_control"),
    ],
)
def test_what_cannot_be_made_has_a_code(control: str, boxes: Any, code: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the code is the point
        under(control, question("q", tiny.picture(1), GOOD, boxes=boxes))
    assert code_of(caught.value) == code


class Documents(list[Any]):
    """Documents of a task of ours, in memory."""

    column_names = tuple(FEATURES)

    def __getitem__(self, key: Any) -> Any:
        return [doc[key] for doc in self] if isinstance(key, str) else super().__getitem__(key)


def requested(modalities: str) -> Requests:
    """Two questions about each image; the image's seed is its number."""
    empty = dict.fromkeys(FEATURES, "") | {"options": [], "boxes": []}
    docs = Documents(
        empty | {"uid": f"u{n}", "task": "t", "images": [str(n // 2)], "modality": modality, "answer_type": "OPEN"}
        for n, modality in enumerate(modalities)
    )

    def messages(doc: dict[str, Any]) -> list[dict[str, Any]]:
        content = [{"type": "image", "url": tiny.picture(int(doc["images"][0]))}, {"type": "text", "text": GOOD}]
        return [{"role": "user", "content": content}]

    requests = [
        Instance(
            "generate_until", ("", messages, {"until": []}, n, "t", "test"), 0, {"task": "t", "doc_id": n, "repeats": 1}
        )
        for n in range(len(docs))
    ]
    return Requests(requests, {"t": {"test": docs}})


def drawn(requests: Requests) -> list[int]:
    """The seed of the image that each question gets."""
    known = {open_picture(tiny.picture(seed)).hash: seed for seed in range(len(requests.own))}
    images = [pixels(under("shuffled_image", requests.question(one)))[0] for one in requests.own]
    return [known[open_picture(Image.fromarray(image)).hash] for image in images]


def test_images_are_shuffled_within_a_modality_and_by_uid() -> None:
    seeds = drawn(requested("CCCCCCCCMMMMCC"))
    own = [n // 2 for n in range(14)]
    assert all(seed != mine for seed, mine in zip(seeds, own, strict=True))
    assert {seed for seed, mine in zip(seeds, own, strict=True) if mine in (4, 5)} == {4, 5}
    assert {seed for seed, mine in zip(seeds, own, strict=True) if mine not in (4, 5)} <= {0, 1, 2, 3, 6}
    assert len(set(seeds)) > 4
    assert seeds == drawn(requested("CCCCCCCCMMMMCC"))


def test_an_image_alone_in_its_modality_has_no_other() -> None:
    requests = requested("CCCCMM")
    with pytest.raises(ValueError, match="there is none"):
        under("shuffled_image", requests.question(requests.own[4]))


def test_every_other_image_is_offered_once() -> None:
    requests = requested("CCCCCCCCCC")
    for one in requests.own:
        offered = [open_picture(message[0]).hash for message in requests.question(one).others()]  # type: ignore[arg-type]
        assert len(offered) == len(set(offered)) == 4


def test_keys_without_a_control_are_what_they_were() -> None:
    """Computed before there were controls; the stub keeps tokenizer and image processor out."""
    stub: Any = SimpleNamespace(
        prompt=lambda content: SimpleNamespace(text=content[-1], image_hashes=(content[0].hash,), images=())
    )
    prepared = prepare(stub, question("q1", tiny.picture(1), GOOD), ("last",), False)
    assert (prepared.key, prepared.draw) == PINNED


PINNED = ("a3215c8db6bac417ab756c00b67fba7b", "ddaa7cfd7af80b351f2c0f3a8f04b1b7")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save(tmp_path_factory.mktemp("checkpoint") / "tiny")


def answered(folder: Path, method: str = "plain", **arguments: Any) -> tuple[Record, dict[str, Any]]:
    with closing(build("huatuo", method, pretrained=str(folder), **arguments)) as answerer:
        original = asked()
        ((returned, record),) = answerer.answer([original])
        assert returned is original, "the run knows its questions by themselves"
        return record, answerer.journal.provenance


def test_a_control_is_part_of_the_identity(checkpoint: Path) -> None:
    plain, provenance = answered(checkpoint)
    assert not {"control", "control_code"} & provenance.keys()
    records = {}
    for name in CONTROLS:
        record, stated = answered(checkpoint, control=name)
        assert record.error is None, name
        assert (stated["control"], stated["control_code"]) == (name, control_hash())
        assert {key for key in provenance if provenance[key] != stated[key]} == {"settings"}
        assert answered(checkpoint, control=name)[0] == record, "found in its journal"
        records[name] = record
    assert len({record.key for record in records.values()} | {plain.key}) == 6
    assert records["no_image"].image == ""
    assert answered(checkpoint)[0] == plain


def test_a_method_that_needs_an_image_says_so(checkpoint: Path) -> None:
    record, _ = answered(checkpoint, "vgrefine", control="no_image", heads="1-0+2-1", layers=3)
    assert (record.error, record.error_code) == (
        "BadQuestion: vgrefine needs an image; this question has none",
        "question",
    )


def test_an_oracle_has_no_boxes_on_another_image(checkpoint: Path) -> None:
    record, _ = answered(checkpoint, "oracle_mask", control="shuffled_image", layers=3)
    assert record.error_code == "no_boxes"


def test_an_unknown_control_is_refused_before_weights_are_read() -> None:
    assert "did you mean blank_image" in refused("control='blank_imag'", control="blank_imag", pretrained="demo")


def test_controls_are_hashed_for_runs_with_a_control_only() -> None:
    from lmms_vg.inference.source_hash import ENGINE, closure

    assert not {MODULE, "lmms_vg.vision.filling", "lmms_vg.vision.elsewhere"} & closure(ENGINE)


@pytest.mark.slow
def test_a_run_of_lmms_eval_under_a_control(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LMMS_EVAL_DATASETS_CACHE", str(tmp_path))
    images = {}
    for control in ("", "shuffled_image", "elsewhere_filled"):
        home = tmp_path / (control or "plain")
        monkeypatch.setenv("LMMS_VG_HOME", str(home))
        arguments = f"pretrained=demo,control={control}" if control else "pretrained=demo"
        made = hosting.evaluated("huatuo_plain", "vqa_demo_hard", model_args=arguments, limit=6)
        signed = [line["n"]["run"] for line in made["samples"]["vqa_demo_hard"] if line["n"].get("run")]
        assert [run.get("control", "") for run in signed] == [control]
        lines = hosting.journalled(home)
        assert [line["error"] for line in lines] == [None] * 6
        images[control] = {line["uid"]: line["image"] for line in lines}
    assert len({frozenset(uids) for uids in images.values()}) == 1
    for uid in images[""]:
        assert len({of[uid] for of in images.values()}) == 3, uid
