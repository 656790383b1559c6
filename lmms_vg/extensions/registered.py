"""What is registered: families, methods, and the model ids `<family>_<method>` they make; no id is made twice.

Both names may hold underscores, so two pairs can come to the same id, as can two methods of one name. What is not ours among
them is left out with a warning; all else is registered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import product
from typing import NamedTuple

from loguru import logger

from lmms_vg.extensions.entries import OURS, Extension, Kind, entries


class Registered(NamedTuple):
    """Entries by name, and messages about those that were left out."""

    families: dict[str, Extension]
    methods: dict[str, Extension]
    problems: list[str]


@cache
def registered() -> Registered:
    """Read once a process; every problem is a warning."""
    found = entries()
    problems = [] if any(entry.distribution == OURS for entry in found) else [_NONE_OF_OURS]
    left_out = {entry for entry in found if not entry.name.isidentifier()}
    problems += [f"{entry} is left out: letters, digits and _ make a name" for entry in sorted(left_out)]
    for model_id, clashing in clashes([entry for entry in found if entry not in left_out]):
        losing = sorted(entry for entry in clashing if entry.distribution != OURS)
        left_out |= {*losing}
        problems.append(
            f"{_clash(model_id, clashing)}; left out: {_listed(losing)}; rename it, or uninstall one of the two"
        )
    for problem in problems:
        logger.warning(f"lmms_vg: {problem}")
    kept = [entry for entry in found if entry not in left_out]
    return Registered(_by_name(kept, "family"), _by_name(kept, "method"), problems)


_NONE_OF_OURS = (
    "none of its own methods is registered: the metadata of its installation is missing, or older than its code; install it "
    "again (in a checkout: pip install --no-deps -e .)"
)


def families() -> Mapping[str, Extension]:
    """Families by name."""
    return registered().families


def methods() -> Mapping[str, Extension]:
    """Methods by name."""
    return registered().methods


def model_ids() -> dict[str, tuple[str, str]]:
    """Family and method of every `<family>_<method>`."""
    return {f"{family}_{method}": (family, method) for family, method in product(families(), methods())}


def add_method(entry: Extension) -> None:
    """Register a method for this process.

    Raises:
        ValueError: it would make a model id that there is; the message names both.
    """
    known = registered()
    for model_id, clashing in clashes([*known.families.values(), *known.methods.values(), entry]):
        raise ValueError(f"{_clash(model_id, clashing)}; give it another name")
    known.methods[entry.name] = entry


def clashes(found: Iterable[Extension]) -> Iterator[tuple[str, frozenset[Extension]]]:
    """Sets of entries that make one model id in several ways, each set once with the first such id."""
    pairs: dict[str, list[frozenset[Extension]]] = defaultdict(list)
    for family, method in product(*([entry for entry in found if entry.kind == kind] for kind in ("family", "method"))):
        pairs[f"{family.name}_{method.name}"].append(frozenset((family, method)))
    seen = set()
    for model_id, several in pairs.items():
        differing = frozenset.union(*several) - frozenset.intersection(*several)
        if differing and differing not in seen:
            seen.add(differing)
            yield model_id, differing


def _clash(model_id: str, clashing: Iterable[Extension]) -> str:
    return f"{_listed(clashing)} make one model id, {model_id}"


def _listed(found: Iterable[Extension]) -> str:
    return " and ".join(map(str, sorted(found)))


def _by_name(found: Iterable[Extension], kind: Kind) -> dict[str, Extension]:
    return {entry.name: entry for entry in found if entry.kind == kind}
