"""Is a bundle what it says: its questions the benchmark's, its verdicts and numbers what its answers give. Offline.

Every score is computed again from the answers. Codes are those of ``findings.CODES``; the same bundle gives the same findings
in the same order on every machine that has the same benchmarks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from lmms_vg.datasets.leaks import COCO_IMAGES
from lmms_vg.paper.protocols import ProtocolName
from lmms_vg.runs.results import MEASURED
from lmms_vg.submission import question_check as known
from lmms_vg.submission.archive import MANIFEST, Bundle
from lmms_vg.submission.choice import only_protocol
from lmms_vg.submission.findings import Finding, Rejected
from lmms_vg.submission.privacy import findings as private
from lmms_vg.submission.rescoring import (
    Pair,
    alignment_findings,
    by_its_rules,
    differences,
    metric_differences,
    scored,
    scores_of,
)
from lmms_vg.submission.schema import BundleAnswer, BundleQuestion, Manifest, Task
from lmms_vg.submission.strict_json import canonical
from lmms_vg.submission.validated import Entry, Scores
from lmms_vg.tasks import rescore
from lmms_vg.tasks.registry import DATASETS, TASKS
from lmms_vg.tasks.yaml_files import definition, groups, tasks

_SIGNS = 100  # of a token, at most
_NAMED = 5  # findings of one code about one task; the others are counted


@dataclass(frozen=True)
class Checked:
    """``entry`` is None where there are errors."""

    findings: tuple[Finding, ...]
    entry: Entry | None

    @property
    def errors(self) -> list[Finding]:
        """What makes it invalid."""
        return [one for one in self.findings if not one.is_note]


def check(path: Path, id: str = "") -> Checked:
    """Validate a bundle; ``id`` names the entry, by default the file's name. Errors: OSError if it cannot be read."""
    found: list[Finding] = []
    try:
        opened = Bundle(path)
    except Rejected as problem:
        return Checked(problem.findings, None)
    entry: Entry | None = None
    try:
        with opened as bundle:
            entry = _entry(bundle, id or path.stem, found)
    except Rejected as problem:
        found += problem.findings
    except Exception as problem:  # noqa: BLE001 - one stranger's file must not keep others from being checked
        found.append(Finding("unexpected", path.name, f"{type(problem).__name__}: {problem}"))
    checked = tuple(_shortened(found))
    if entry is None or any(not one.is_note for one in checked):
        return Checked(checked, None)
    return Checked(checked, replace(entry, notes=tuple(map(str, checked))))


def _entry(bundle: Bundle, id: str, found: list[Finding]) -> Entry | None:
    """What the page needs, with the rules that scored it here; all that is wrong goes to ``found``. Errors: Rejected."""
    manifest = bundle.manifest()
    found += _structure(bundle, manifest)
    if any(not one.is_note for one in found):
        return None
    scores, rules = _tasks(bundle, manifest, found)
    tasks = {name: task.model_copy(update={"rules": rules.get(name, {})}) for name, task in manifest.tasks.items()}
    return Entry(id, manifest.model_copy(update={"tasks": tasks}), scores)


def pairs(path: Path, task: str) -> Iterator[Pair]:
    """Questions and answers of a task of a valid bundle. Errors: Rejected."""
    with Bundle(path) as bundle:
        stated = bundle.manifest().tasks[task]
        yield from zip(
            bundle.lines(f"questions/{task}.jsonl", BundleQuestion, stated.questions),
            bundle.lines(f"answers/{task}.jsonl", BundleAnswer, stated.answers),
            strict=True,
        )


def _structure(bundle: Bundle, manifest: Manifest) -> Iterator[Finding]:
    """What can be told from the manifest alone."""
    wanted = {MANIFEST} | {f"{kind}/{task}.jsonl" for task in manifest.tasks for kind in ("questions", "answers")}
    yield from (
        Finding("missing-file", name, "is named by the manifest and not there")
        for name in sorted(wanted - {*bundle.names})
    )
    yield from (
        Finding("unknown-file", name, "is not named by the manifest") for name in sorted({*bundle.names} - wanted)
    )
    unknown = sorted(manifest.tasks.keys() - tasks() | manifest.groups.keys() - groups().keys())
    yield from (Finding("unknown-task", name, "is no task or group of this version") for name in unknown)
    yield from private(manifest.model_dump(exclude={"tasks": {"__all__": {"reference"}}}), MANIFEST)
    for name in sorted(set(manifest.card.trained_on) - DATASETS):
        yield Finding("schema", f"{MANIFEST} card.trained_on", f"{name!r} is no data set of lmms-vg data status")
    if unknown:
        return
    try:
        protocol = only_protocol(manifest.tasks, manifest.protocol)
        if protocol != manifest.protocol:
            yield Finding("protocol", MANIFEST, f"says {manifest.protocol}, but its tasks are of {protocol}")
    except Rejected as problem:
        yield from problem.findings
    for name, task in manifest.tasks.items():
        yield from _stated(name, task, manifest.protocol)
    for leak in manifest.run.leaks:
        if leak not in DATASETS | {COCO_IMAGES}:
            yield Finding("schema", f"{MANIFEST} run.leaks", f"{leak!r} is no data set")
        else:
            yield Finding("leak", leak, "the method's heads were, or may have been, ranked on images of it")


def _stated(name: str, task: Task, protocol: ProtocolName | None) -> Iterator[Finding]:
    """What a manifest says of a task against what this version knows of it."""
    spec, config = TASKS[name], definition(name)
    expected = None if spec.measures else protocol
    if task.protocol != expected:
        yield Finding("protocol", name, f"says {task.protocol}, in this bundle it is {expected}")
    if spec.n is not None and task.asked != spec.n:
        yield Finding("count", name, f"{task.asked} questions, the benchmark has {spec.n}")
    if (
        canonical(task.decoding) != canonical(config["generation_kwargs"])
        or task.reference != config["metadata"]["reference"]
    ):
        yield Finding("restricted", name, "was decoded otherwise, or with another reference prompt, than its task says")
    if task.data.name != spec.spec.name:
        yield Finding("questions", name, f"says it is of {task.data.name}, it is of {spec.spec.name}")


def _tasks(
    bundle: Bundle, manifest: Manifest, found: list[Finding]
) -> tuple[dict[str, Scores], dict[str, dict[str, str]]]:
    """Scores and rules of the tasks that could be scored; all that is wrong goes to ``found``. Errors: Rejected."""
    scores: dict[str, Scores] = {}
    rules: dict[str, dict[str, str]] = {}
    metrics: dict[str, dict[str, Any]] = {}
    for name, task in sorted(manifest.tasks.items()):
        asked = list(islice(bundle.lines(f"questions/{name}.jsonl", BundleQuestion, task.questions), task.asked + 1))
        given = list(islice(bundle.lines(f"answers/{name}.jsonl", BundleAnswer, task.answers), task.asked + 1))
        wrong = [*_uids(name, task, asked, given), *alignment_findings(name, given), *_texts(name, given)]
        found += wrong
        if any(not one.is_note for one in wrong):
            continue
        other = known.check(name, task.questions, asked)
        found += [other] if other is not None else []
        both = list(zip(asked, given, strict=True))
        try:
            made = scored(name, both)
        except Rejected as no_value:
            found += no_value.findings
            continue
        if task.n != made.metrics["n"]:
            found.append(
                Finding("count", name, f"says that n is {task.n}, but {made.metrics['n']} questions have a score")
            )
        metrics[name] = made.metrics
        rules[name] = made.rules | {one: said for one, said in task.rules.items() if one in rescore.NEEDS_MODEL}
        found += by_its_rules(
            name, task, made, [*differences(name, both, made), *metric_differences(name, task.metrics, made.metrics)]
        )
        if (of_task := scores_of(name, task, manifest.run, both, made, other is None)) is not None:
            scores[name] = of_task
            if of_task.metric == "ar":
                rules[name] |= dict.fromkeys(MEASURED, of_task.rule)
                found.append(Finding("unverified-alignment", name, "AR, KL and JS are as submitted"))
    sizes = {name: task.asked for name, task in manifest.tasks.items()}
    outdated = {one.where for one in found if one.code == "outdated-rule"}
    for name, group in sorted(manifest.groups.items()):
        members = definition(name)["task"]
        if group.members != members or not manifest.tasks.keys() >= set(members):
            found.append(Finding("missing-file", name, f"needs {', '.join(members)}"))
        elif metrics.keys() >= set(members) and not outdated & {*members}:
            found += metric_differences(name, group.metrics, rescore.group_means(name, metrics, sizes))
    return scores, rules


def _uids(name: str, task: Task, asked: list[BundleQuestion], given: list[BundleAnswer]) -> Iterator[Finding]:
    for kind, lines in (("questions", asked), ("answers", given)):
        uids = [line.uid for line in lines]
        twice = [uid for uid, times in Counter(uids).items() if times > 1]
        if twice:
            yield Finding("duplicate-uid", f"{kind}/{name}.jsonl", f"{twice[0]} is there twice")
        elif len(uids) != task.asked:
            more = "more" if len(uids) > task.asked else str(len(uids))
            yield Finding("missing-uid", f"{kind}/{name}.jsonl", f"{more} lines, {task.asked} are stated")
    first = next((pair for pair in zip(asked, given, strict=False) if pair[0].uid != pair[1].uid), None)
    if first is not None:
        yield Finding("missing-uid", name, f"question {first[0].uid} stands beside the answer to {first[1].uid}")


def _texts(name: str, given: list[BundleAnswer]) -> Iterator[Finding]:
    """What cannot have been said in as many tokens as the protocol allows, and errors that show more than what went wrong."""
    most = int(definition(name)["generation_kwargs"]["max_new_tokens"])
    for answer in given:
        if len(answer.answer.split()) > most or len(answer.answer) > most * _SIGNS:
            said = f"{len(answer.answer.split())} words, {len(answer.answer)} signs; the protocol allows {most} tokens"
            yield Finding("restricted", f"{name} {answer.uid}", said)
        if answer.error is not None:
            yield from private(answer.error, f"{name} {answer.uid}")


def _shortened(found: list[Finding]) -> Iterator[Finding]:
    """Of many alike, the first few and how many more."""
    seen: Counter[tuple[str, str]] = Counter()
    for one in found:
        kind = (one.code, one.where.partition(" ")[0])
        seen[kind] += 1
        if seen[kind] <= _NAMED:
            yield one
    for (code, where), times in seen.items():
        if times > _NAMED:
            yield Finding(code, where, f"and {times - _NAMED} more like it")
