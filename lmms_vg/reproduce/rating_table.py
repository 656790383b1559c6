"""Table R.6 of the paper beside one's own ratings: how clinicians' scores of the kept questions are distributed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from lmms_vg._util.atomic_files import replace_file
from lmms_vg.paper.published import PublishedTable, table
from lmms_vg.runs.text_tables import comma_separated, markdown
from lmms_vg.vgmed.rated_questions import RatedQuestion, read_rated
from lmms_vg.vgmed.rating_tables import Distribution, distributions, kept, shown

_NAME = "tableR6"
_SCORES = (3, 4, 5)
_HOW = (
    "needs ratings: make a page with lmms-vg vgmed rate page, merge what raters export with lmms-vg vgmed rate merge, and give "
    "the merged folder with --ratings"
)


def rating_table(merged: Path | None, out: Path) -> Iterator[str]:
    """Write the table to `out`, and yield its lines; without ratings, only the paper's.

    Args:
        merged: the folder that `lmms-vg vgmed rate merge` wrote; None if there are no ratings.
        out: the folder.

    Raises:
        ValueError: the merged ratings are missing or broken.
    """
    printed = table("R.6")
    if merged is None:
        yield from _lines(printed, {})
        yield f"{_NAME} {_HOW}"
        return
    questions = read_rated(merged)
    ours = {entry.row: entry for entry in distributions(kept(questions))}
    lines = [*_lines(printed, ours), *_remarks(questions)]
    replace_file(out / f"{_NAME}.md", "\n".join(lines) + "\n")
    replace_file(out / f"{_NAME}.csv", _csv(printed, ours))
    yield from lines
    yield f"{out / _NAME}.md and .csv hold the results"


def _lines(printed: PublishedTable, ours: dict[str, Distribution]) -> Iterator[str]:
    head = ["", *(f"{score}, paper / here" for score in _SCORES), "ratings here", "questions here"]
    yield f"Table R.6. {printed.title}; {printed.unit}"
    yield ""
    yield markdown(head, [_row(name, printed, ours.get(name)) for name in printed.rows], 1)
    yield ""
    yield f"Note: {printed.note} Here, ratings are counted."


def _row(name: str, printed: PublishedTable, own: Distribution | None) -> list[str]:
    cells = [
        f"{printed.cell(name, str(score))} / {'-' if own is None else shown(own.percent(score))}" for score in _SCORES
    ]
    return [name, *cells, *(["-", "-"] if own is None else [str(own.ratings), str(own.questions)])]


def _remarks(questions: Sequence[RatedQuestion]) -> Iterator[str]:
    raters = {rater for question in questions for rater in question.scores}
    yield (
        f"Here: {len(kept(questions))} of {len(questions)} questions are kept, of {len(raters)} raters. Other questions "
        "on other images were rated by other people, so a difference is no evidence against the paper's table."
    )


def _csv(printed: PublishedTable, ours: dict[str, Distribution]) -> str:
    rows = [
        [
            name,
            score,
            printed.cell(name, str(score)),
            own and own.percent(score),
            own and own.ratings,
            own and own.questions,
        ]
        for name in printed.rows
        for score in _SCORES
        for own in [ours.get(name)]
    ]
    return comma_separated(["row", "score", "paper, %", "here, %", "ratings", "questions"], rows)
