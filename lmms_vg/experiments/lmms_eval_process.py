"""Run lmms-eval in this process, with an exit status that reports failure."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import lmms_eval.__main__ as host
import lmms_eval.api.task as host_task
import lmms_eval.evaluator as host_evaluator
import lmms_eval.tasks
from lmms_eval.models import MODEL_REGISTRY_V2

from lmms_vg import plugin
from lmms_vg.extensions.registered import model_ids
from lmms_vg.host import entry_points, failure, quiet
from lmms_vg.inference import run_report

#: Exit status of a run whose saved results lack something: a task has no values, or failures were scored.
INCOMPLETE = 3


class Saved(NamedTuple):
    """A run whose files are complete: its `--output_path` and its results file."""

    out: Path
    results: Path


_saved: list[Saved] = []


def take_saved() -> list[Saved]:
    """Return and forget the runs that this process has saved, in order."""
    runs = list(_saved)
    _saved.clear()
    return runs


def run(arguments: Sequence[str]) -> int:
    """Run lmms-eval with these arguments.

    Returns:
        0, or 1 if lmms-eval reported an error (its own status would be 0), or `INCOMPLETE`.

    Raises:
        SystemExit: The run is impossible; if that can be known, before anything is asked.
    """
    _require_our_models()
    plugin.add_tasks(lmms_eval.tasks)  # another plugin's hook may have prevented ours
    failures: list[BaseException] = []
    evaluate = host.cli_evaluate_single

    def watched(options: Any) -> Any:
        if options.tasks is None:  # lmms-eval would exit with 0
            raise SystemExit("lmms-vg: --tasks is missing; lmms-vg tasks and --tasks list show what is allowed")
        options.tasks = _as_names(options.tasks)
        _require_folder(options.output_path)
        quiet.warnings_only()
        try:
            with _named_bars(), _timed_scoring(), _names_of_its_own(options.output_path):
                results, samples = evaluate(options)
        except failure.RunFailed as problem:  # one of several configurations; lmms-eval would print a traceback
            print(f"lmms-vg: {problem}", file=sys.stderr)
            failures.append(problem)
            return None, None
        except BaseException as problem:
            failures.append(problem)
            raise
        if results is not None and options.output_path:  # only the first rank has any
            _require_saved(options.output_path, results, samples or {})
        return results, samples

    argv, sys.argv = sys.argv, ["lmms-eval", *arguments]
    host.cli_evaluate_single = watched
    try:
        host.cli_evaluate()
    finally:
        sys.argv, host.cli_evaluate_single = argv, evaluate
        notes = failure.take()
    return 1 if failures else INCOMPLETE if notes else 0


def _as_names(tasks: str) -> str:
    """A task's name twice where a folder without task files has it, too: lmms-eval would look for the tasks in there."""
    folder = Path(tasks)
    return f"{tasks},{tasks}" if folder.is_dir() and not any(folder.glob("*.yaml")) else tasks


def _require_saved(out: str, results: Mapping[str, Any], samples: Mapping[str, Sequence[Any]]) -> None:
    problem = unsaved(Path(out), results, samples)
    if not problem:
        _saved.append(Saved(Path(out), _stem(Path(out), results, "_results.json")))
    else:
        failure.note(
            f"results were not saved in {out} ({problem}); free space there, or name another --output_path: answers of "
            "lmms_vg's models are in the journal, so the same command asks no question again"
        )


def unsaved(out: Path, results: Mapping[str, Any], samples: Mapping[str, Sequence[Any]]) -> str:
    """Name what lmms-eval failed to write, which it reports only in its log; empty if all files are complete."""
    path = _stem(out, results, "_results.json")
    try:
        json.loads(path.read_text(encoding="utf-8"))
        for task, lines in samples.items():
            path = _stem(out, results, f"_samples_{task}.jsonl")
            with path.open("rb") as file:
                whole = sum(line.endswith(b"\n") for line in file)
            if whole != len(lines):
                raise ValueError(f"{whole} of {len(lines)} lines")
    except OSError as problem:
        return f"{path}: {problem.strerror}"
    except ValueError as problem:
        return f"{path} is cut short: {problem}"
    return ""


def _stem(out: Path, results: Mapping[str, Any], suffix: str) -> Path:
    """Return a file of a run, as lmms-eval names it."""
    return out / (results.get("model_name_sanitized") or "") / f"{str(results['date']).replace(':', '-')}{suffix}"


@contextmanager
def _named_bars() -> Iterator[None]:
    """Inside the block, lmms-eval's bar without a name has one; in a quiet run no bar is shown."""
    modules = host_task, host_evaluator
    bars = [module.tqdm for module in modules]
    host_task.tqdm = partial(bars[0], desc="reading questions", unit="question")
    host_evaluator.tqdm = quiet.unless_quiet(bars[1])
    try:
        yield
    finally:
        for module, bar in zip(modules, bars, strict=True):
            module.tqdm = bar


@contextmanager
def _timed_scoring() -> Iterator[None]:
    """Inside the block, what lmms-eval has scored states how long that took before it is saved."""
    evaluate = host_evaluator.simple_evaluate

    def timed(*arguments: Any, **options: Any) -> Any:
        results = evaluate(*arguments, **options)
        run_report.scored(results)
        return results

    host_evaluator.simple_evaluate = timed
    try:
        yield
    finally:
        host_evaluator.simple_evaluate = evaluate


@contextmanager
def _names_of_its_own(out: str | None) -> Iterator[None]:
    """Inside the block, delay a run by moments if its files would get the names of an earlier run's files.

    lmms-eval names files by the second and appends samples, so files of two quick runs would hold both.
    """
    dated: Callable[..., str] = host.utils.get_datetime_str

    def fresh(**zone: str) -> str:
        while any(Path(out or ".").glob(f"*/{(date := dated(**zone))}_*")):
            time.sleep(0.05)
        return date

    host.utils.get_datetime_str = fresh if out else dated
    try:
        yield
    finally:
        host.utils.get_datetime_str = dated


def _require_folder(out: str | None) -> None:
    """Refuse an output path that cannot become a folder, before anything is asked."""
    if not out:
        return
    existing = next(path for path in (Path(out).absolute(), *Path(out).absolute().parents) if os.path.lexists(path))
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise SystemExit(f"lmms-vg: --output_path {out}: {existing} is not a writable folder; name another path")


def _require_our_models() -> None:
    """Name the entry point of another plugin that keeps lmms-eval from finding our models."""
    if set(model_ids()) <= set(MODEL_REGISTRY_V2.list_canonical_model_ids()):
        return
    culprit = entry_points.culprit()
    raise SystemExit(
        f"lmms-vg: lmms-eval knows none of our models: entry point {culprit.name} of {culprit.of} fails, and lmms-eval skips "
        f"all after it: {type(culprit.failure).__name__}: {culprit.failure}. Uninstall {culprit.of}, or install a version of "
        "it that works (lmms-vg doctor says more)"
        if culprit
        else "lmms-vg: lmms-eval knows none of our models; lmms-vg doctor says why"
    )
