"""The list of tables: their columns, the models in them, and what orders the rows."""

from __future__ import annotations

from typing import NamedTuple

from lmms_vg.leaderboard import columns as measures
from lmms_vg.leaderboard.columns import Measure
from lmms_vg.paper.protocols import PROTOCOLS, ProtocolName
from lmms_vg.tasks.registry import TASKS

#: Billions of parameters; models that are larger, or of unknown size, are in Table G.5, all others in Tables 1 to 3 and E.3.
LARGE = 10.0

_MMMU = (
    "MMMU: measured rows are for the validation split, 30 questions per subject; published rows are for the test split, whose "
    "answers are hidden. Both averages weight subjects by their test questions."
)
_MMMU_CHEN = "MMMU: multiple-choice questions of the validation split."
_AGAINST = (
    "Accuracy in %, and the difference to the plain run of the same weights under the same circumstances, in points, pooled "
    "over the closed questions that both have. Models of any size."
)
_GROUNDING = (
    "Attention of the last prompt token, relative to that of the reference prompt, against the annotated boxes, at the layer "
    "with the lowest mean KL of each run and task. This layer may differ between runs, which favours each run a little. Beside "
    "each raw value stands its excess: what is left after what maps of other images have on the same boxes. Rows are ordered "
    "by excess JS, which is judged in every layer. Models of any size; the same under every protocol."
)


class TableSpec(NamedTuple):
    """The specification of a table.

    Attributes:
        ranked: titles of columns; the one with most rows (the first of equals) orders the rows.
        published: the paper's table; empty if there is none.
        large: True for models above `LARGE` only, False for models up to it only, None for all.
        against: whether methods are listed below their own plain run, with the difference to it.
    """

    key: str
    title: str
    about: str
    measures: tuple[Measure, ...]
    ranked: tuple[str, ...]
    published: str = ""
    large: bool | None = None
    against: bool = False

    @property
    def tasks(self) -> set[str]:
        """The tasks of all columns."""
        return {task for measure in self.measures for task in measure.tasks}

    @property
    def datasets(self) -> set[str]:
        """Names of the data sets that a zero-shot model was not trained on."""
        return {name for task in self.tasks for name in _datasets(task)}


def shapes(protocol: ProtocolName) -> list[TableSpec]:
    """Return where models look, and the tables of a protocol in the paper's order; its numbers appear under its own only."""
    closed, open_columns, mmmu, omnimedvqa = (measures.of_paper(table, protocol) for table in ("1", "E.3", "2", "3"))
    about_mmmu = _MMMU if len(mmmu) > 1 else _MMMU_CHEN
    recall = tuple(measure.title for measure in open_columns if measure.metric == "open_recall")
    six = measures.six_benchmarks(protocol)
    specs = [
        TableSpec("table1", "Closed questions of four medical VQA data sets", _CLOSED, closed, ("Avg.",), "1", False),
        TableSpec(
            "table2", "MMMU Health & Medicine", f"Accuracy in %. {about_mmmu}", mmmu, (mmmu[-1].title,), "2", False
        ),
        TableSpec("table3", "OmniMedVQA by modality", _OMNIMEDVQA, omnimedvqa, (omnimedvqa[-1].title,), "3", False),
        TableSpec("tableE3", "Open questions", _OPEN, open_columns, recall, "E.3", False),
        TableSpec("tableF4", "Methods against their own plain run", _AGAINST, closed, ("Avg.",), "F.4", against=True),
        TableSpec("tableG5", "Larger models", f"{_LARGE} {about_mmmu}", six, ("Avg. on Med-VQAs",), "G.5", True),
    ]
    if protocol != "vgrefine":
        specs = [shape._replace(published="") for shape in specs]
    about = f"Protocol {protocol}: {PROTOCOLS[protocol].title}."
    specs = [shape._replace(about=f"{about} {shape.about}") for shape in specs if shape.measures]
    ranked = ("medical excess JS", "medical AR")
    specs.insert(0, TableSpec("grounding", "Where models look", _GROUNDING, measures.grounding(), ranked))
    if protocol == "vgrefine":
        specs.append(TableSpec("demo", "The demo's phantoms", _DEMO, measures.demo(), ("Avg.", "AR")))
    return specs


_CLOSED = "Accuracy in %; Avg. is over the questions of all four sets, for rows that have all four. Models up to 10B."
_OMNIMEDVQA = "Accuracy in % on the open-access part, averaged over its questions. Models up to 10B."
_OPEN = "BLEU-1, BERTScore (F1), recall of the reference's words, and their mean, times 100. Models up to 10B."
_LARGE = (
    "Models of more than 10B parameters, or of unknown size, on six benchmarks. Accuracy in %; BLEU-1, BERTScore and "
)
_LARGE += "recall times 100."
_DEMO = "Accuracy in % on images that the demo draws itself, and where models look in them."


def _datasets(task: str) -> set[str]:
    return {spec.name for spec in TASKS[task].question_sets}
