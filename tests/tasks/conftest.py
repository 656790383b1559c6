"""Fixtures: small data in the raw layout of the hub, and the task folder as lmms-eval reads it."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from lmms_eval.tasks import TaskManager
from PIL import Image

import lmms_vg.tasks
from lmms_vg import journal
from lmms_vg.datasets import counts

# No __init__.py in this folder: tests/ is on sys.path.
TASKS = str(Path(lmms_vg.tasks.__file__).parent)


@pytest.fixture(scope="session", autouse=True)
def datasets_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The host reads this variable once a process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LMMS_EVAL_DATASETS_CACHE", str(tmp_path_factory.mktemp("datasets")))
        yield


@pytest.fixture(scope="session")
def manager() -> TaskManager:
    return TaskManager("ERROR", include_path=TASKS, include_defaults=False)


@pytest.fixture(autouse=True)
def empty_journal() -> Iterator[None]:
    journal.forget()
    yield
    journal.forget()


@pytest.fixture
def raw_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """LMMS_VG_DATA with two SLAKE questions a split and two rows in each VGMED file; counts are relaxed."""
    data = tmp_path / "data"
    for name in ("slake", "vgmed", "coco"):
        (data / name).mkdir(parents=True)
    buffer = io.BytesIO()
    Image.new("L", (6, 4), 50).save(buffer, "PNG")
    with zipfile.ZipFile(data / "slake" / "imgs.zip", "w") as archive:
        archive.writestr("imgs/xmlab1/source.jpg", buffer.getvalue())
    for qid, split in enumerate(("train", "validate", "test")):
        row = {"img_name": "xmlab1/source.jpg", "q_lang": "en", "modality": "CT"}
        rows = [
            row | {"question": "Is it normal?", "answer": "No", "answer_type": "CLOSED", "qid": qid},
            row | {"question": "Which organ is it?", "answer": "Liver", "answer_type": "OPEN", "qid": qid + 10},
        ]
        (data / "slake" / f"{split}.json").write_text(json.dumps(rows))
    (data / "vgmed" / "a.png").write_bytes(buffer.getvalue())
    (data / "coco" / "c.png").write_bytes(buffer.getvalue())
    for images, file in (("VGMED", "a.png"), ("COCO", "c.png")):
        for kind in ("localization", "attribute"):
            rows = [
                {"image": file, "question": f"{images} {kind}?", "bbox": [[1, 1, 2, 3]]},
                {"image": file, "question": "", "bbox": [[float("nan"), 0, 1, 1], []]},
                {"image": file, "question": "No box?"},
            ]
            (data / "vgmed" / f"{images}_{kind}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    monkeypatch.setenv("LMMS_VG_DATA", str(data))
    monkeypatch.setenv("LMMS_VG_PARTIAL_DATA", "1")
    monkeypatch.setattr(counts, "deviations", {})
    return data
