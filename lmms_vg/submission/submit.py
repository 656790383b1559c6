"""From finished runs to a bundle that anyone can check."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from lmms_vg._util.atomic_files import check_new, write_new
from lmms_vg._util.suggest import suggest
from lmms_vg.datasets.source import revision_read
from lmms_vg.paper.protocols import ProtocolName
from lmms_vg.submission.archive import MANIFEST, sha256, write
from lmms_vg.submission.choice import Choice, only_protocol
from lmms_vg.submission.collect import Collected, CollectedTask, collect, read
from lmms_vg.submission.findings import Finding, Rejected, rejected
from lmms_vg.submission.privacy import own_findings
from lmms_vg.submission.question_check import text_of
from lmms_vg.submission.rescoring import metric_differences
from lmms_vg.submission.schema import SCHEMA_VERSION, Card, Data, Group, Manifest, Provenance, Task
from lmms_vg.submission.strict_json import canonical, parse
from lmms_vg.submission.validate import Checked, check
from lmms_vg.tasks import rescore
from lmms_vg.tasks.registry import DATASETS, TASKS
from lmms_vg.tasks.yaml_files import definition

EVERYTHING = Choice()
"""Every task of the runs that is ours."""

EXAMPLE = '{"name": "HuatuoGPT-Vision-7B", "parameters": 7.9, "trained_on": ["slake", "path_vqa"]}'


def read_card(path: Path) -> Card:
    """A model card, JSON. Errors: ValueError naming the field; OSError."""
    try:
        card = parse(path.read_bytes(), path.name, Card)
    except Rejected as problem:
        raise ValueError(
            f"{path}: {problem.findings[0].message}. A card reads {EXAMPLE}; parameters are billions, trained_on names the "
            "data sets whose training part the model has seen, [] for none; organisation, url, licence and notes may be added"
        ) from None
    unknown = sorted(set(card.trained_on) - DATASETS)
    if unknown:
        meant = "".join(suggest(name, DATASETS) for name in unknown)
        raise ValueError(
            f"{path}: trained_on names {', '.join(unknown)}; {meant}allowed are {', '.join(sorted(DATASETS))}"
        )
    return card


class Submitted(NamedTuple):
    """A bundle, what validation says of it, and the tasks of its runs that are not in it: not ours, and not chosen."""

    checked: Checked
    ignored: list[str]
    left_out: list[str]


def submit(runs: Sequence[Path], card: Card, out: Path, choice: Choice = EVERYTHING) -> Submitted:
    """Write the bundle of one model with one method.

    The same runs and card give the same bytes. Errors: Rejected with every reason found; ValueError, also if ``out`` is there.
    """
    check_new(out)
    found = collect(runs, choice)
    members = _members(found, card, choice)
    write_new(out, write(members))
    try:
        checked = check(out)
        if checked.errors:
            raise Rejected(*checked.errors)
    except BaseException:
        out.unlink(missing_ok=True)
        raise
    return Submitted(checked, found.ignored, found.left_out)


def by_method(runs: Sequence[Path], card: Card, folder: Path) -> dict[Path, list[Path]]:
    """The bundle of each method, ``folder/<model>-<run's folder>/bundle.zip``, with its runs; the first of several names it.

    Errors: ValueError for what is no run, and for two bundles of one name.
    """
    methods: dict[str, list[Path]] = {}
    for path in runs:
        methods.setdefault(str(read(path).method), []).append(path)
    bundles: dict[Path, list[Path]] = {}
    for parts in methods.values():
        out = folder / _name(card, parts[0]) / "bundle.zip"
        if out in bundles:
            raise ValueError(
                f"{out}: {bundles[out][0]} and {parts[0]} are of two methods, and their folders have one name; call submit for "
                "each, with -o BUNDLE.zip"
            )
        check_new(out)
        bundles[out] = parts
    return bundles


def _name(card: Card, path: Path) -> str:
    """What a leaderboard takes for an id. A results file lies in a folder of its model, below that of its run."""
    label = path.resolve().name if path.is_dir() else path.resolve().parents[1].name
    return re.sub(r"[^a-z0-9.]+", "-", f"{card.name}-{label}".lower()).strip("-.")[:100]


def _members(found: Collected, card: Card, choice: Choice) -> dict[str, str]:
    if not found.parts:
        raise rejected(
            "unknown-task", "tasks", f"none of {', '.join(found.ignored) or 'the runs'} is a task of lmms_vg"
        )
    errors = [answer.error for part in found.parts.values() for _, answer in part.pairs if answer.error]
    reasons = [*_differing(found), *own_findings([card.model_dump(), found.provenance, errors], MANIFEST)]
    if reasons:
        raise Rejected(*reasons)
    members: dict[str, str] = {}
    for name, part in found.parts.items():
        answers = (canonical(answer.model_dump(exclude_none=True)) for _, answer in part.pairs)
        members[f"questions/{name}.jsonl"] = text_of([question for question, _ in part.pairs])
        members[f"answers/{name}.jsonl"] = "".join(f"{line}\n" for line in answers)
    digests = {name: sha256(text) for name, text in members.items()}
    protocol = only_protocol(found.parts, choice.protocol)
    try:
        manifest = Manifest(
            schema_version=SCHEMA_VERSION,
            protocol=protocol,
            card=card,
            run=Provenance(**found.provenance),
            seeds=found.seeds,
            tasks={name: _task(name, part, digests, protocol) for name, part in found.parts.items()},
            groups={
                name: Group(members=definition(name)["task"], metrics=metrics) for name, metrics in found.groups.items()
            },
        )
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise rejected("provenance", where, f"{first['msg']}; run again with this version of lmms_vg") from problem
    return members | {MANIFEST: f"{canonical(manifest.model_dump())}\n"}


def _task(name: str, part: CollectedTask, digests: dict[str, str], protocol: ProtocolName | None) -> Task:
    spec, config = TASKS[name], definition(name)
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
    )


def _differing(found: Collected) -> Iterator[Finding]:
    """lmms-eval's own table against the answers: where they differ, one of the two was changed afterwards."""
    made = {name: part.scored.metrics for name, part in found.parts.items()}
    asked = {name: len(part.pairs) for name, part in found.parts.items()}
    for name, part in found.parts.items():
        yield from (one for one in metric_differences(name, part.metrics, part.scored.metrics) if not one.is_note)
    for name, metrics in found.groups.items():
        yield from metric_differences(name, metrics, rescore.group_means(name, made, asked))
