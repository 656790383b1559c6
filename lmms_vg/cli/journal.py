"""Commands on the journals of this machine: list them, delete old ones, move answers to another machine."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmms_vg.cli.outputs import add_output
from lmms_vg.cli.paths import existing
from lmms_vg.cli.printing import print_lines

if TYPE_CHECKING:
    from lmms_vg.journal.archive import Imported


def add(commands: Any) -> None:
    """Add `journal`."""
    journal = commands.add_parser(
        "journal", help="list and delete the journals of answers, or move them to another machine"
    )
    actions = journal.add_subparsers(required=True, metavar="ACTION")
    naming = "name of a folder in LMMS_VG_HOME/journal, or a pattern such as 'llava_*'"

    listing = actions.add_parser("list", help="list the journals: model, method, number of answers, size")
    listing.add_argument("names", nargs="*", metavar="NAME", default=["*"], help=f"{naming}; default: all")
    listing.set_defaults(command=_list)

    size = actions.add_parser("size", help="print the size of each journal and of all together")
    size.add_argument("names", nargs="*", metavar="NAME", default=["*"], help=f"{naming}; default: all")
    size.set_defaults(command=_size)

    prune = actions.add_parser("prune", help="delete journals; without --yes, only list them")
    prune.add_argument("names", nargs="*", metavar="NAME", help=naming)
    prune.add_argument(
        "--unwritten",
        type=_days,
        metavar="DAYS",
        help="only journals to which nothing was written for DAYS days; without NAME, all such journals",
    )
    prune.add_argument("--yes", action="store_true", help="delete the journals, except those in use by a job")
    prune.set_defaults(command=_prune)

    export = actions.add_parser(
        "export", help="write journals into a zip for another machine, or their maps into a Parquet file"
    )
    export.add_argument("names", nargs="+", metavar="NAME", help=naming)
    add_output(export, "new", required=True, metavar="FILE", help="new file to write: .zip, or .parquet for the maps")
    export.set_defaults(command=_export)

    load = actions.add_parser("import", help="add the answers of an exported zip to the journals of this machine")
    load.add_argument("file", type=existing, metavar="FILE", help=".zip file that lmms-vg journal export wrote")
    load.set_defaults(command=_import)


def _list(args: argparse.Namespace) -> int:
    from lmms_vg.journal.folders import contents, folders, last_written, size
    from lmms_vg.journal.lines import JournalError
    from lmms_vg.runs.text_tables import markdown

    rows, problems = [], []
    for folder in folders(args.names):
        written, taken = f"{last_written(folder):%Y-%m-%d %H:%M}", _megabytes(size(folder))
        try:
            held = contents(folder)
        except JournalError as problem:
            problems.append(str(problem))
            rows.append([folder.name, *[""] * 5, written, taken])
        else:
            counts = f"{held.answers:,}", f"{held.failures:,}"
            rows.append([folder.name, *_identity(held.provenance or {}), *counts, written, taken])
    if not rows:
        return print_lines(_none())
    head = ["journal", "model", "method", "dtype", "answers", "failures", "last written", "size"]
    return print_lines([markdown(head, rows, 4), *problems])


def _size(args: argparse.Namespace) -> int:
    from lmms_vg.journal.folders import folders, size
    from lmms_vg.runs.text_tables import markdown

    sizes = {folder.name: size(folder) for folder in folders(args.names)}
    if not sizes:
        return print_lines(_none())
    rows = [[name, _megabytes(taken)] for name, taken in [*sizes.items(), ("all", sum(sizes.values()))]]
    return print_lines([markdown(["journal", "size"], rows, 1)])


def _prune(args: argparse.Namespace) -> int:
    from lmms_vg.journal.folders import delete, folders, last_written, size, written_before

    if not args.names and args.unwritten is None:
        raise ValueError(
            "journal prune: name what to delete: journals, --unwritten DAYS, or both; lmms-vg journal list"
        )
    chosen = folders(args.names or ["*"])
    if args.unwritten is not None:
        chosen = [folder for folder in chosen if written_before(folder, args.unwritten)]
    if not chosen:
        return print_lines(["nothing to delete"])
    total = _megabytes(sum(map(size, chosen)))
    described = {
        folder: f"{folder.name}, {_megabytes(size(folder))}, last written {last_written(folder):%Y-%m-%d}"
        for folder in chosen
    }
    if not args.yes:
        return print_lines([*described.values(), f"nothing is deleted yet; --yes deletes these {len(chosen)}, {total}"])
    kept = 0
    for folder, line in described.items():
        reason = delete(folder)
        kept += bool(reason)
        print(f"kept {line}: {reason}" if reason else f"deleted {line}", flush=True)
    return int(kept > 0)


def _export(args: argparse.Namespace) -> int:
    from lmms_vg.journal.archive import export
    from lmms_vg.journal.folders import folders

    chosen = folders(args.names)
    if args.out.suffix == ".parquet":
        return _export_maps(chosen, args.out)
    if args.out.suffix != ".zip":
        raise ValueError(f"--out {args.out}: allowed is a .zip file, or a .parquet file for the maps")
    export(chosen, args.out)
    return print_lines([*(folder.name for folder in chosen), f"{args.out}: {_megabytes(args.out.stat().st_size)}"])


def _export_maps(chosen: Sequence[Path], out: Path) -> int:
    from lmms_vg.runs.map_export import export_maps

    exported = export_maps(chosen, out)
    missing = f"; {exported.without:,} measured questions have no map" if exported.without else ""
    return print_lines(
        [
            *(folder.name for folder in chosen),
            f"{out}: {exported.questions:,} questions, {exported.rows:,} rows, {_megabytes(out.stat().st_size)}{missing}",
        ]
    )


def _import(args: argparse.Namespace) -> int:
    from lmms_vg.journal.archive import load

    return print_lines(_imported(load(args.file)))


def _imported(journals: Sequence[Imported]) -> Iterator[str]:
    for journal in journals:
        yield (
            f"{journal.folder.name}: {journal.answers:,} answers and {journal.failures:,} failures added, "
            f"{journal.known:,} were there already"
        )


def _identity(provenance: dict[str, Any]) -> list[str]:
    """Model, method and dtype of a journal; empty where the journal does not say."""
    from pydantic import ValidationError

    from lmms_vg.runs.method_spec import MethodSpec, under

    try:
        method = under(MethodSpec.model_validate(provenance.get("method")).label, provenance.get("control"))
    except ValidationError:
        method = ""
    pretrained = dict(provenance.get("settings") or {}).get("pretrained", "")
    return [f"{provenance.get('family', '')} {pretrained}", method, str(provenance.get("dtype", ""))]


def _none() -> list[str]:
    from lmms_vg.journal import home

    return [f"{home() / 'journal'} has no journals"]


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _days(text: str) -> float:
    days = float(text)
    if not days >= 0:
        raise ValueError
    return days
