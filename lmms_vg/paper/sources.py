"""The sources of VGMED (paper, Table C.2), and the questions that VGMED asks where something is (Fig. I.2).

The published rows state neither modality nor label. The modality follows from the folder of the image, which is named after
the source, and the label from the wording of the question.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class MedicalSource(NamedTuple):
    """A source as the table prints it; `aliases` are other spellings that name its folder."""

    name: str
    modality: str
    body_part: str
    aliases: tuple[str, ...] = ()


#: Category of what the table does not tell.
UNKNOWN = "unknown"

SOURCES = (
    MedicalSource("AMOS2022", "CT, MR", "Abdomen, Thorax, Pelvic", ("AMOS",)),
    MedicalSource("ATM2022", "CT", "Thorax"),
    # "AbdomenomenCT-1K" in the table.
    MedicalSource("AbdomenCT-1K", "CT", "Abdomen", ("AbdomenomenCT-1K",)),
    MedicalSource("BTCV", "CT", "Thorax, Abdomen, Pelvic"),
    MedicalSource("BraTS2013", "MR", "Head & neck"),
    MedicalSource("BraTS2015", "MR", "Head & neck"),
    MedicalSource("BraTS2018", "MR", "Head & neck"),
    MedicalSource("BraTS2019", "MR", "Head & neck"),
    MedicalSource("BraTS2020", "MR", "Head & neck"),
    MedicalSource("BraTS2021", "MR", "Head & neck"),
    MedicalSource("CHAOS (Task 4)", "MR", "Abdomen", ("CHAOS",)),
    MedicalSource("CTPelvic1k", "CT", "Pelvic"),
    MedicalSource("CVC-ClinicDB", "Endoscopy", "Others"),
    MedicalSource("Chest_Image_Pneum", "X-ray", "Thorax"),
    MedicalSource("FLARE21", "CT", "Abdomen"),
    MedicalSource("FLARE22", "CT", "Abdomen, Thorax"),
    MedicalSource("HVSMR2016", "MR", "Thorax"),
    MedicalSource("ADAM (Task 2)", "Fundus", "Head & neck", ("ADAM",)),
    MedicalSource("PALM19", "Fundus", "Head & neck", ("PALM",)),
    MedicalSource("ISLES", "MR", "Head & neck"),
    MedicalSource("KiTS2019", "CT", "Abdomen", ("KiTS19",)),
    MedicalSource("KiTS2021", "CT", "Abdomen", ("KiTS21",)),
    MedicalSource("LUNA16", "CT", "Thorax"),
    MedicalSource("MSD-BrainTumor", "MR", "Head & neck", ("MSD_BrainTumour",)),
    MedicalSource("MSD-Liver", "CT", "Abdomen"),
    MedicalSource("MSD-Pancreas", "CT", "Abdomen"),
    MedicalSource("MSD-Spleen", "CT", "Abdomen"),
    MedicalSource("CT-ORG", "CT", "Head & neck, Thorax, Abdomen"),
    MedicalSource("PROMISE09", "MR", "Pelvic"),
    MedicalSource("PROMISE12", "MR", "Pelvic"),
    MedicalSource("SIIM-ACR Pneumothorax", "X-ray", "Thorax", ("SIIM-ACR",)),
    MedicalSource("StructSeg2019 (Task 1)", "CT", "Head & neck", ("StructSeg2019_subtask1",)),
    MedicalSource("StructSeg2019 (Task 2)", "CT", "Thorax, Abdomen", ("StructSeg2019_subtask2",)),
    MedicalSource("TotalSegmentator", "CT", "Head & neck, Thorax, Abdomen, Pelvic", ("Totalsegmentator_dataset",)),
    MedicalSource("Ultrasound Nerve Segmentation", "Ultrasound", "Others"),
    MedicalSource("WORD", "CT", "Thorax, Abdomen"),
    MedicalSource("autoPET", "PET", "Pelvic"),
    MedicalSource("BUSI", "Ultrasound", "Thorax"),
    MedicalSource("Kvasir-SEG", "Endoscopy", "Others"),
    MedicalSource("ISIC18 (Task 1)", "Dermoscopy", "Skin", ("ISIC18", "ISIC2018")),
    MedicalSource("ISIC17 (Task 1)", "Dermoscopy", "Skin", ("ISIC17", "ISIC2017")),
    MedicalSource("ISIC16 (Task 1)", "Dermoscopy", "Skin", ("ISIC16", "ISIC2016")),
    MedicalSource("SLAKE", "CT, MR, X-ray", "Head & neck, Abdomen, Thorax", ("Slake1.0",)),
    MedicalSource("PolypDB", "Endoscopy", "Others"),
)

#: Fig. I.2.
LOCALIZATION = (
    "Is there a {label} in the image?",
    "Can you see a {label} in the image?",
    "Does the image contain a {label}?",
    "Is a {label} present in this image?",
    "Do you see a {label} in the picture?",
    "Is the {label} visible in the image?",
    "Is there any sign of a {label} in the image?",
    "Can a {label} be found in this image?",
    "Does this image show a {label}?",
    "Is a {label} shown in the picture?",
)

_PATTERNS = [re.compile(re.escape(text).replace(r"\{label\}", "(.+)")) for text in LOCALIZATION]


def source_of(folder: str) -> MedicalSource | None:
    """Return the source that a folder of images is named after; None for another name.

    >>> source_of("slake").modality, source_of("KiTS19").body_part, source_of("mine")
    ('CT, MR, X-ray', 'Abdomen', None)
    """
    return _BY_NAME.get(_letters(folder))


def label_of(question: str) -> str:
    """Return what a localization question asks for; empty for a question in other words.

    >>> label_of("Is there any sign of a left kidney in the image?"), label_of("Where is it?")
    ('left kidney', '')
    """
    for pattern in _PATTERNS:
        if match := pattern.fullmatch(question.strip()):
            return match[1]
    return ""


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


_BY_NAME = {_letters(name): source for source in SOURCES for name in (source.name, *source.aliases)}
