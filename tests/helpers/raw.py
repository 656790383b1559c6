"""One or two questions per benchmark, in the raw layout of its source, for tests that only need something to ask."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

SUBJECTS = {
    "Basic_Medical_Science": "BMS",
    "Clinical_Medicine": "CM",
    "Diagnostics_and_Laboratory_Medicine": "DLM",
    "Pharmacy": "P",
    "Public_Health": "PH",
}
OPTIONS = ["CT", "MRI", "X-ray", "Ultrasound"]


def png(value: int = 50) -> bytes:
    """A uniformly grey picture of 6 x 4 pixels."""
    buffer = io.BytesIO()
    Image.new("L", (6, 4), value).save(buffer, "PNG")
    return buffer.getvalue()


def write_all(data: Path) -> None:
    """Fill an LMMS_VG_DATA: the same picture everywhere; answers are "No", "Liver" or option B."""
    for write in (vqa_rad, slake, path_vqa, pmc_vqa, omnimedvqa, mmmu, medical_eval, vgmed):
        write(data)


def vqa_rad(data: Path) -> None:
    row = {"image_name": "a.jpg", "image_organ": "HEAD", "question_type": "PRES", "phrase_type": "freeform"}
    rows = [
        row | {"qid": 1, "question": "Is it normal?", "answer": "No", "answer_type": "CLOSED"},
        row | {"qid": 2, "question": "Is it big?", "answer": "No", "answer_type": "CLOSED", "image_organ": "ABD"},
        row | {"qid": 3, "question": "Which organ?", "answer": "Liver", "answer_type": "OPEN"},
    ]
    tests = [old | {"qid": old["qid"] + 10, "phrase_type": "test_freeform"} for old in rows]
    put(data / "vqa_rad" / "VQA_RAD Dataset Public.json", json.dumps(rows + tests).encode("utf-8-sig"))
    put(data / "vqa_rad" / "VQA_RAD Image Folder" / "a.jpg", png())


def slake(data: Path) -> None:
    row = {"img_name": "x/source.jpg", "q_lang": "en", "modality": "CT", "location": "Lung", "content_type": "Organ"}
    for qid, split in enumerate(("train", "validation", "test")):
        rows = [
            row | {"question": "Is the liver normal?", "answer": "No", "answer_type": "CLOSED", "qid": qid},
            row | {"question": "Which organ is it?", "answer": "Liver", "answer_type": "OPEN", "qid": qid + 10},
        ]
        put(
            data / "slake" / f"{split}.json",
            json.dumps([row_fields | {"base_type": "vqa"} for row_fields in rows]).encode(),
        )
    put_zip(
        data / "slake" / "imgs.zip", {"imgs/x/source.jpg": png(), "imgs/x/detection.json": b'[{"Liver": [1, 1, 2, 2]}]'}
    )


def path_vqa(data: Path) -> None:
    rows = [("Is it a cell?", "no"), ("What is it?", "liver")]
    image = {"bytes": png(), "path": None}
    put_parquet(
        data / "path_vqa" / "data" / "test-00000-of-00001.parquet",
        [{"image": image, "question": question, "answer": answer} for question, answer in rows],
    )


def pmc_vqa(data: Path) -> None:
    text = io.StringIO()
    names = ["Figure_path", "Question", "Answer", "Choice A", "Choice B", "Choice C", "Choice D", "Answer_label"]
    choices = [f" {letter}:{option} " for letter, option in zip("ABCD", OPTIONS, strict=True)]
    csv.writer(text).writerows([names, ["f.jpg", " What is used? ", "MRI", *choices, "B"]])
    put(data / "pmc_vqa" / "test_clean.csv", text.getvalue().encode())
    put_zip(data / "pmc_vqa" / "images.zip", {"images/f.jpg": png()})


def omnimedvqa(data: Path) -> None:
    written = ["CT(Computed Tomography)", "Fundus Photography", "MR (Mag-netic Resonance Imaging)"]
    written += ["OCT (Optical Coherence Tomography", "Dermoscopy", "Microscopy Images", "X-Ray", "ultrasound"]
    rows = [
        {"dataset": "D", "question_id": f"D_{number}", "question_type": "Modality Recognition", "gt_answer": "MRI"}
        | {"question": "What is used?", "image_path": "Images/D/a.png", "modality_type": modality}
        | {f"option_{letter}": option for letter, option in zip("ABCD", OPTIONS, strict=True)}
        for number, modality in enumerate(["CT(Computed Tomography)"] * 3 + written)
    ]
    members = {"OmniMedVQA/QA_information/Open-access/D.json": json.dumps(rows).encode()}
    put_zip(data / "omnimedvqa" / "OmniMedVQA.zip", members | {"OmniMedVQA/Images/D/a.png": png()})


def mmmu(data: Path) -> None:
    image, none = {"bytes": png(), "path": "a.png"}, dict.fromkeys(f"image_{n}" for n in range(2, 8))
    for subject in SUBJECTS:
        for split in ("validation", "test"):
            row = {
                "explanation": "",
                "img_type": "",
                "topic_difficulty": "Easy",
                "subfield": "Anatomy",
                "image_1": image,
            }
            rows = [
                {"id": f"{split}_{subject}_1", "question": "See <image 1> What is it?", "options": repr(OPTIONS)}
                | {"question_type": "multiple-choice", "answer": "B" if split == "validation" else "?"},
                {"id": f"{split}_{subject}_2", "question": "<image 1> How many?", "options": "[]"}
                | {"question_type": "open", "answer": "['4', 'four']" if split == "validation" else "?"},
            ]
            put_parquet(
                data / "mmmu" / subject / f"{split}-00000-of-00001.parquet",
                [row | none | row_fields for row_fields in rows],
                IMAGES,
            )


def medical_eval(data: Path) -> None:
    names = ["VQA-RAD_test", "SLAKE_test", "PathVQA_test", "PMC-VQA_test", "OmniMedVQA", "MMMU_Medical_Validation"]
    rows = [
        {"question": "What is used?", "options": OPTIONS, "answer": "MRI", "dataset": name, "image": ["images/a.jpg"]}
        for name in names[:1] * 3 + names
    ]
    put(data / "medical_eval" / "medical_multimodel_evaluation_data.json", json.dumps(rows).encode())
    put_zip(data / "medical_eval" / "images.zip", {"images/a.jpg": png()})


def vgmed(data: Path) -> None:
    put(data / "vgmed" / "a.png", png())
    put(data / "coco" / "c.png", png())
    for images, file in (("VGMED", "a.png"), ("COCO", "c.png")):
        for kind in ("localization", "attribute"):
            rows: list[dict[str, Any]] = [
                {"image": file, "question": f"{images} {kind}?", "bbox": [[1, 1, 2, 3]]},
                {"image": file, "question": "", "bbox": [[float("nan"), 0, 1, 1], []]},
                {"image": file, "question": "No box?"},
            ]
            put(data / "vgmed" / f"{images}_{kind}.jsonl", "\n".join(map(json.dumps, rows)).encode())


_IMAGE = pa.struct({"bytes": pa.binary(), "path": pa.string()})
IMAGES = {f"image_{n}": _IMAGE for n in range(1, 8)}


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def put_zip(path: Path, members: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def put_parquet(path: Path, rows: list[dict[str, Any]], types: dict[str, Any] | None = None) -> None:
    """Columns that are empty in every row need explicit types."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {name: pa.array([row[name] for row in rows], (types or {}).get(name)) for name in rows[0]}
    pq.write_table(pa.table(columns), path)
