"""lmms-eval itself, in this process, with an exit status that tells failure."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lmms_eval.__main__ as host
import lmms_eval.tasks
from lmms_eval.models import MODEL_REGISTRY_V2

from lmms_vg import plugin
from lmms_vg.extensions.registered import model_ids
from lmms_vg.host import entry_points, failure

#: Of a run whose results were saved, but lack something: a task without values, failures that were scored.
INCOMPLETE = 3


def run(arguments: Sequence[str]) -> int:
    """lmms-eval with these arguments; 1 when it reported an error, which lmms-eval alone answers with status 0.

    Raises:
        SystemExit: for what makes a run impossible, with the message; before anything is asked where it can be known.
    """
    _require_our_models()
    plugin.add_tasks(lmms_eval.tasks)  # a hook of another plugin may have kept ours from it
    failures: list[BaseException] = []
    evaluate = host.cli_evaluate_single

    def watched(options: Any) -> Any:
        if options.tasks is None:  # lmms-eval says so too, and exits with 0
            raise SystemExit("lmms-vg: --tasks is missing; name some (lmms-vg tasks), or: --tasks list")
        _require_folder(options.output_path)
        try:
            results, samples = evaluate(options)
        except failure.RunFailed as problem:  # of several configurations; lmms-eval would print a traceback
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
        noted = failure.take()
    return 1 if failures else INCOMPLETE if noted else 0


def _require_saved(out: str, results: Mapping[str, Any], samples: Mapping[str, Sequence[Any]]) -> None:
    problem = unsaved(Path(out), results, samples)
    if problem:
        failure.note(
            f"results were not saved in {out} ({problem}); make room there, or name another --output_path: answers of "
            "lmms_vg's models are in the journal, and the same command asks nothing anew"
        )


def unsaved(out: Path, results: Mapping[str, Any], samples: Mapping[str, Sequence[Any]]) -> str:
    """What lmms-eval failed to write, which it says in its log only; empty if everything is there and whole."""
    stem = out / (results.get("model_name_sanitized") or "") / str(results["date"]).replace(":", "-")
    path = Path(f"{stem}_results.json")
    try:
        json.loads(path.read_text(encoding="utf-8"))
        for task, lines in samples.items():
            path = Path(f"{stem}_samples_{task}.jsonl")
            with path.open("rb") as file:
                whole = sum(line.endswith(b"\n") for line in file)
            if whole != len(lines):
                raise ValueError(f"{whole} of {len(lines)} lines")
    except OSError as problem:
        return f"{path}: {problem.strerror}"
    except ValueError as problem:
        return f"{path} is cut short: {problem}"
    return ""


def _require_folder(out: str | None) -> None:
    """What cannot be made a folder is said before anything is asked."""
    if not out:
        return
    there = next(path for path in (Path(out).absolute(), *Path(out).absolute().parents) if os.path.lexists(path))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise SystemExit(f"lmms-vg: --output_path {out}: {there} is no folder that can be written; name another")


def _require_our_models() -> None:
    """Another plugin's entry point may keep lmms-eval from knowing ours."""
    if set(model_ids()) <= set(MODEL_REGISTRY_V2.list_canonical_model_ids()):
        return
    culprit = entry_points.culprit()
    raise SystemExit(
        f"lmms-vg: lmms-eval knows none of our models: entry point {culprit.name} of {culprit.of} fails, and lmms-eval skips "
        f"all behind it: {type(culprit.failure).__name__}: {culprit.failure}. Uninstall {culprit.of}, or install a version of "
        "it that works (lmms-vg doctor says more)"
        if culprit
        else "lmms-vg: lmms-eval knows none of our models; lmms-vg doctor says why"
    )
