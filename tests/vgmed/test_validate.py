"""What `validate` finds, and what it counts."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vgmed_items
from PIL import Image

from lmms_vg.vgmed import dataset, rle
from lmms_vg.vgmed.figures import draw_boxes, draw_distributions
from lmms_vg.vgmed.schema import BoxQuestion, Flag, SourceCard
from lmms_vg.vgmed.validate import distinct_share, distributions, flagged, problems, share_group


def written(folder: Path, text: str = "Is there a liver in the image?", **changes: Any) -> dataset.BuiltDataset:
    item = vgmed_items.item(0, folder, **changes)
    question = BoxQuestion(id="q", item=item.id, kind="localization", text=text, label=item.label, author="x")
    dataset.write(folder, "made", [item], [question], [SourceCard(name="made", licence="x", items=1)], {})
    return dataset.read(folder)


def test_nothing_is_wrong(tmp_path: Path) -> None:
    assert list(problems(vgmed_items.write(tmp_path))) == []


def mask(rows: slice, columns: slice) -> Any:
    pixels = np.zeros((30, 40), bool)
    pixels[rows, columns] = True
    return rle.encode(pixels)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mask": mask(slice(5, 15), slice(4, 22))}, "20 pixels of its mask lie outside of its boxes"),
        ({"mask": mask(slice(5, 15), slice(4, 19))}, r"the box \[4, 5, 20, 15\] is not tight"),
        ({"boxes": [(4, 5, 20, 15), (30, 20, 35, 25)]}, r"the box \[30, 20, 35, 25\] is not tight"),
        ({"mask": {"size": [30, 40], "counts": "0"}}, "add up to 0 pixels"),
        ({"source": "other"}, "source 'other' is not on the card"),
        ({"label": "aorta"}, "'a aorta' in .*; better is 'an aorta'"),
        ({"label": "lungs"}, "'a lungs' in .*; better is 'lungs'"),
    ],
)
def test_what_is_wrong(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    made = written(tmp_path, f"Is there a {changes.get('label', 'liver')} in the image?", **changes)
    (problem,) = problems(made)
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(problem)


def test_images(tmp_path: Path) -> None:
    made = vgmed_items.write(tmp_path, 4)
    (tmp_path / "images" / "0.png").unlink()
    Image.new("RGB", (40, 30)).save(tmp_path / "images" / "1.png")
    (tmp_path / "images" / "2.png").write_bytes(b"x")
    found = list(problems(made))
    assert len(found) == 3
    assert "0.png" in found[0]
    assert "item item-1: images/1.png: its pixels are not those" in found[1]
    assert "2.png: not an image" in found[2]


def test_distributions(tmp_path: Path) -> None:
    counts = distributions(vgmed_items.write(tmp_path, 6))
    assert counts["modality"] == {"CT": 3, "MR": 3}
    shares = [16 * (10 + number) / 1200 for number in range(6)]
    assert counts["box share"]["10 to 30%"] == sum(0.1 < share <= 0.3 for share in shares) == 6
    assert sum(counts["box share"].values()) == 6


@pytest.mark.parametrize(
    ("share", "group"),
    [
        (0.001, "up to 1%"),
        (0.01, "up to 1%"),
        (0.011, "1 to 5%"),
        (0.3, "10 to 30%"),
        (0.31, "over 30%"),
        (1, "over 30%"),
    ],
)
def test_groups_of_shares(share: float, group: str) -> None:
    assert share_group(share) == group


def test_counts_of_questions(tmp_path: Path) -> None:
    made = vgmed_items.write(tmp_path, 6)  # three labels: every text is there twice
    assert distinct_share(made.questions) == 0.5
    flag = Flag(code="position", reason="x")
    marked = [made.questions[0].model_copy(update={"flags": [flag]}), *made.questions[1:]]
    assert flagged(marked) == {"position": 1}


@pytest.mark.slow
def test_pictures_are_the_same_again_and_show_the_box(tmp_path: Path) -> None:
    made = vgmed_items.write(tmp_path, 5)
    drawn = draw_boxes(made)
    assert draw_boxes(made) == drawn
    colours = np.asarray(Image.open(BytesIO(drawn)).convert("RGB")).reshape(-1, 3)
    assert (np.abs(colours - np.array([0xD5, 0x5E, 0x00])).max(axis=1) < 8).sum() > 200
    assert draw_distributions(distributions(made), "t") == draw_distributions(distributions(made), "t")
