"""`lmms-vg run --dry-run`: what a run with lmms-eval's arguments, or with those of its `--config` file, would ask and take."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lmms_vg.cli.paths import missing
from lmms_vg.cli.printing import announce
from lmms_vg.extensions.registered import model_ids
from lmms_vg.plugin import ALIASES

_OPTIONS = ("model", "model_args", "methods", "tasks")


def forecasts(arguments: Sequence[str]) -> Iterator[str]:
    """Yield what a run with these arguments would ask and take; of a configuration file, of each run in it.

    Raises:
        ValueError: a model is not ours, its checkpoint cannot be loaded, or the file is no configuration.
    """
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    for option in (*_OPTIONS, "config"):
        parser.add_argument(f"--{option}")
    given = vars(parser.parse_known_args(arguments)[0])
    typed = {name: value for name, value in given.items() if value is not None}
    for configuration in configurations(typed.pop("config", None)):
        stated = {**configuration, **typed}  # the command line overrides the file, as in lmms-eval
        yield from _forecast({name: _text(stated.get(name)) for name in _OPTIONS})


def configurations(path: str | None) -> list[dict[str, Any]]:
    """Read a configuration file of lmms-eval: one run, or a list of runs; without a file, one run of which nothing is stated.

    Raises:
        ValueError: it is not there, or holds anything else.
    """
    if path is None:
        return [{}]
    if problem := missing(Path(path)):
        raise ValueError(f"--config {problem}")
    import yaml

    try:
        read = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise ValueError(f"--config {path}: not YAML: {' '.join(str(problem).split())}") from None
    runs = read if isinstance(read, list) else [read]
    if not runs or not all(isinstance(run, dict) for run in runs):
        raise ValueError(f"--config {path}: allowed is a mapping such as 'model: huatuo_plain', or a list of such")
    return runs


def methods_of(model: str, methods: str) -> list[str]:
    """Return family and methods that `--model` and `--methods` name; nothing for models that are not ours."""
    if methods:
        return [model, *methods.split(",")]
    names = {alias: name for name, aliases in ALIASES.items() for alias in aliases}
    return list(model_ids().get(names.get(model, model), ("",)))


def _text(value: Any) -> str:
    """Return a value of a file as it would be typed: lists and mappings are allowed there."""
    if isinstance(value, dict):
        return ",".join(f"{name}={part}" for name, part in value.items())
    return ",".join(map(str, value)) if isinstance(value, list) else str(value or "")


def _forecast(run: dict[str, str]) -> Iterator[str]:
    family, *names = methods_of(run["model"], run["methods"])
    if not names:
        raise ValueError(f"--dry-run: --model {run['model']!r} is not ours, so its cost is not known; lmms-vg models")
    announce("reading data sets and small files")

    from lmms_vg.reproduce.forecast import forecast

    pairs = dict(part.split("=", 1) for part in run["model_args"].split(",") if "=" in part)
    yield from forecast(family, names, pairs.get("pretrained"), [name for name in run["tasks"].split(",") if name])
