"""SLAKE-grounded on files in SLAKE's layout: boxes, masks, sides, absent objects, counts, agreement."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from lmms_vg import journal
from lmms_vg.datasets import slake_agreement, slake_grounded
from lmms_vg.datasets.mask_boxes import bounds, tiles
from lmms_vg.datasets.slake_grounded import SEVERAL
from lmms_vg.datasets.slake_regions import regions_of
from lmms_vg.datasets.source import DataError, DataMissing
from lmms_vg.vision.patch_grid import Geometry

WIDTH, HEIGHT = 20, 12
LIVER, LEFT_KIDNEY, RIGHT_KIDNEY = 70, 135, 155  # of mask.txt


def row(question: str, answer: str = "Yes", **fields: Any) -> dict[str, Any]:
    base = {"img_id": 1, "img_name": "xmlab1/source.jpg", "q_lang": "en", "location": "Abdomen", "modality": "CT"}
    base |= {"answer_type": "CLOSED", "base_type": "vqa", "content_type": "Organ", "triple": ["vhead", "_", "_"]}
    return base | {"question": question, "answer": answer} | fields


def mask(**values: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Rectangles (x1, y1, x2, y2) of values named v70, v135, ..."""
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    for name, (x1, y1, x2, y2) in values.items():
        labels[y1:y2, x1:x2] = int(name[1:])
    return labels


def png(labels: NDArray[np.uint8]) -> bytes:
    """As SLAKE has them: RGB with three equal channels."""
    buffer = io.BytesIO()
    Image.fromarray(labels if labels.ndim == 3 else np.repeat(labels[..., None], 3, axis=2)).save(buffer, "PNG")
    return buffer.getvalue()


def write(
    data: Path,
    rows: list[dict[str, Any]],
    boxes: list[dict[str, Any]] | bytes | None = None,
    labels: NDArray[np.uint8] | bytes | None = None,
) -> None:
    """Test questions and one image, whose files lie in imgs.zip."""
    folder = data / "slake"
    folder.mkdir()
    for name in ("train.json", "validation.json", "test.json"):
        numbered = [entry | {"qid": number} for number, entry in enumerate(rows if name == "test.json" else [])]
        (folder / name).write_text(json.dumps(numbered))
    files = {"source.jpg": png(np.zeros((HEIGHT, WIDTH), np.uint8))}
    if boxes is not None:
        files["detection.json"] = boxes if isinstance(boxes, bytes) else json.dumps(boxes).encode()
    if labels is not None:
        files["mask.png"] = labels if isinstance(labels, bytes) else png(labels)
    with zipfile.ZipFile(folder / "imgs.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(f"imgs/xmlab1/{name}", content)


def boxes_of(question: str, answer: str = "Yes") -> list[list[float]]:
    samples = slake_grounded.load("closed", "test")
    return next(sample.boxes for sample in samples if (sample.question, sample.answer) == (question, answer))


def test_boxes_are_x_y_width_height(data: Path, small: None) -> None:
    """[2, 7, 5, 3] cannot be two corners."""
    write(data, [row("Is the liver normal?")], [{"Liver": [2.0, 7.0, 5.0, 3.0]}])
    (sample,) = slake_grounded.load("closed", "test")
    assert sample.boxes == [[2.0, 7.0, 7.0, 10.0]]
    assert (sample.uid, sample.organ, sample.modality, sample.content_type) == ("slake/test/0", "Liver", "CT", "Organ")


def test_right_and_left_are_kept_apart(data: Path, small: None) -> None:
    questions = ["Where is the right kidney?", "Where is the left kidney?", "Are the kidneys normal?"]
    detected = [{"Left Kidney": [0, 0, 2, 2]}, {"Right Kidney": [10, 0, 2, 2]}]
    write(data, [row(question) for question in questions], detected)
    left, right = [0.0, 0.0, 2.0, 2.0], [10.0, 0.0, 12.0, 2.0]
    assert [sample.boxes for sample in slake_grounded.load("closed", "test")] == [[right], [left], [left, right]]
    assert {sample.organ for sample in slake_grounded.load("closed", "test")} == {"Kidney"}


def test_a_side_that_the_image_lacks_is_not_replaced_by_the_other(data: Path, small: None) -> None:
    write(data, [row("Where is the right kidney?"), row("Is it a kidney?")], [{"Left Kidney": [0, 0, 2, 2]}])
    assert [sample.question for sample in slake_grounded.load("closed", "test")] == ["Is it a kidney?"]


def test_an_object_of_a_synonym(data: Path, small: None) -> None:
    detected = [{"Colon": [1, 1, 2, 2]}, {"Pleural Effusion": [3, 3, 2, 2]}]
    write(data, [row("Is the large bowel visible?"), row("Can effusion be observed?")], detected)
    assert boxes_of("Is the large bowel visible?") == [[1.0, 1.0, 3.0, 3.0]]
    assert boxes_of("Can effusion be observed?") == [[3.0, 3.0, 5.0, 5.0]]


def test_a_question_whose_object_is_not_in_the_image_is_left_out(data: Path, small: None) -> None:
    rows = [row("Does the picture contain liver?"), row("Does the picture contain spleen?", "No"), row("Is it big?")]
    write(data, rows, [{"Liver": [1, 1, 2, 2]}, {"Scapula": [1, 1, 2, 2]}])
    assert [sample.question for sample in slake_grounded.load("closed", "test")] == ["Does the picture contain liver?"]


def test_the_answer_names_the_object_where_the_question_does_not(data: Path, small: None) -> None:
    rows = [row("Which organ is it?", "Liver, Left Kidney"), row("Which is the largest?", "Heart")]
    write(data, rows, [{"Liver": [1, 1, 2, 2]}, {"Left Kidney": [5, 5, 1, 1]}, {"Right Kidney": [8, 8, 1, 1]}])
    (sample,) = slake_grounded.load("closed", "test")
    assert sample.organ == SEVERAL
    assert sample.boxes == [[5.0, 5.0, 6.0, 6.0], [1.0, 1.0, 3.0, 3.0]]


def test_masks_come_before_boxes_and_boxes_fill_in(data: Path, small: None) -> None:
    rows = [row("Is the liver normal?"), row("Is there atelectasis?")]
    labels = mask(v70=(2, 2, 6, 5), v33=(9, 9, 12, 12))  # 33 is no value of mask.txt
    labels[4, 2] = 0
    write(data, rows, [{"Liver": [1, 1, 9, 9]}, {"Atelectasis": [0, 0, 3, 3]}], labels)
    covered = np.zeros_like(labels)
    for x1, y1, x2, y2 in boxes_of("Is the liver normal?"):
        covered[int(y1) : int(y2), int(x1) : int(x2)] += 1
    assert (covered == (labels == LIVER)).all()
    assert boxes_of("Is there atelectasis?") == [[0.0, 0.0, 3.0, 3.0]]


def test_an_object_that_only_the_mask_has(data: Path, small: None) -> None:
    write(data, [row("Is the liver normal?")], None, mask(v70=(2, 2, 6, 5)))
    assert boxes_of("Is the liver normal?") == [[2.0, 2.0, 6.0, 5.0]]


def test_a_mask_on_the_patch_grid_marks_the_patches_that_its_pixels_touch(data: Path, small: None) -> None:
    """One pixel is smaller than a patch; an L-shape leaves the patch out that only its bounding box touches."""
    labels = mask(v70=(0, 0, 1, 1), v135=(0, 8, 20, 12), v155=(10, 0, 12, 2))
    labels[4:8, 0:10] = LEFT_KIDNEY
    rows = [row("Is the liver normal?"), row("Is the left kidney normal?")]
    write(data, rows, [], labels)
    grid = Geometry.stretch(WIDTH, HEIGHT, rows=3, cols=2)
    assert grid.patch_mask(boxes_of("Is the liver normal?")).tolist() == [[True, False], [False, False], [False, False]]
    shape = grid.patch_mask(boxes_of("Is the left kidney normal?")).tolist()
    assert shape == [[False, False], [True, False], [True, True]]


@pytest.mark.parametrize("seed", range(3))
def test_tiles_cover_every_value_once(seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, 3, (9, 7)).astype(np.uint8)
    times = np.zeros((3, 9, 7), int)
    for value, boxes in tiles(labels).items():
        for x1, y1, x2, y2 in boxes:
            times[value, int(y1) : int(y2), int(x1) : int(x2)] += 1
    assert (times[1:] == [labels == 1, labels == 2]).all()
    assert not times[0].any()


def test_parts_and_splits_add_up(data: Path, small: None) -> None:
    rows = [row("Is the liver normal?"), row("Where is the liver?", "Left", answer_type="OPEN"), row("Is it big?")]
    write(data, rows, [{"Liver": [1, 1, 2, 2]}])
    for name in ("train", "validation"):
        (data / "slake" / f"{name}.json").write_text(json.dumps([entry | {"qid": 7} for entry in rows]))
    parts = {
        (part, split): [sample.uid for sample in slake_grounded.load(part, split)]  # type: ignore[arg-type]
        for part in ("closed", "open")
        for split in ("all", "test")
    }
    assert parts["closed", "test"] == ["slake/test/0"]
    assert parts["open", "test"] == ["slake/test/1"]
    assert parts["closed", "all"] == ["slake/train/7", "slake/validation/7", "slake/test/0"]
    assert len(parts["open", "all"]) == 3
    assert not set(parts["open", "test"]) & set(parts["closed", "test"])


def test_the_question_without_an_answer_is_left_out(data: Path, small: None) -> None:
    write(data, [row("Is the liver normal?", ""), row("Is the liver big?")], [{"Liver": [1, 1, 2, 2]}])
    assert [sample.question for sample in slake_grounded.load("closed", "test")] == ["Is the liver big?"]


@pytest.mark.parametrize("box", [[1, 1, "2", 2], [1, 1], None, 5])
def test_a_broken_box_keeps_its_place(data: Path, small: None, box: Any) -> None:
    """Its question then fails when it is asked, and is counted."""
    write(data, [row("Is the liver normal?")], [{"Liver": box}])
    with pytest.raises(ValueError, match="four finite numbers"):
        Geometry.stretch(WIDTH, HEIGHT, 3, 2).patch_mask(boxes_of("Is the liver normal?"))


@pytest.mark.parametrize("content", [b"[{", b"{}", b"[1]"])
def test_a_damaged_detection_file_is_named(data: Path, small: None, content: bytes) -> None:
    write(data, [row("Is the liver normal?")], content)
    with pytest.raises(DataError, match=r"slake xmlab1/detection\.json"):
        slake_grounded.load("closed", "test")


def test_a_damaged_mask_is_named(data: Path, small: None) -> None:
    write(data, [row("Is the liver normal?")], [], png(mask(v70=(1, 1, 9, 9)))[:60])
    with pytest.raises(DataError, match=r"slake xmlab1/mask\.png"):
        slake_grounded.load("closed", "test")


def unfit() -> dict[str, NDArray[np.uint8]]:
    coloured = np.repeat(mask(v70=(2, 2, 6, 5))[..., None], 3, axis=2)
    coloured[3, 3] = [70, 70, 71]
    return {"has 10 x 12 pixels, the image 20 x 12": mask(v70=(2, 2, 6, 5))[:, :10], "channels differ": coloured}


@pytest.mark.parametrize("why", unfit())
def test_a_mask_that_does_not_fit_is_said_and_not_used(data: Path, small: None, why: str) -> None:
    rows = [row("Is the liver normal?"), row("Which organ is it?", "Liver", answer_type="OPEN")]
    write(data, rows, [{"Liver": [1, 1, 9, 9]}], unfit()[why])
    assert boxes_of("Is the liver normal?") == [[1.0, 1.0, 10.0, 10.0]]
    assert why in regions_of("xmlab1/source.jpg").unused
    (line,) = [remark for remark in slake_agreement.remarks() if "not used" in remark]
    assert "masks of 1 images" in line
    assert why in line


def test_no_images_and_no_regions_are_missing_files(data: Path, small: None) -> None:
    write(data, [row("Is the liver normal?")])
    with pytest.raises(DataMissing, match=r"no detection\.json and no mask\.png"):
        slake_grounded.load("closed", "test")
    (data / "slake" / "imgs.zip").unlink()
    with pytest.raises(DataMissing, match=r"imgs\.zip"):
        slake_grounded.load("closed", "test")


def test_no_question_at_all_is_an_error(data: Path, small: None) -> None:
    write(data, [row("Is the liver normal?")], [{"Heart": [1, 1, 2, 2]}])
    with pytest.raises(DataError, match="none of 1 closed questions in test"):
        slake_grounded.load("closed", "test")


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[int], None]:
    """Counts of SLAKE for this many closed test questions, and an empty LMMS_VG_HOME."""
    monkeypatch.setenv("LMMS_VG_HOME", str(tmp_path / "home"))

    def declare(asked: int) -> None:
        for part in ("closed/test", "named closed/test"):
            monkeypatch.setitem(slake_grounded.SLAKE.counts, part, asked)

    return declare


def test_the_first_number_is_recorded_and_held_to(data: Path, whole: Callable[[int], None]) -> None:
    whole(2)
    write(data, [row("Is the liver normal?"), row("Is the spleen normal?")], [{"Liver": [1, 1, 2, 2]}])
    assert len(slake_grounded.load("closed", "test")) == 1
    (path,) = (journal.home() / "counts" / "slake").iterdir()
    assert path.read_text() == "1\n"
    assert len(slake_grounded.load("closed", "test")) == 1
    path.write_text("2\n")
    with pytest.raises(DataError, match=r"grounded closed/test: 1 questions found, but 2 when .* rm .*counts/slake"):
        slake_grounded.load("closed", "test")


def test_partial_data_record_nothing(data: Path, whole: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    whole(2)
    monkeypatch.setenv("LMMS_VG_PARTIAL_DATA", "1")
    write(data, [row("Is the liver normal?")], [{"Liver": [1, 1, 2, 2]}])
    assert len(slake_grounded.load("closed", "test")) == 1
    assert not (journal.home() / "counts").exists()


def test_half_a_download_records_nothing(data: Path, whole: Callable[[int], None]) -> None:
    """Neither images without their files of objects, nor some images without any file."""
    whole(1)
    write(data, [row("Is the liver normal?")])
    with pytest.raises(DataMissing, match=r"no detection\.json and no mask\.png"):
        slake_grounded.load("closed", "test")
    (data / "slake" / "test.json").write_text(json.dumps([row("Is it a liver?", qid=0, img_name="xmlab2/source.jpg")]))
    with pytest.raises(DataMissing, match=r"xmlab2/source\.jpg is in no zip"):
        slake_grounded.load("closed", "test")
    assert not (journal.home() / "counts").exists()


def test_another_number_of_named_questions_stops(data: Path, whole: Callable[[int], None]) -> None:
    whole(1)
    write(data, [row("Is it normal?")], [{"Liver": [1, 1, 2, 2]}])
    with pytest.raises(DataError, match="named closed/test: 0 questions found, 1 expected"):
        slake_grounded.load("closed", "test")


def test_agreement_of_boxes_and_masks(data: Path, small: None) -> None:
    """Liver: mask 4 x 3 in a box of 6 x 4, IoU .5; left kidney: equal, IoU 1; right kidney: box alone."""
    detected = [
        {"Liver": [2, 2, 6, 4]},
        {"Left Kidney": [10, 0, 2, 2]},
        {"Right Kidney": [14, 0, 2, 2]},
        {"Rib": [1] * 4},
    ]
    rows = [row("Is the liver normal?"), row("Which organ is it?", "Liver", answer_type="OPEN")]
    write(data, rows, detected, mask(v70=(2, 2, 6, 5), v135=(10, 0, 12, 2)))
    agreement, unknown = slake_agreement.remarks()
    assert agreement.startswith("4 objects with boxes and 2 with masks in 1 images; 2 have both: ")
    assert agreement.endswith("0.75 (median), 100% at least 0.5")
    assert unknown == "labels that no question is linked to: Rib (1)"


def test_real_mask(real_data: Path) -> None:
    """The one real mask in reach: brain edema is 95, non-enhancing tumor 140; a box drawn for the edema is IoU .76."""
    pixels = np.asarray(Image.open(real_data / "slake" / "sample" / "xmlab473_mask.png"))
    assert (pixels == pixels[..., :1]).all()
    found = tiles(np.ascontiguousarray(pixels[..., 0]))
    assert found.keys() == {95, 140}
    assert bounds(found[95]) == [66.0, 54.0, 104.0, 92.0]
    assert slake_agreement.overlap(bounds(found[95]), [66.0, 63.0, 104.0, 92.0]) == pytest.approx(0.763, abs=1e-3)
