"""Registered families and methods, and the model ids `<family>_<method>` they form; every id is unique.

Both names may contain underscores, so two pairs can form the same id, as can two methods of one name; and lmms-eval has models
of its own. Of such entries, those that are not ours are left out with a warning.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from typing import NamedTuple

from lmms_vg.extensions.entries import OURS, Extension, Kind, entries


class Registered(NamedTuple):
    """Registered entries by name, and messages about entries that were left out."""

    families: dict[str, Extension]
    methods: dict[str, Extension]
    problems: list[str]


@cache
def registered() -> Registered:
    """Read the entries, once per process; every problem is logged as a warning."""
    extensions = entries()
    problems = [] if any(entry.distribution == OURS for entry in extensions) else [_NONE_OF_OURS]
    left_out = {entry for entry in extensions if not entry.name.isidentifier()}
    problems += [f"{entry} is left out: its name may contain only letters, digits and _" for entry in sorted(left_out)]
    for model_id, clashing in clashes([entry for entry in extensions if entry not in left_out]):
        losing = sorted(entry for entry in clashing if entry.distribution != OURS)
        left_out |= {*losing}
        problems.append(
            f"{_clash(model_id, clashing)}; left out: {_listed(losing)}; rename it, or uninstall one of the two"
        )
    for model_id, pair in _of_the_host([entry for entry in extensions if entry not in left_out]):
        losing = sorted(entry for entry in pair if entry.distribution != OURS)
        if left_out.issuperset(losing):  # a method can meet several models of lmms-eval
            continue
        left_out |= {*losing}
        problems.append(f"{_taken(model_id, pair)}; left out: {_listed(losing)}; rename it")
    for problem in problems:
        from loguru import logger  # late: it takes as long as the rest of `--help`

        logger.warning(f"lmms_vg: {problem}")
    kept = [entry for entry in extensions if entry not in left_out]
    return Registered(_by_name(kept, "family"), _by_name(kept, "method"), problems)


_NONE_OF_OURS = (
    "none of its own methods is registered: its installed metadata is missing or older than its code; install it again "
    "(in a checkout: pip install --no-deps -e .)"
)


def families() -> Mapping[str, Extension]:
    """Return the registered families by name."""
    return registered().families


def methods() -> Mapping[str, Extension]:
    """Return the registered methods by name."""
    return registered().methods


def model_ids() -> dict[str, tuple[str, str]]:
    """Return family and method of every model id `<family>_<method>`."""
    return {f"{family}_{method}": (family, method) for family, method in product(families(), methods())}


def add_method(entry: Extension) -> None:
    """Register a method for this process.

    Raises:
        ValueError: it would form a model id that exists already; the message names both entries, or lmms-eval.
    """
    known = registered()
    together = [*known.families.values(), *known.methods.values(), entry]
    for model_id, clashing in clashes(together):
        raise ValueError(f"{_clash(model_id, clashing)}; give it another name")
    for model_id, pair in _of_the_host(together):
        raise ValueError(f"{_taken(model_id, pair)}; give it another name")
    known.methods[entry.name] = entry


def clashes(extensions: Sequence[Extension]) -> Iterator[tuple[str, frozenset[Extension]]]:
    """Yield sets of entries that form one model id in several ways, each set once, with the first such id."""
    pairs: dict[str, list[frozenset[Extension]]] = defaultdict(list)
    for family, method in _pairs(extensions):
        pairs[f"{family.name}_{method.name}"].append(frozenset((family, method)))
    seen = set()
    for model_id, sets in pairs.items():
        differing = frozenset.union(*sets) - frozenset.intersection(*sets)
        if differing and differing not in seen:
            seen.add(differing)
            yield model_id, differing


def _of_the_host(extensions: Sequence[Extension]) -> Iterator[tuple[str, tuple[Extension, Extension]]]:
    """Yield family and method of every model id that lmms-eval has too, where one of them is not ours."""
    for family, method in _pairs(extensions):
        if OURS == family.distribution == method.distribution:
            continue
        from lmms_vg.extensions.host_models import host_models  # only where somebody has registered something

        if (model_id := f"{family.name}_{method.name}") in host_models():
            yield model_id, (family, method)


def _pairs(extensions: Sequence[Extension]) -> Iterator[tuple[Extension, Extension]]:
    entries_of = {kind: [entry for entry in extensions if entry.kind == kind] for kind in ("family", "method")}
    return product(entries_of["family"], entries_of["method"])


def _taken(model_id: str, pair: Iterable[Extension]) -> str:
    return f"{_listed(pair)} form the model id {model_id}, and lmms-eval has a model of this name"


def _clash(model_id: str, clashing: Iterable[Extension]) -> str:
    return f"{_listed(clashing)} form the same model id, {model_id}"


def _listed(extensions: Iterable[Extension]) -> str:
    return " and ".join(map(str, sorted(extensions)))


def _by_name(extensions: Iterable[Extension], kind: Kind) -> dict[str, Extension]:
    return {entry.name: entry for entry in extensions if entry.kind == kind}
