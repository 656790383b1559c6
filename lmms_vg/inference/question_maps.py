"""What a journal keeps of a question's attention, besides the values: the maps, and how its image lies on the patches."""

from __future__ import annotations

from lmms_vg.attention.session import Rows
from lmms_vg.inference.alignment_probe import Measured
from lmms_vg.inference.question import Prepared
from lmms_vg.journal import QuestionMap, ReferenceMap, content_key


def question_map(form: Prepared, rows: Rows, measured: Measured) -> QuestionMap:
    """Return a question's maps with its mask, which is empty without boxes, and the patches that show its image.

    Patches are visible as the boxes were placed: with `geometry=stretch` all are.

    Args:
        form: the question.
        rows: query rows of the maps.
        measured: its maps.
    """
    view, images = form.prompt.images[0].views[0], form.prompt.image_hashes
    asked = {"images": images, "reference": form.reference.text}
    return QuestionMap(
        key=form.key,
        image="+".join(images),
        rows=rows,
        view=0,
        mask=form.mask,
        visible=view.visible,
        maps=measured.question,
        reference=ReferenceMap(content_key(asked), (view.rows, view.cols), measured.reference),
    )
