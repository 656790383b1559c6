"""Ask about a built data set: a localization and an attribute question per item, and questions about what is absent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lmms_vg.vgmed import dataset
from lmms_vg.vgmed.attribute_rules import rule_questions
from lmms_vg.vgmed.balance import rank
from lmms_vg.vgmed.endpoint import Endpoint
from lmms_vg.vgmed.guidelines import flags, repeated
from lmms_vg.vgmed.localization import absent, localization
from lmms_vg.vgmed.prompts import WANTED, prompt, questions_in
from lmms_vg.vgmed.schema import BoxQuestion, Flag, Item

_ATTEMPTS = 3  # requests for one label, if an answer holds too few questions

Pair = tuple[str, str]  # modality and label


@dataclass(frozen=True)
class WrittenQuestions:
    """Attribute questions of all labels.

    Attributes:
        texts: (modality, label) -> its questions.
        author: who wrote them.
        problems: labels that have none, each with the reason.
    """

    texts: Mapping[Pair, Sequence[str]]
    author: str
    problems: list[str] = field(default_factory=list)


def pairs(items: Iterable[Item]) -> list[Pair]:
    """All pairs of modality and label, sorted: each is asked for once, since no image goes along."""
    return sorted({(item.modality, item.label) for item in items})


def by_rules(items: Iterable[Item]) -> WrittenQuestions:
    """Attribute questions by rules, offline."""
    return WrittenQuestions({pair: rule_questions(*pair) for pair in pairs(items)}, "rule")


def by_endpoint(items: Iterable[Item], endpoint: Endpoint) -> WrittenQuestions:
    """Attribute questions by a model. A label whose answers hold fewer than three questions gets none, and is a problem.

    Raises:
        EndpointFailed: the endpoint does not answer; what it answered before is kept.
    """
    texts: dict[Pair, Sequence[str]] = {}
    problems = []
    for pair in pairs(items):
        answer = ""
        for attempt in range(_ATTEMPTS):
            answer = endpoint.ask(prompt(*pair), attempt).answer
            lines = questions_in(answer)
            if len(lines) >= WANTED and not any(repeated(lines[:WANTED])):
                texts[pair] = lines[:WANTED]
                break
        else:
            problems.append(
                f"{' '.join(pair)}: {_ATTEMPTS} answers of {endpoint.model} without {WANTED} different questions, each on a "
                f"line; the last is {' '.join(answer.split())[:100]!r}; its items get no attribute question"
            )
    return WrittenQuestions(texts, endpoint.model, problems)


def write(built: dataset.BuiltDataset, written: WrittenQuestions, *, seed: int, k: int) -> dataset.BuiltDataset:
    """Write the questions of a data set; older ones are replaced. The same input gives the same bytes.

    Args:
        built: the data set.
        written: attribute questions of its labels.
        seed: draws templates, attribute questions, and labels that are absent.
        k: questions about absent labels per item.
    """
    items = list(built.items.values())
    exhaustive = frozenset(source.name for source in built.card.sources if source.exhaustive)
    asked = [question for item in items for question in _of_item(item, written, seed)]
    asked += absent(items, exhaustive, k, seed)
    settings = built.card.settings | {"questions": {"seed": seed, "absent": k, "attribute_author": written.author}}
    dataset.write(built.folder, built.card.name, items, asked, built.card.sources, settings)
    return dataset.read(built.folder)


def _of_item(item: Item, written: WrittenQuestions, seed: int) -> Iterator[BoxQuestion]:
    yield localization(item, seed)
    texts = written.texts.get((item.modality, item.label), ())
    if not texts:
        return
    identifier = f"{item.id}-attribute"
    number = int(rank(seed, identifier), 16) % len(texts)
    doubts = flags(texts[number], item.label)
    if repeated(texts)[number]:
        doubts.append(Flag(code="repeated", reason="says the same as another question of this label"))
    yield BoxQuestion(
        id=identifier,
        item=item.id,
        kind="attribute",
        text=texts[number],
        label=item.label,
        author=f"{written.author}, {number + 1} of {len(texts)}",
        flags=doubts,
    )
