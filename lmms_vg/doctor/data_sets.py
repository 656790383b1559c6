"""Data sets: what `lmms-vg data status` says, a finding a set. Missing is something to know, wrong is a problem."""

from __future__ import annotations

from collections.abc import Iterator

from lmms_vg.doctor.finding import Check, Finding, described, note, ok, problem


def data_sets() -> Iterator[Finding]:
    """A file on which a reader fails in a way of its own ends the list, with the name of its set."""
    from lmms_vg.tasks.catalogue import specs, status

    lines = status()
    yield _place(next(lines))
    left = list(specs())
    try:
        for block in _blocks(lines):
            yield _judged(left.pop(0), block)
    except Exception as failure:  # noqa: BLE001 - readers name what they foresee, and a file may hold anything
        yield problem(f"{left[0]}: WRONG, {described(failure)}; no set behind it was looked at", _again(left[0]))


def _place(where: str) -> Finding:
    """Where they are looked for; if there is no such folder, it is the first thing that fetching needs."""
    if "=" in where and not where.endswith(" (no such folder)"):
        return ok(where)
    return note(
        where, "export LMMS_VG_DATA=FOLDER   (where all data sets shall lie; lmms-vg data fetch puts them there)"
    )


def _blocks(lines: Iterator[str]) -> Iterator[list[str]]:
    """The indented lines of each data set, also of the last one before an error."""
    block: list[str] = []
    try:
        for line in lines:
            if line.startswith(" "):
                block.append(line.strip())
            elif block:
                yield block
                block = []
    except Exception:
        if block:
            yield block
        raise
    yield block


def _judged(name: str, block: list[str]) -> Finding:
    used_by, *rest = block
    if wrong := [line for line in rest if ": WRONG, " in line]:
        more = f" (and {len(wrong) - 1} more, see lmms-vg data status)" if wrong[1:] else ""
        return problem(f"{name}: {wrong[0]}{more}", _again(name))
    if rest[-1].startswith("get it with: "):
        missing = [line.partition(": MISSING, ")[0] for line in rest if ": MISSING, " in line]
        some = any(line.endswith((" here", " here, extracted")) for line in rest)
        if some:
            return note(f"{name} is here without {', '.join(missing) or 'some files'} ({used_by})", _fetch(name))
        return note(f"{name} is not here; get it with: {_fetch(name)} ({used_by})")
    counts = [line.replace(" questions", "").replace(" expected", "") for line in rest if " questions" in line]
    found = f"{name}: {'; '.join(counts) or 'here'}"
    if any(line.endswith(": PARTIAL") for line in counts):
        return note(f"{found}; results on it do not count", _again(name))
    return ok(found)


def _fetch(name: str) -> str:
    from huggingface_hub import constants

    return f"{'HF_HUB_OFFLINE=0 ' if constants.HF_HUB_OFFLINE else ''}lmms-vg data fetch {name}"


def _again(name: str) -> str:
    """Fetch it once more; what is there may be of use to its owner, so it is moved and not removed."""
    from lmms_vg.datasets.source import local_root
    from lmms_vg.tasks.catalogue import specs

    spec = specs()[name]
    root = local_root(spec)
    if root is not None:
        return f'mv "{root}" "{root}.wrong" && {_fetch(name)}'
    revision = f" --revision {spec.revision}" if spec.revision else ""
    return f"hf download {spec.hub_id} --repo-type dataset{revision} --force-download"


CHECKS: dict[str, Check] = {"data sets": data_sets}
