"""Correct p-values for the number of comparisons that were made."""

from __future__ import annotations

from collections.abc import Mapping


def holm(p_values: Mapping[str, float], family: int = 0) -> dict[str, float]:
    """Adjust p-values for several comparisons by Holm's (1979) step-down method; the order is kept.

    The k-th smallest of m p-values is multiplied by m + 1 - k, but is at most 1 and not below the adjusted ones before it.

    Args:
        p_values: name -> p-value.
        family: number of comparisons that were made, if that is more than are given: m is then this number, as if the
            others had larger p-values.

    Raises:
        ValueError: a p-value is outside 0 to 1.

    >>> holm({"PAI": 0.5, "VGRefine": 0.25})
    {'PAI': 0.5, 'VGRefine': 0.5}
    >>> holm({"VGRefine": 0.01}, family=14)
    {'VGRefine': 0.14}
    """
    for name, p in p_values.items():
        if not 0 <= p <= 1:
            raise ValueError(f"{name}: p-value {p!r}: allowed is 0 to 1")
    tests = max(family, len(p_values))
    adjusted, highest = dict(p_values), 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        highest = max(highest, min(1.0, (tests - rank) * p_values[name]))
        adjusted[name] = highest
    return adjusted
