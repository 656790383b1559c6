"""An argument parser that suggests the name that was meant."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from typing import Any

from lmms_vg._util.suggest import suggest


class _Commands(argparse._SubParsersAction):  # type: ignore[type-arg]  # Python 3.10 cannot subscript it
    """Subparsers whose own help begins with the sentence that describes them in the list of commands."""

    def add_parser(self, name: str, **settings: Any) -> Any:
        about = settings["help"]
        return super().add_parser(name, description=f"{about[0].upper()}{about[1:]}.", **settings)


class SuggestingParser(argparse.ArgumentParser):
    """Names the choice or option that is most like what was typed; its subparsers do so, too."""

    def add_subparsers(self, **settings: Any) -> Any:
        """Add commands, each with a `help` that its own help text repeats."""
        return super().add_subparsers(action=_Commands, **settings)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            meant = suggest(str(value), map(str, action.choices))
            raise argparse.ArgumentError(action, f"{value!r}: {meant}allowed is {', '.join(map(str, action.choices))}")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and keep in `options` the names of the options of the command that was chosen."""
        names = [name for action in self._actions for name in action.option_strings if name.startswith("--")]
        parsed, more = super().parse_known_args(args, namespace)
        parsed.options = [*getattr(parsed, "options", ()), *names]
        return parsed, more


def unknown_option(given: Collection[str], known: Collection[str]) -> str:
    """Suggest an option for the first that is neither known nor the beginning of one; empty if there is none."""
    for argument in given:
        name = argument.partition("=")[0]
        written = {name, f"--{name[2:].replace('-', '_')}"}
        if name.startswith("--") and not any(option.startswith(tuple(written)) for option in known):
            return f"{name}: {suggest(name, known)}it is not an option here; --help lists them"
    return ""
