"""The columns of the leaderboard's tables: their tasks, metric and format.

Columns of the paper's tables are made from `paper.columns` and have its titles, so that its cells are found by name. Numbers
of questions come from `tasks.registry`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Literal, NamedTuple

from lmms_vg.paper.columns import HIDDEN, PaperColumn, of_table, weights
from lmms_vg.paper.protocols import ProtocolName
from lmms_vg.tasks.registry import TASKS

_KINDS = (("localization", "attribute"), ("localization",), ("attribute",))


class Part(NamedTuple):
    """The pooled questions of `tasks`; their mean is multiplied by `weight`."""

    tasks: tuple[str, ...]
    weight: float = 1.0


#: Parts whose weighted means are added.
Way = tuple[Part, ...]


class Measure(NamedTuple):
    """A column.

    Attributes:
        ways: alternatives; the first whose tasks a submission all has counts.
        digits: number of decimals shown.
        chance: the level of a look blind to the boxes; empty where there is no such level.
    """

    title: str
    metric: str
    ways: tuple[Way, ...]
    about: str
    better: Literal["higher", "lower"] | None = "higher"
    unit: str = "%"
    digits: int = 1
    chance: str = ""

    @property
    def tasks(self) -> set[str]:
        """The tasks of all ways."""
        return {task for way in self.ways for part in way for task in part.tasks}


def of_paper(table: str, protocol: ProtocolName) -> tuple[Measure, ...]:
    """Return the columns of a table of the paper under a protocol, and their average last, if the paper has one.

    The average pools the questions where pooling gives the paper's weights.
    """
    columns = of_table(table, protocol)
    measures = tuple(_measure(column, protocol) for column in columns)
    if not any(column.weights for column in columns):
        return measures
    alternatives = [column.tasks[protocol] for column in columns]
    first = [tasks[0] for tasks in alternatives]
    if counts := weights([column.title for column in columns], HIDDEN):
        about = f"Accuracy, subjects weighted by their test questions {', '.join(map(str, counts))}"
        ways: tuple[Way, ...] = (tuple(Part((task,), n / sum(counts)) for task, n in zip(first, counts, strict=True)),)
    else:
        about = "Accuracy, pooled over the questions"
        ways = tuple((Part(tasks),) for tasks in product(*alternatives))
    return (*measures, Measure("Avg.", "acc", ways, _count(about, first)))


def six_benchmarks(protocol: ProtocolName) -> tuple[Measure, ...]:
    """Return all of the paper's columns in the order of Table G.5: a data set's open questions follow its closed ones."""
    *sets, average = of_paper("1", protocol)
    columns: list[Measure] = []
    for measure in sets:
        opened = (column for column in of_paper("E.3", protocol) if column.title.startswith(f"{measure.title} "))
        columns += [measure, *(column for column in opened if column.metric != "average")]
    columns.append(average._replace(title="Avg. on Med-VQAs"))
    for name, group in (("MMMU", of_paper("2", protocol)), ("OmniMedVQA", of_paper("3", protocol))):
        columns += [column._replace(title=f"{name} Avg.") if column.title == "Avg." else column for column in group]
    return tuple(columns)


def grounding() -> tuple[Measure, ...]:
    """Return where models look in medical images and in COCO, and how much closer to the boxes they look in COCO."""
    medical, coco = (
        [tuple(f"{name}_{kind}" for kind in kinds) for kinds in _KINDS] for name in ("vgmed", "vgmed_coco")
    )
    columns: list[Measure] = []
    for side, names in (("medical", medical), ("COCO", coco)):
        note = f"{' and '.join(names[0])} pooled, or the only one measured"
        columns += _looks(f"{side} ", tuple((Part(tasks),) for tasks in names), note)
    for metric, digits, unit in (("ar", 2, ""), ("kl", 3, "nats"), ("js", 3, "nats")):
        sign = 1.0 if metric == "ar" else -1.0  # closer means a higher AR, but a lower KL
        pairs = zip(medical, coco, strict=True)
        ways = tuple((Part(in_coco, sign), Part(in_medical, -sign)) for in_medical, in_coco in pairs)
        direction = "COCO - medical" if metric == "ar" else "medical - COCO"
        about = f"{direction}, over the kinds of questions that both have. Above 0: attention is closer to the boxes in COCO; "
        about += "a model that looks nowhere in particular is at about 0, too"
        columns.append(Measure(f"gap {metric.upper()}", metric, ways, about, None, unit, digits))
    return tuple(columns)


def demo() -> tuple[Measure, ...]:
    """Return accuracy on the demo's phantoms, and where models look in them."""
    tasks = ["vqa_demo_standard", "vqa_demo_hard"]
    single = [
        Measure(task.removeprefix("vqa_demo_"), "acc", _each([task]), _count("Accuracy", [task])) for task in tasks
    ]
    pooled = Measure("Avg.", "acc", ((Part(tuple(tasks)),),), _count("Accuracy, pooled over the questions", tasks))
    return (*single, pooled, *_looks("", _each(["vgmed_demo"]), _count("phantoms", ["vgmed_demo"])))


def _looks(prefix: str, ways: tuple[Way, ...], which: str) -> Iterator[Measure]:
    """Yield each raw value followed by its excess over the swap null; `_LOOKS` maps values to metrics."""
    for title, metric, about, better, unit, digits, chance in _LOOKS:
        yield Measure(f"{prefix}{title}", metric, ways, f"{about}; {which}", better, unit, digits, chance)


_OVER = (
    "minus the mean of what maps of up to 20 other images, at the same layer, have on the same box (the swap null). Chance is "
    "0 is the level of attention that is blind to the boxes, whatever their sizes"
)
_NO_VERDICT = (
    '. "hidden": in this layer patches have no attention at all, as under a knockout, and this value is undefined there'
)
_LOOKS: tuple[tuple[str, str, str, Literal["higher", "lower"] | None, str, int, str], ...] = (
    (
        "AR",
        "ar",
        "Mean attention inside the boxes divided by mean attention over the image; 1 is uniform, but blind attention to boxes "
        "in the middle is above 1",
        "higher",
        "",
        2,
        "",
    ),
    ("excess AR", "excess_ar", f"Natural logarithm of AR {_OVER}{_NO_VERDICT}", "higher", "log", 3, "0"),
    ("KL", "kl", "KL(boxes || attention), which depends on the sizes of the boxes, too", "lower", "nats", 3, ""),
    ("excess KL", "excess_kl", f"KL {_OVER}{_NO_VERDICT}", "lower", "nats", 3, "0"),
    ("JS", "js", "Jensen-Shannon divergence, which depends on the sizes of the boxes, too", "lower", "nats", 3, ""),
    ("excess JS", "excess_js", f"Jensen-Shannon divergence {_OVER}", "lower", "nats", 3, "0"),
    (
        "placement",
        "placement",
        "Share of all places of the box's shape in the visible image that hold less attention than its own. Chance is .5",
        "higher",
        "",
        3,
        ".5",
    ),
    (
        "best layer",
        "best_layer",
        "Layer of lowest mean KL, counted from 0, at which all of these are; one per task where they differ",
        None,
        "",
        0,
        "",
    ),
)


def _measure(column: PaperColumn, protocol: ProtocolName) -> Measure:
    tasks = column.tasks[protocol]
    what = "Accuracy" if column.metric == "acc" else f"{column.metric} times 100"
    about = f"{what}, {column.about}" if column.about else what
    return Measure(column.title, column.metric, _each(tasks), _count(about, tasks[:1]))


def _each(names: Sequence[str]) -> tuple[Way, ...]:
    """Return one way per task."""
    return tuple((Part((name,)),) for name in names)


def _count(what: str, tasks: Sequence[str]) -> str:
    return f"{what}: {', '.join(tasks)} (n = {sum(TASKS[task].n or 0 for task in tasks):,})"
