"""Figure 2 b: what VGMED is about. It needs the data set and no model; the sources of Table C.2 are known without either."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from lmms_vg._util.atomic_files import replace_file
from lmms_vg.paper.sources import SOURCES
from lmms_vg.runs.text_tables import markdown
from lmms_vg.runs.tidy_rows import Row
from lmms_vg.study.figures.content_figure import draw, table_rows
from lmms_vg.study.questions import StudyQuestion, question_of, stated

_NAME = "fig2"
_TASKS = ("vgmed_localization", "vgmed_attribute")
_DEMO = ("vgmed_demo",)
_LISTED = "sources (Table C.2)"
_ABOUT = (
    "Figure 2 a is a drawing, and the numbers of Figure 2 b stand nowhere in the paper's text. Here: the sources that Table "
    "C.2 lists, each counted under everything that it shows, and the questions of the files that are on this machine."
)


def content_report(data: str | None, out: Path) -> Iterator[str]:
    """Write the figure, its CSV and its tables to `out`, and yield the lines of the tables.

    Args:
        data: "demo" for phantoms, None for VGMED.
        out: the folder.
    """
    questions, missing = _questions(_TASKS if data is None else _DEMO)
    rows = [*listed(), *table_rows(questions)]
    lines = [f"# Figure 2 b: what VGMED is about\n\n{_ABOUT}", *missing]
    if data is not None:
        lines.append("**NOTHING IS REPRODUCED HERE.** --data demo: phantoms stand for the paper's data.")
    lines += [f"## {side}\n\n{_table(rows, side)}" for side in dict.fromkeys(row["side"] for row in rows)]
    paths = draw(rows, out, _NAME)
    replace_file(out / f"{_NAME}.md", "\n\n".join(lines) + "\n")
    yield "\n\n".join(lines)
    yield ""
    yield from map(str, [out / f"{_NAME}.md", *paths])


def listed() -> Iterator[Row]:
    """Yield the 44 sources of Table C.2 by modality and body part; one that shows several is counted under each."""
    for axis, name in (("modality", "modality"), ("body part", "body_part")):
        counts = Counter(part for source in SOURCES for part in getattr(source, name).split(", "))
        for category, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
            yield {"side": _LISTED, "axis": axis, "category": category, "n": n, "images": None}


def _questions(tasks: Sequence[str]) -> tuple[list[StudyQuestion], list[str]]:
    """Return the questions of tasks, and the tasks that are not on this machine."""
    questions: list[StudyQuestion] = []
    missing = []
    for task in tasks:
        samples = stated(task)
        if isinstance(samples, str):
            missing.append(f"{task}: {samples}; lmms-vg data fetch vgmed")
        else:
            questions += [question_of(None, task, uid, None, {}, sample) for uid, sample in samples.items()]
    return questions, missing


def _table(rows: Sequence[Row], side: str) -> str:
    own = [row for row in rows if row["side"] == side]
    cells = [
        [row["axis"], row["category"], f"{row['n']:,}", "-" if row["images"] is None else f"{row['images']:,}"]
        for row in own
    ]
    return markdown(["", "", "sources" if side == _LISTED else "questions", "images"], cells, texts=2)
