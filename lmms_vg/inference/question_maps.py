"""Attention of a question that a journal keeps beside its file: maps, the image's place on the patches, values of heads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lmms_vg.attention.session import Rows
from lmms_vg.inference.alignment_probe import Measured
from lmms_vg.inference.question import Prepared
from lmms_vg.journal import ImageAxes, QuestionHeads, QuestionMap, ReferenceMap, content_key, further_key
from lmms_vg.vision.patch_grid import Axis, Geometry


def question_maps(form: Prepared, looks: Mapping[Rows, Measured]) -> Iterator[QuestionMap]:
    """Yield a question's maps with its mask, which is empty without boxes, and the patches that show its image.

    Patches are visible as the boxes were placed: with `geometry=stretch` all are.

    Args:
        form: the question.
        looks: its maps by selection of query rows, the run's first selection first.
    """
    images = form.prompt.image_hashes
    general = content_key({"images": images, "reference": form.reference.text})
    for number, (rows, measured) in enumerate(looks.items()):
        pairs = [(measured.question, measured.reference), *measured.others]
        for place, (view, (maps, reference)) in enumerate(zip(form.prompt.images[0].views, pairs, strict=True)):
            key, of_reference = (further_key(base, rows if number else None, place) for base in (form.key, general))
            yield QuestionMap(
                key=key,
                image="+".join(images),
                rows=rows,
                view=place,
                mask=form.mask_on(place),
                visible=view.visible,
                maps=maps,
                reference=ReferenceMap(of_reference, (view.rows, view.cols), reference),
                axes=axes_of(view),
            )


def question_heads(prepared: Sequence[Prepared], measured: Sequence[Measured]) -> list[QuestionHeads]:
    """Return the values of heads of those questions of a batch that have some; none if nothing was measured."""
    return [
        QuestionHeads(form.key, looked.heads)
        for form, looked in zip(prepared, measured, strict=False)
        if looked.heads is not None
    ]


def axes_of(view: Geometry) -> ImageAxes:
    """Return how an image lies on the patches, in the form that is kept."""

    def numbers(axis: Axis) -> tuple[int, int, int, int]:
        return axis.pixels, axis.scale, axis.shift, axis.unit

    return numbers(view.x), numbers(view.y)
