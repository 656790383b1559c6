"""Check a bundle offline: its questions must be the benchmark's, and its verdicts and numbers what its answers give.

Every score is recomputed from the answers. Codes are those of `findings.CODES`. The same bundle gives the same findings in
the same order on every machine that has the same benchmarks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from lmms_vg.runs.kept_maps import TOLERANCE
from lmms_vg.runs.results import MEASURED
from lmms_vg.submission import question_check as known
from lmms_vg.submission.archive import Bundle
from lmms_vg.submission.findings import Finding, Rejected
from lmms_vg.submission.first_token_check import first_token_findings
from lmms_vg.submission.look_scores import with_looks
from lmms_vg.submission.manifest_check import stated_wrongly
from lmms_vg.submission.map_check import recomputed
from lmms_vg.submission.privacy import findings as private
from lmms_vg.submission.rescoring import Pair, scored, scores_of
from lmms_vg.submission.schema import Manifest, Provenance, Task
from lmms_vg.submission.schema_lines import BundleAnswer, BundleQuestion
from lmms_vg.submission.score_check import alignment_findings, by_its_rules, differences, metric_differences
from lmms_vg.submission.validated import Entry, Scores
from lmms_vg.tasks import rescore
from lmms_vg.tasks.yaml_files import definition

_SIGNS = 100  # largest number of characters per token
_NAMED = 5  # findings listed per code and task; the others are counted


@dataclass(frozen=True)
class Checked:
    """The result of a validation; `entry` is None if there are errors."""

    findings: tuple[Finding, ...]
    entry: Entry | None

    @property
    def errors(self) -> list[Finding]:
        """The findings that make the bundle invalid."""
        return [finding for finding in self.findings if not finding.is_note]


def check(path: Path, id: str = "") -> Checked:
    """Validate a bundle; `id` names the entry, by default after the file.

    Raises:
        OSError: the file cannot be read.
    """
    findings: list[Finding] = []
    try:
        opened = Bundle(path)
    except Rejected as problem:
        return Checked(problem.findings, None)
    entry: Entry | None = None
    try:
        with opened as bundle:
            entry = _entry(bundle, id or path.stem, findings)
    except Rejected as problem:
        findings += problem.findings
    except Exception as problem:  # noqa: BLE001 - one file must not keep others from being checked
        findings.append(Finding("unexpected", path.name, f"{type(problem).__name__}: {problem}"))
    checked = tuple(_shortened(findings))
    if entry is None or any(not finding.is_note for finding in checked):
        return Checked(checked, None)
    return Checked(checked, replace(entry, notes=tuple(map(str, checked))))


def _entry(bundle: Bundle, id: str, findings: list[Finding]) -> Entry | None:
    """Return what the page needs, with the rules that scored it here; append everything wrong to `findings`.

    Raises:
        Rejected: the bundle cannot be read any further.
    """
    manifest = bundle.manifest()
    findings += stated_wrongly(manifest, bundle.names)
    if any(not finding.is_note for finding in findings):
        return None
    scores, rules = _tasks(bundle, manifest, findings)
    tasks = {name: task.model_copy(update={"rules": rules.get(name, {})}) for name, task in manifest.tasks.items()}
    return Entry(id, manifest.model_copy(update={"tasks": tasks}), scores)


def pairs(path: Path, task: str) -> Iterator[Pair]:
    """Yield the questions and answers of a task of a valid bundle.

    Raises:
        Rejected: the bundle is not valid.
    """
    with Bundle(path) as bundle:
        stated = bundle.manifest().tasks[task]
        yield from zip(
            bundle.lines(f"questions/{task}.jsonl", BundleQuestion, stated.questions),
            bundle.lines(f"answers/{task}.jsonl", BundleAnswer, stated.answers),
            strict=True,
        )


def _tasks(
    bundle: Bundle, manifest: Manifest, findings: list[Finding]
) -> tuple[dict[str, Scores], dict[str, dict[str, str]]]:
    """Return scores and rules of the tasks that could be scored; append everything wrong to `findings`.

    Raises:
        Rejected: a member cannot be read any further.
    """
    scores: dict[str, Scores] = {}
    rules: dict[str, dict[str, str]] = {}
    metrics: dict[str, dict[str, Any]] = {}
    for name, task in sorted(manifest.tasks.items()):
        asked = list(islice(bundle.lines(f"questions/{name}.jsonl", BundleQuestion, task.questions), task.asked + 1))
        given = list(islice(bundle.lines(f"answers/{name}.jsonl", BundleAnswer, task.answers), task.asked + 1))
        wrong = [*_uids(name, task, asked, given), *alignment_findings(name, given), *_texts(name, given)]
        if all(finding.is_note for finding in wrong):
            wrong += first_token_findings(name, zip(asked, given, strict=True), declared=manifest.run is None)
        findings += wrong
        if any(not finding.is_note for finding in wrong):
            continue
        mismatch = known.check(name, task.questions, asked)
        findings += [mismatch] if mismatch is not None else []
        answered = list(zip(asked, given, strict=True))
        try:
            result = scored(name, answered)
        except Rejected as no_value:
            findings += no_value.findings
            continue
        if task.n != result.metrics["n"]:
            findings.append(
                Finding("count", name, f"says that n is {task.n}, but {result.metrics['n']} questions have a score")
            )
        metrics[name] = result.metrics
        rules[name] = result.rules | {
            metric: rule for metric, rule in task.rules.items() if metric in rescore.NEEDS_MODEL
        }
        findings += by_its_rules(
            name,
            task,
            result,
            [*differences(name, answered, result), *metric_differences(name, task.metrics, result.metrics)],
        )
        if (of_task := scores_of(name, task, manifest.run, answered, result, mismatch is None)) is not None:
            scores[name] = of_task
            if of_task.metric == "ar" and manifest.run is not None:
                rules[name] |= dict.fromkeys(MEASURED, of_task.rule)
                layer = int(result.metrics["best_layer"])
                looked = _looked(bundle, name, task, manifest.run, answered, layer)
                findings += looked
                has_maps = task.maps is not None and layer in task.maps.layers
                scores[name] = with_looks(of_task, task, layer, answered, has_maps)
    sizes = {name: task.asked for name, task in manifest.tasks.items()}
    outdated = {finding.where for finding in findings if finding.code == "outdated-rule"}
    for name, group in sorted(manifest.groups.items()):
        members = definition(name)["task"]
        if group.members != members or not manifest.tasks.keys() >= set(members):
            findings.append(Finding("missing-file", name, f"needs {', '.join(members)}"))
        elif metrics.keys() >= set(members) and not outdated & {*members}:
            findings += metric_differences(name, group.metrics, rescore.group_means(name, metrics, sizes))
    return scores, rules


def _looked(bundle: Bundle, name: str, task: Task, run: Provenance, pairs: list[Pair], layer: int) -> Iterator[Finding]:
    """Yield what the maps of a measurement contradict, or that nothing was recomputed."""
    if task.maps is None:
        message = "grounding not recomputed: AR, KL and JS, excess and placement are as submitted, since the bundle has no maps"
        yield Finding("unverified-alignment", name, message)
        return
    result = recomputed(bundle, name, task, run.rows, pairs)
    yield from result.findings
    if layer not in result.layers:
        yield Finding("maps", name, f"has maps of layers {result.layers}, but its numbers are taken at layer {layer}")
    where = f"layer {result.layers[0]}" if len(result.layers) == 1 else f"{len(result.layers)} layers"
    message = f"grounding recomputed from the maps of {len(result.values):,} questions in {where}, within {TOLERANCE}"
    yield Finding("recomputed-alignment", name, message)


def _uids(name: str, task: Task, asked: list[BundleQuestion], given: list[BundleAnswer]) -> Iterator[Finding]:
    for kind, lines in (("questions", asked), ("answers", given)):
        uids = [line.uid for line in lines]
        twice = [uid for uid, times in Counter(uids).items() if times > 1]
        if twice:
            yield Finding("duplicate-uid", f"{kind}/{name}.jsonl", f"{twice[0]} appears twice")
        elif len(uids) != task.asked:
            more = "more" if len(uids) > task.asked else str(len(uids))
            yield Finding("missing-uid", f"{kind}/{name}.jsonl", f"{more} lines, but the manifest says {task.asked}")
    first = next((pair for pair in zip(asked, given, strict=False) if pair[0].uid != pair[1].uid), None)
    if first is not None:
        yield Finding("missing-uid", name, f"question {first[0].uid} is paired with the answer to {first[1].uid}")


def _texts(name: str, given: list[BundleAnswer]) -> Iterator[Finding]:
    """Yield answers that are longer than the protocol's tokens allow, and errors that show private text."""
    most = int(definition(name)["generation_kwargs"]["max_new_tokens"])
    for answer in given:
        if len(answer.answer.split()) > most or len(answer.answer) > most * _SIGNS:
            message = f"{len(answer.answer.split())} words, {len(answer.answer)} characters; the protocol allows {most} tokens"
            yield Finding("restricted", f"{name} {answer.uid}", message)
        if answer.error is not None:
            yield from private(answer.error, f"{name} {answer.uid}")


def _shortened(findings: list[Finding]) -> Iterator[Finding]:
    """Yield the first few of many findings alike, and how many more there are."""
    seen: Counter[tuple[str, str]] = Counter()
    for finding in findings:
        kind = (finding.code, finding.where.partition(" ")[0])
        seen[kind] += 1
        if seen[kind] <= _NAMED:
            yield finding
    for (code, where), times in seen.items():
        if times > _NAMED:
            yield Finding(code, where, f"and {times - _NAMED} more like it")
