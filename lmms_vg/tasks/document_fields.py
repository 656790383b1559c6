"""The fields of lmms-eval documents. What only scores needs no more of them than their names."""

#: Fields by which results are broken down.
from __future__ import annotations

AXES = ("modality", "organ", "content_type", "question_type")

#: Fields that hold one text.
TEXTS = ("task", "uid", "image", "question", "answer", "answer_type", *AXES, "subset", "split")

#: Fields of every document.
FIELDS = (*TEXTS, "images", "options", "boxes")

#: Fields that few data sets state; their documents have these columns, others do not.
RARE = ("group", "patient")
