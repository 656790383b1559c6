"""Find the methods that are controls, and those that read the references, from their classes, without importing them."""

from __future__ import annotations

from lmms_vg.extensions.class_source import lineage, stated
from lmms_vg.extensions.registered import methods


def is_control(method: str) -> bool:
    """Return whether a method's class says that it is a control; a method that is not installed here is none."""
    return _states(method, "control")


def reads_references(method: str) -> bool:
    """Return whether a method uses the annotated boxes of the questions that it answers; a control keeps away from them."""
    return _states(method, "needs_boxes") and not is_control(method)


def controls(control: str, method: str) -> bool:
    """Return whether a method is a control for another one, whose class its own class extends."""
    registered = methods()
    if control not in registered or method not in registered or not is_control(control):
        return False
    return not is_control(method) and registered[method].value in lineage(registered[control].value)


def _states(method: str, attribute: str) -> bool:
    entry = methods().get(method)
    return entry is not None and stated(entry.value, attribute) is True
