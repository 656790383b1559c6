"""Check lmms-eval's view of this package: the entry points, models and tasks it finds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from lmms_vg.doctor.check_result import Check, CheckResult, described, note, ok, problem
from lmms_vg.doctor.pip import pip, reinstall
from lmms_vg.extensions.classes import ExtensionError
from lmms_vg.extensions.entries import OURS
from lmms_vg.extensions.registered import model_ids, registered
from lmms_vg.host.entry_points import GROUP, loaded
from lmms_vg.plugin import TASK_FOLDER


def entry_points() -> Iterator[CheckResult]:
    """Load entry points as lmms-eval does and in its order: after the first that fails, it skips the rest."""
    ours_seen = False
    for entry in loaded():
        name, of = entry.name, entry.of
        failure = described(entry.failure) if entry.failure else None
        if failure is None:
            yield ok(f"entry point {name} of {of} loads")
        elif entry.ours:
            yield problem(f"our entry point fails, so lmms-eval knows none of our models: {failure}", reinstall())
        elif not ours_seen:
            yield problem(
                f"entry point {name} of {of} fails, and lmms-eval skips all after it, including ours: {failure}",
                f"{pip(f'uninstall {of}')}   (or install a version of it that works)",
            )
        else:
            yield note(f"entry point {name} of {of} fails; it comes after ours, which is found: {failure}")
        ours_seen = ours_seen or entry.ours
    if not ours_seen:
        yield problem(f"lmms-vg has no entry point in {GROUP}, so lmms-eval knows none of our models", reinstall())


def extensions() -> Iterator[CheckResult]:
    """Every registered family and method can be imported, and none was left out."""
    from lmms_vg.methods import METHODS
    from lmms_vg.models import FAMILIES

    known = registered()
    for message in known.problems:
        yield problem(message, f"{pip('uninstall NAME')}   (a package named here; if it is lmms_vg: {reinstall()})")
    for classes, entries in ((FAMILIES, known.families), (METHODS, known.methods)):
        for name, entry in entries.items():
            try:
                classes[name]
            except ExtensionError as failure:
                ours = entry.distribution == OURS
                yield problem(str(failure), reinstall() if ours else pip(f"uninstall {entry.distribution}"))
    yield ok(f"{len(known.families)} families and {len(known.methods)} methods are registered")


def models() -> Iterator[CheckResult]:
    """Every model name of ours resolves to our class in lmms-eval's registry."""
    from lmms_eval.models import MODEL_REGISTRY_V2 as registry

    known = set(registry.list_canonical_model_ids())
    absent = [name for name in model_ids() if name not in known]
    others = {name: registry.resolve(name).class_path for name in model_ids() if name in known}
    others = {name: path for name, path in others.items() if path != f"lmms_vg.harness.{name}"}
    if absent:
        yield problem(f"lmms-eval does not know {_some(absent)}", reinstall())
    if others:
        name, path = next(iter(others.items()))
        yield problem(
            f"another plugin has taken {_some(list(others))}: {name} is {path}",
            f"{pip('uninstall ' + path.partition('.')[0])}   (or the distribution that installs it)",
        )
    if not absent and not others:
        for name in model_ids():
            registry.get_model_class(name)
        yield ok(f"{len(model_ids())} models are found: {_some(list(model_ids()))}")


def tasks() -> Iterator[CheckResult]:
    """Every task name of ours resolves to our file in lmms-eval's index, so the hook works."""
    from lmms_eval.tasks import TaskManager

    names = sorted(file.stem for file in TASK_FOLDER.rglob("*.yaml"))  # a test checks that stems are names
    index = {name: str(entry.get("yaml_path")) for name, entry in TaskManager().task_index.items()}
    absent = [name for name in names if name not in index]
    others = [name for name in names if name in index and not Path(index[name]).is_relative_to(TASK_FOLDER)]
    kept = os.environ.get("LMMS_VG_KEEP_BUILTIN") == "1"
    if absent:
        yield problem(
            f"the hook is not in force: lmms-eval does not know our tasks {_some(absent)}",
            'lmms-eval --include_path "$(lmms-vg tasks --path)" ...   (in every run)',
        )
    if others and not kept:
        yield problem(
            f"other tasks have the names of ours: {_some([f'{name} ({index[name]})' for name in others])}",
            "lmms-eval --tasks vg_slake ...   (for ours instead of slake; uninstall the package that has the others)",
        )
    if not absent and (kept or not others):
        kept_tasks = f"; lmms-eval's own {', '.join(others)} is kept" if others else ""
        yield ok(f"{len(names)} tasks and groups are found{kept_tasks}: the hook is in force")


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


CHECKS: dict[str, Check] = {
    "entry points": entry_points,
    "families and methods": extensions,
    "models": models,
    "tasks": tasks,
}
