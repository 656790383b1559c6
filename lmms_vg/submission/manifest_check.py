"""Check what a manifest says against this version's tasks, before any question is read."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from lmms_vg.datasets.leaks import COCO_IMAGES
from lmms_vg.paper.protocols import ProtocolName
from lmms_vg.submission.archive import MANIFEST
from lmms_vg.submission.choice import only_protocol
from lmms_vg.submission.findings import Finding, Rejected
from lmms_vg.submission.privacy import findings as private
from lmms_vg.submission.schema import Manifest, Provenance, Task
from lmms_vg.submission.strict_json import canonical
from lmms_vg.tasks.registry import DATASETS, TASKS
from lmms_vg.tasks.yaml_files import definition, groups, tasks


def stated_wrongly(manifest: Manifest, members: Collection[str]) -> Iterator[Finding]:
    """Yield everything wrong, and everything to note, that the manifest and the names of the bundle's members show."""
    wanted = {MANIFEST} | {f"{kind}/{task}.jsonl" for task in manifest.tasks for kind in ("questions", "answers")}
    wanted |= {f"maps/{name}.maps" for name, task in manifest.tasks.items() if task.maps is not None}
    yield from (
        Finding("missing-file", name, "is named by the manifest, but missing") for name in sorted(wanted - {*members})
    )
    yield from (Finding("unknown-file", name, "is not named by the manifest") for name in sorted({*members} - wanted))
    unknown = sorted(manifest.tasks.keys() - tasks() | manifest.groups.keys() - groups().keys())
    yield from (Finding("unknown-task", name, "is not a task or group of this version") for name in unknown)
    yield from private(manifest.model_dump(exclude={"tasks": {"__all__": {"reference"}}}), MANIFEST)
    for name in sorted(set(manifest.card.trained_on) - DATASETS):
        yield Finding("schema", f"{MANIFEST} card.trained_on", f"{name!r} is not a data set of lmms-vg data status")
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
    yield from _leaks(manifest.run) if manifest.run is not None else _answers_only(manifest)


def _leaks(run: Provenance) -> Iterator[Finding]:
    for leak in run.leaks:
        if leak not in DATASETS | {COCO_IMAGES}:
            yield Finding("schema", f"{MANIFEST} run.leaks", f"{leak!r} is not a data set")
        else:
            yield Finding("leak", leak, "the method's heads were, or may have been, ranked on its images")


def _answers_only(manifest: Manifest) -> Iterator[Finding]:
    """Yield the note that what was run is the submitter's word, and the tasks that only our models can be asked."""
    assert manifest.declared is not None
    yield Finding(
        "declared",
        MANIFEST,
        f"{manifest.declared.model} is not a model of lmms_vg; what was run is the submitter's word",
    )
    for name in manifest.tasks:
        if TASKS[name].measures:
            yield Finding(
                "provenance", name, "measures attention, which a model that is not of lmms_vg does not record"
            )


def _stated(name: str, task: Task, protocol: ProtocolName | None) -> Iterator[Finding]:
    """Yield where a manifest's task differs from this version's definition of the task."""
    spec, config = TASKS[name], definition(name)
    expected = None if spec.measures else protocol
    if task.protocol != expected:
        yield Finding("protocol", name, f"says {task.protocol}, but in this bundle it is {expected}")
    if spec.n is not None and task.asked != spec.n:
        yield Finding("count", name, f"{task.asked} questions, but the benchmark has {spec.n}")
    if (
        canonical(task.decoding) != canonical(config["generation_kwargs"])
        or task.reference != config["metadata"]["reference"]
    ):
        yield Finding(
            "restricted", name, "was decoded differently, or with another reference prompt, than its task says"
        )
    if (task.maps is not None or task.hidden) and not spec.measures:
        yield Finding("maps", name, "has maps, but does not measure where a model looks")
    if task.maps is not None and task.maps.layers != sorted({*task.maps.layers}):
        yield Finding(
            "maps", name, f"says that its maps are of layers {task.maps.layers}; allowed is each once, ascending"
        )
    if task.data.name != spec.spec.name:
        yield Finding("questions", name, f"says it is of {task.data.name}, but it is of {spec.spec.name}")
