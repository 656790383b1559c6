"""Registered classes by name, each imported at its first use."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from loguru import logger

from lmms_vg.extensions.entries import Extension

T = TypeVar("T")


class ExtensionError(ValueError):
    """A registered family or method cannot be used; the message names it and its distribution."""


class Classes(Mapping[str, type[T]], Generic[T]):
    """Subclasses of a base class by registered name. Iteration, `in` and `len` import nothing."""

    def __init__(
        self,
        registered: Callable[[], Mapping[str, Extension]],
        base: type,
        fault_of: Callable[[Any], str] = lambda cls: "",
    ) -> None:
        """Create the mapping. It also shows classes that are registered later.

        Args:
            registered: returns the registered entries by name.
            base: the base class.
            fault_of: returns what is wrong with a subclass; empty if nothing is.
        """
        self._registered, self._base, self._fault_of = registered, base, fault_of
        self._loaded: dict[Extension, type[T]] = {}

    def __getitem__(self, name: str) -> type[T]:
        """Return the class of a name.

        Raises:
            KeyError: the name is not registered.
            ExtensionError: the class cannot be imported, or is not a valid subclass.
        """
        entry = self._registered()[name]
        if entry not in self._loaded:
            self._loaded[entry] = self._load(entry)
        return self._loaded[entry]

    def __contains__(self, name: object) -> bool:
        return name in self._registered()

    def __iter__(self) -> Iterator[str]:
        return iter(self._registered())

    def __len__(self) -> int:
        return len(self._registered())

    def usable(self) -> dict[str, type[T]]:
        """Return all classes that can be imported; log a warning for each other one."""
        classes = {}
        for name in self:
            try:
                classes[name] = self[name]
            except ExtensionError as problem:
                logger.warning(f"lmms_vg: {problem}")
        return classes

    def fault(self, cls: Any, name: str) -> str:
        """Return what prevents a class from being registered under a name; empty if nothing does."""
        if not (isinstance(cls, type) and issubclass(cls, self._base)):
            return f"is not a subclass of {self._base.__module__}.{self._base.__name__}"
        if inspect.isabstract(cls):
            return f"does not define {', '.join(sorted(vars(cls)['__abstractmethods__']))}"
        if getattr(cls, "name", None) != name:
            return f"has name = {getattr(cls, 'name', None)!r}, but is registered as {name!r}"
        return self._fault_of(cls)

    def _load(self, entry: Extension) -> type[T]:
        try:
            cls = entry.load()
        except (Exception, SystemExit) as problem:
            raise ExtensionError(
                f"{entry} cannot be imported from {entry.value}: {type(problem).__name__}: {problem}; uninstall "
                f"{entry.distribution}, or install a working version"
            ) from problem
        if fault := self.fault(cls, entry.name):
            raise ExtensionError(f"{entry}: {entry.value} {fault}")
        checked: type[T] = cls
        return checked
