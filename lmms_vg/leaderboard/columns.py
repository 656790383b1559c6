"""The columns of the leaderboard's tables: of which questions, under which metric, and how they are shown.

Those of the paper are made from `paper.columns`, named as it prints them, so that its cells are found by name. Numbers of
questions are those of `tasks.registry`.
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
    """The questions of `tasks`, pooled; their mean counts `weight` times."""

    tasks: tuple[str, ...]
    weight: float = 1.0


#: Parts whose weighted means are added.
Way = tuple[Part, ...]


class Measure(NamedTuple):
    """A column. Of `ways` the first counts that a submission has all tasks of. `digits` are those shown."""

    title: str
    metric: str
    ways: tuple[Way, ...]
    about: str
    better: Literal["higher", "lower"] | None = "higher"
    unit: str = "%"
    digits: int = 1

    @property
    def tasks(self) -> set[str]:
        """Of all ways."""
        return {task for way in self.ways for part in way for task in part.tasks}


def of_paper(table: str, protocol: ProtocolName) -> tuple[Measure, ...]:
    """The columns of a table of the paper that a protocol asks, and last their average, where they are weighed in one.

    Where pooling the questions weighs them so, they are pooled.
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
    """All of the paper's columns as Table G.5 has them: a data set's open questions stand beside its closed ones."""
    *sets, average = of_paper("1", protocol)
    made: list[Measure] = []
    for measure in sets:
        beside = (one for one in of_paper("E.3", protocol) if one.title.startswith(f"{measure.title} "))
        made += [measure, *(one for one in beside if one.metric != "average")]
    made.append(average._replace(title="Avg. on Med-VQAs"))
    for name, several in (("MMMU", of_paper("2", protocol)), ("OmniMedVQA", of_paper("3", protocol))):
        made += [one._replace(title=f"{name} Avg.") if one.title == "Avg." else one for one in several]
    return tuple(made)


def grounding() -> tuple[Measure, ...]:
    """Where models look in medical images, in COCO, and how much nearer to the boxes they look in COCO."""
    medical, coco = (
        [tuple(f"{name}_{kind}" for kind in kinds) for kinds in _KINDS] for name in ("vgmed", "vgmed_coco")
    )
    made: list[Measure] = []
    for side, names in (("medical", medical), ("COCO", coco)):
        which = f"{' and '.join(names[0])} pooled, or the one that is there"
        made += _looks(f"{side} ", tuple((Part(tasks),) for tasks in names), which)
    for metric, digits, unit in (("ar", 2, ""), ("kl", 3, "nats"), ("js", 3, "nats")):
        sign = 1.0 if metric == "ar" else -1.0  # a higher AR is nearer, a lower KL
        both = zip(medical, coco, strict=True)
        ways = tuple((Part(there, sign), Part(here, -sign)) for here, there in both)
        less = "COCO - medical" if metric == "ar" else "medical - COCO"
        about = f"{less}, of the kinds of questions that both have. Above 0: attention is nearer to the boxes in COCO; "
        about += "about 0 also for a model that looks nowhere in particular"
        made.append(Measure(f"gap {metric.upper()}", metric, ways, about, None, unit, digits))
    return tuple(made)


def demo() -> tuple[Measure, ...]:
    """Accuracy on the demo's phantoms, and where models look in them."""
    tasks = ["vqa_demo_standard", "vqa_demo_hard"]
    one = [Measure(task.removeprefix("vqa_demo_"), "acc", _each([task]), _count("Accuracy", [task])) for task in tasks]
    pooled = Measure("Avg.", "acc", ((Part(tuple(tasks)),),), _count("Accuracy, pooled over the questions", tasks))
    return (*one, pooled, *_looks("", _each(["vgmed_demo"]), _count("phantoms", ["vgmed_demo"])))


def _looks(prefix: str, ways: tuple[Way, ...], which: str) -> Iterator[Measure]:
    about = "Mean attention inside the boxes over mean attention anywhere, 1 is uniform"
    yield Measure(f"{prefix}AR", "ar", ways, f"{about}; {which}", "higher", "", 2)
    yield Measure(f"{prefix}KL", "kl", ways, f"KL(boxes || attention); {which}", "lower", "nats", 3)
    yield Measure(f"{prefix}JS", "js", ways, f"Jensen-Shannon divergence; {which}", "lower", "nats", 3)
    about = "Layer of lowest mean KL, from 0; one for each task where they differ"
    yield Measure(f"{prefix}best layer", "best_layer", ways, f"{about}; {which}", None, "", 0)


def _measure(column: PaperColumn, protocol: ProtocolName) -> Measure:
    tasks = column.tasks[protocol]
    what = "Accuracy" if column.metric == "acc" else f"{column.metric} times 100"
    about = f"{what}, {column.about}" if column.about else what
    return Measure(column.title, column.metric, _each(tasks), _count(about, tasks[:1]))


def _each(names: Sequence[str]) -> tuple[Way, ...]:
    """Alternatives of one task."""
    return tuple((Part((name,)),) for name in names)


def _count(what: str, tasks: Sequence[str]) -> str:
    return f"{what}: {', '.join(tasks)} (n = {sum(TASKS[task].n or 0 for task in tasks):,})"
