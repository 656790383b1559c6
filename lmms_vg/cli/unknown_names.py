"""Find unknown models and tasks before lmms-eval is imported, which takes seconds.

lmms-eval's tasks are searched in the text of its files. A name that occurs there may still be no task; then lmms-eval itself
reports it.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterable, Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from lmms_vg._util.suggest import suggest
from lmms_vg.extensions.host_models import host_models
from lmms_vg.extensions.registered import model_ids
from lmms_vg.host.entry_points import GROUP
from lmms_vg.plugin import ALIASES

#: Matches patterns of several tasks, files, and requests for a list.
_NO_NAME = re.compile(r"[*?/\\\[]|\.ya?ml$|^list")


def unknown_name(arguments: Sequence[str], family: bool = False) -> str:
    """Return a message about the first unknown name in lmms-eval's arguments; empty if every name may be known.

    Args:
        arguments: of lmms-eval's command line.
        family: whether `--model` names a family, which is not checked here.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for option in ("--model", "--tasks", "--include_path", "--config"):
        parser.add_argument(option)
    given, _ = parser.parse_known_args([argument for argument in arguments if argument not in ("-h", "--help")])
    if given.config:
        return ""
    host = _host()
    if host is None:
        return ""
    if given.model and not family and not _plugins_of_others(GROUP):
        message = _unknown_model(given.model)
        if message:
            return message
    if given.tasks and not given.include_path and not _plugins_of_others("lmms_eval.tasks"):
        return _unknown_task(given.tasks.split(","), host)
    return ""


def _unknown_model(name: str) -> str:
    ours = [*model_ids(), *(alias for aliases in ALIASES.values() for alias in aliases)]
    theirs = host_models()
    if name in ours or name in theirs or not theirs:  # none: this lmms-eval is not laid out like ours
        return ""
    suggestion = suggest(name, [*ours, *sorted(theirs)])
    return (
        f"--model {name}: {suggestion}lmms_vg's are <family>_<method> (lmms-vg methods), lmms-eval's: lmms-eval models"
    )


def _unknown_task(names: Iterable[str], host: Path) -> str:
    from lmms_vg.tasks.yaml_files import groups, tasks

    ours = {*groups(), *tasks(), *_own_names()}
    asked = [name.strip() for name in names if name.strip() and not _NO_NAME.search(name.strip())]
    asked = [name for name in asked if name not in ours]
    if not asked:
        return ""
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in (host / "tasks").rglob("*.yaml")]
    for name in asked:
        if name == "own":
            return "--tasks own: name your own questions: --data mine.jsonl, or LMMS_VG_OWN=mine.jsonl (docs/add_a_dataset.md)"
        if not _is_word_of(name, texts):
            suggestion = suggest(name, ours)
            return f"--tasks {name}: {suggestion}lmms_vg's tasks: lmms-vg tasks; lmms-eval's: --tasks list"
    return ""


def _own_names() -> list[str]:
    if not os.environ.get("LMMS_VG_OWN"):
        return []
    from lmms_vg.tasks.own_tasks import own_groups  # late: it imports what reads data sets

    return [*own_groups(), *own_groups()["own"]]


def _is_word_of(name: str, texts: Iterable[str]) -> bool:
    word = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
    return any(name in text and word.search(text) for text in texts)


def _host() -> Path | None:
    spec = find_spec("lmms_eval")
    return Path(spec.origin).parent if spec and spec.origin else None


def _plugins_of_others(group: str) -> bool:
    return any(entry.value.split(".")[0] != "lmms_vg" for entry in metadata.entry_points(group=group))
