"""Commands on submissions: make a bundle from finished runs, validate it, export it to other formats."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmms_vg.cli.outputs import add_output, output
from lmms_vg.cli.paths import existing, missing
from lmms_vg.cli.printing import print_lines
from lmms_vg.cli.unknown_arguments import require
from lmms_vg.paper.protocols import PROTOCOLS

if TYPE_CHECKING:
    from lmms_vg.submission.schema import Manifest
    from lmms_vg.submission.submit import Submitted


def add(commands: Any) -> None:
    """Add `submit`, `validate` and `export`."""
    submit = commands.add_parser("submit", help="pack finished runs of one model into bundles, one per method")
    submit.add_argument(
        "runs",
        type=existing,
        nargs="+",
        metavar="RUN",
        help="--output_path of a run with --log_samples, or its *_results.json; for a run with --methods: out/*",
    )
    submit.add_argument(
        "--card",
        type=existing,
        required=True,
        metavar="FILE",
        help="JSON file: name, parameters (billions, or null), trained_on (data sets whose training split the model saw), ...",
    )
    submit.add_argument(
        "--protocol",
        metavar="NAME",
        help=f"submit only measurements and the tasks of this protocol: {', '.join(PROTOCOLS)}",
    )
    submit.add_argument("--tasks", default="", metavar="NAME,...", help="submit only these tasks or groups")
    submit.add_argument(
        "-o",
        "--out",
        type=_bundles,
        required=True,
        metavar="OUT",
        help="new file BUNDLE.zip, for one method; or a folder, for one <model>-<run's folder>/bundle.zip per method",
    )
    submit.set_defaults(command=_submit)

    validate = commands.add_parser("validate", help="check bundles offline: recompute every score from the answers")
    validate.add_argument("bundles", type=Path, nargs="*", metavar="BUNDLE.zip", help="bundle to check")
    validate.add_argument(
        "--schema", action="store_true", help="print the JSON Schema of a bundle's manifest and lines"
    )
    validate.add_argument(
        "--codes", action="store_true", help="print the codes of all reasons to refuse a bundle, and their meanings"
    )
    validate.set_defaults(command=_validate)

    export = commands.add_parser(
        "export", help="convert a bundle to model card metadata, lmms-eval results, or MMMU's submission file"
    )
    export.add_argument("bundle", type=existing, metavar="BUNDLE.zip", help="bundle to convert")
    export.add_argument(
        "--to",
        required=True,
        choices=("model-index", "lmms-eval", "mmmu"),
        help="model-index: YAML for the top of a model card; lmms-eval: results and samples, for report and compare; "
        "mmmu: answers of mmmu_med_test, for its evaluation server",
    )
    add_output(export, "new", required=True, metavar="FILE", help="new file to write; for lmms-eval, a new folder")
    export.set_defaults(command=_export)


def _bundles(text: str) -> Path:
    """Return the place to write bundles to: a new file, or a folder that may hold some."""
    return output("-o", "new" if text.endswith(".zip") else "folder")(text)


def _submit(args: argparse.Namespace) -> int:
    from lmms_vg.tasks.yaml_files import groups, tasks

    require("--protocol", filter(None, [args.protocol]), PROTOCOLS)
    require("--tasks", filter(None, args.tasks.split(",")), [*groups(), *sorted(tasks())])

    from lmms_vg.submission.choice import choice
    from lmms_vg.submission.findings import Rejected
    from lmms_vg.submission.submit import by_method, read_card, submit

    chosen = choice(args.protocol, [name for name in args.tasks.split(",") if name])
    card = read_card(args.card)
    bundles = {args.out: args.runs} if args.out.suffix == ".zip" else by_method(args.runs, card, args.out)
    status = 0
    for out, runs in bundles.items():
        try:
            print_lines(_summary(out, submit(runs, card, out, chosen)))
        except Rejected as problem:  # the other methods' bundles are still made
            status = 1
            print_lines([f"{out}: no bundle was made:", *(f"  {finding}" for finding in problem.findings)])
    return status


def _summary(out: Path, submitted: Submitted) -> Iterator[str]:
    checked, ignored, left_out, maps = submitted
    assert checked.entry is not None, "submit raises if there are errors"
    manifest = checked.entry.manifest
    size = out.stat().st_size
    yield f"{out}: {manifest.card.name}, {_label(manifest)}, {len(manifest.tasks)} tasks, {size:,} bytes"
    if ignored:
        yield f"  left out, because they are not tasks of lmms_vg: {', '.join(ignored)}"
    if left_out:
        yield f"  left out, because they were not chosen: {', '.join(left_out)}"
    yield from (f"  {task}: {note}" for task, note in maps.items())
    yield from (f"  {finding}" for finding in checked.findings)


def _label(manifest: Manifest) -> str:
    from lmms_vg.runs.method_spec import under

    return "answers only" if manifest.run is None else under(manifest.run.method.label, manifest.run.control)


def _validate(args: argparse.Namespace) -> int:
    import json

    from lmms_vg.submission.findings import CODES, NOTES
    from lmms_vg.submission.json_schema import json_schema

    if args.schema:
        return print_lines([json.dumps(json_schema(), indent=1, sort_keys=True)])
    if args.codes:
        return print_lines(f"{code:22}{'(note) ' * (code in NOTES)}{meaning}" for code, meaning in CODES.items())
    if not args.bundles:
        raise ValueError("validate: name a bundle, such as submissions/my-model/bundle.zip")
    absent = {path: problem for path in args.bundles if (problem := missing(path))}
    if len(absent) == len(set(args.bundles)):
        raise ValueError(next(iter(absent.values())))

    from lmms_vg.submission.validate import check

    status = 0
    for path in args.bundles:
        try:
            checked = None if path in absent else check(path)
            unread = absent.get(path)
        except OSError as problem:
            checked, unread = None, f"{path}: {problem.strerror}"
        if checked is None:  # the bundles after it are still checked
            status = 2
            print_lines([str(unread)])
            continue
        status = max(status, int(bool(checked.errors)))
        print_lines(
            [f"{path}: {'INVALID' if checked.errors else 'valid'}", *(f"  {finding}" for finding in checked.findings)]
        )
        sys.stdout.flush()
    return status


def _export(args: argparse.Namespace) -> int:
    from lmms_vg.submission.export import lmms_eval, mmmu, model_index
    from lmms_vg.submission.validate import check

    checked = check(args.bundle)
    notes = [f"  {finding}" for finding in checked.findings]
    if checked.entry is None:
        print_lines([f"{args.bundle}: INVALID, nothing was exported", *notes])
        return 1
    write = {"model-index": model_index.write, "lmms-eval": lmms_eval.write, "mmmu": mmmu.write}[args.to]
    write(args.bundle, checked.entry, args.out)
    return print_lines([str(args.out), *notes])
