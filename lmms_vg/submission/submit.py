"""Make a bundle that anyone can check from finished runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from lmms_vg._util.atomic_files import check_new, write_new
from lmms_vg._util.field_errors import said
from lmms_vg._util.suggest import suggest
from lmms_vg.datasets.source import revision_read
from lmms_vg.paper.protocols import ProtocolName
from lmms_vg.runs.method_spec import under
from lmms_vg.submission.archive import MANIFEST, sha256, write
from lmms_vg.submission.choice import Choice, only_protocol
from lmms_vg.submission.collect import Collected, CollectedTask, collect, read
from lmms_vg.submission.findings import Finding, Rejected, rejected
from lmms_vg.submission.journal_looks import JournalLooks
from lmms_vg.submission.packing import packing
from lmms_vg.submission.privacy import own_findings
from lmms_vg.submission.question_check import text_of
from lmms_vg.submission.schema import SCHEMA_VERSION, BundledMaps, Card, Data, Group, Manifest, Task
from lmms_vg.submission.score_check import metric_differences
from lmms_vg.submission.strict_json import canonical, parse
from lmms_vg.submission.validate import Checked, check
from lmms_vg.tasks import rescore
from lmms_vg.tasks.registry import DATASETS, TASKS
from lmms_vg.tasks.yaml_files import definition

#: Every task of the runs that is ours.
EVERYTHING = Choice()

EXAMPLE = '{"name": "HuatuoGPT-Vision-7B", "parameters": 7.9, "trained_on": ["slake", "path_vqa"]}'


def read_card(path: Path) -> Card:
    """Read a model card in JSON.

    Raises:
        ValueError: a field is wrong; the message names it.
        OSError: the file cannot be read.
    """
    try:
        card = parse(path.read_bytes(), path.name, Card)
    except Rejected as problem:
        raise ValueError(
            f"{path}: {problem.findings[0].message}. A card looks like {EXAMPLE}; parameters are in billions (null "
            "if they are not known, for models that are not of lmms_vg), trained_on names "
            "the data sets whose training part the model has seen, [] for none; organisation, url, licence, notes are optional"
        ) from None
    unknown = sorted(set(card.trained_on) - DATASETS)
    if unknown:
        suggestions = "".join(suggest(name, DATASETS) for name in unknown)
        raise ValueError(
            f"{path}: trained_on names {', '.join(unknown)}; {suggestions}allowed are {', '.join(sorted(DATASETS))}"
        )
    return card


class Submitted(NamedTuple):
    """A bundle that was written.

    Attributes:
        checked: what validation says of it.
        ignored: tasks of the runs that are not ours.
        left_out: tasks of ours that were not chosen.
        maps: measured task -> which of its maps are in the bundle, in words.
    """

    checked: Checked
    ignored: list[str]
    left_out: list[str]
    maps: dict[str, str]


def submit(runs: Sequence[Path], card: Card, out: Path, choice: Choice = EVERYTHING) -> Submitted:
    """Write the bundle of one model with one method; the same runs and card give the same bytes.

    Raises:
        Rejected: the runs do not make a valid bundle; holds every reason found.
        ValueError: a path is not a run, or `out` exists.
    """
    check_new(out)
    collected = collect(runs, choice)
    maps = packing(
        {name: part.looks for name, part in collected.parts.items() if TASKS[name].measures},
        {name: part.scored.metrics["best_layer"] for name, part in collected.parts.items() if TASKS[name].measures},
    )
    write_new(out, write(_members(collected, card, choice, maps.layers)))
    try:
        checked = check(out)
        if checked.errors:
            raise Rejected(*checked.errors)
    except BaseException:
        out.unlink(missing_ok=True)
        raise
    return Submitted(checked, collected.ignored, collected.left_out, maps.notes)


def by_method(runs: Sequence[Path], card: Card, folder: Path) -> dict[Path, list[Path]]:
    """Sort runs by method into `folder/<model>-<run's folder>/bundle.zip` -> its runs; the first run gives the name.

    Runs of models that are not ours are sorted by model.

    Raises:
        ValueError: a path is not a run, a bundle exists, or two bundles would have the same name.
    """
    methods: dict[str, list[Path]] = {}
    for path in runs:
        run = read(path)
        methods.setdefault(under(str(run.method or run.model), run.control), []).append(path)
    bundles: dict[Path, list[Path]] = {}
    for parts in methods.values():
        out = folder / _name(card, parts[0]) / "bundle.zip"
        if out in bundles:
            raise ValueError(
                f"{out}: {bundles[out][0]} and {parts[0]} have two methods, but their folders have the same name; call submit "
                "for each, with -o BUNDLE.zip"
            )
        check_new(out)
        bundles[out] = parts
    return bundles


def _name(card: Card, path: Path) -> str:
    """Return an id that the leaderboard accepts. A results file lies in its model's folder, inside its run's folder."""
    label = path.resolve().name if path.is_dir() else path.resolve().parents[1].name
    return re.sub(r"[^a-z0-9.]+", "-", f"{card.name}-{label}".lower()).strip("-.")[:100]


def _members(collected: Collected, card: Card, choice: Choice, maps: Mapping[str, list[int]]) -> dict[str, str | bytes]:
    if not collected.parts and all(task.startswith("own_") for task in collected.ignored):
        raise rejected(
            "unknown-task",
            "tasks",
            f"{', '.join(collected.ignored)}: own questions are no benchmark, so they are not submitted",
        )
    if not collected.parts:
        raise rejected(
            "unknown-task", "tasks", f"none of {', '.join(collected.ignored) or 'the runs'} is a task of lmms_vg"
        )
    errors = [answer.error for part in collected.parts.values() for _, answer in part.pairs if answer.error]
    reasons = [*_differing(collected), *own_findings([card.model_dump(), collected.identity, errors], MANIFEST)]
    if card.parameters is None and "run" in collected.identity:
        reasons.append(
            Finding("schema", "card.parameters", "is null, but a model of lmms_vg has a size: state its billions")
        )
    reasons += _unknown_settings(collected, card)
    if reasons:
        raise Rejected(*reasons)
    members: dict[str, str | bytes] = {}
    for name, part in collected.parts.items():
        answers = (canonical(answer.model_dump(exclude_none=True)) for _, answer in part.pairs)
        members[f"questions/{name}.jsonl"] = text_of([question for question, _ in part.pairs])
        members[f"answers/{name}.jsonl"] = "".join(f"{line}\n" for line in answers)
        if name in maps and isinstance(part.looks, JournalLooks):
            members[f"maps/{name}.maps"] = b"".join(part.looks.blocks(maps[name]))
    digests = {name: sha256(text) for name, text in members.items()}
    protocol = only_protocol(collected.parts, choice.protocol)
    try:
        manifest = Manifest(
            schema_version=SCHEMA_VERSION,
            protocol=protocol,
            card=card,
            **collected.identity,
            seeds=collected.seeds,
            tasks={
                name: _task(name, part, digests, protocol, maps.get(name, [])) for name, part in collected.parts.items()
            },
            groups={
                name: Group(members=definition(name)["task"], metrics=metrics)
                for name, metrics in collected.groups.items()
            },
        )
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise rejected("provenance", where, f"{said(first)}; run it again with this version of lmms_vg") from problem
    return members | {MANIFEST: f"{canonical(manifest.model_dump())}\n"}


def _unknown_settings(collected: Collected, card: Card) -> Iterator[Finding]:
    """Yield the hyper-parameters that the card names for the run's method, but that the method does not have."""
    method = collected.identity.get("run", {}).get("method", {"name": "", "hyper_parameters": {}})
    has = method["hyper_parameters"]
    for name in sorted(card.settings.get(method["name"], {}).keys() - has.keys()):
        yield Finding(
            "schema",
            f"card.settings.{method['name']}",
            f"names {name}; {suggest(name, has)}{method['name']} has {', '.join(sorted(has)) or 'no hyper-parameters'}",
        )


def _task(
    name: str, part: CollectedTask, digests: dict[str, str], protocol: ProtocolName | None, layers: list[int]
) -> Task:
    spec, config = TASKS[name], definition(name)
    maps = digests.get(f"maps/{name}.maps")
    return Task(
        protocol=None if spec.measures else protocol,
        asked=len(part.pairs),
        n=part.metrics["n"],
        questions=digests[f"questions/{name}.jsonl"],
        answers=digests[f"answers/{name}.jsonl"],
        metrics=part.metrics,
        rules=part.scored.rules,
        decoding=config["generation_kwargs"],
        reference=config["metadata"]["reference"],
        data=Data(name=spec.spec.name, revision=revision_read(spec.spec)),
        hidden=part.looks.hidden if isinstance(part.looks, JournalLooks) else [],
        maps=None if maps is None else BundledMaps(sha256=maps, layers=layers),
    )


def _differing(collected: Collected) -> Iterator[Finding]:
    """Compare lmms-eval's own table with the answers: where they differ, one of the two was changed afterwards."""
    metrics = {name: part.scored.metrics for name, part in collected.parts.items()}
    asked = {name: len(part.pairs) for name, part in collected.parts.items()}
    for name, part in collected.parts.items():
        yield from (
            finding for finding in metric_differences(name, part.metrics, part.scored.metrics) if not finding.is_note
        )
    for name, stated in collected.groups.items():
        yield from metric_differences(name, stated, rescore.group_means(name, metrics, asked))
