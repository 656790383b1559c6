"""The levels of answers without looking come from the questions of the bundles themselves."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import bundles
import runs

from lmms_vg.leaderboard.chance_rows import chance
from lmms_vg.runs.chance_rows import MAJORITY
from lmms_vg.submission.validate import check
from lmms_vg.submission.validated import Entry


def test_the_commonest_answer_of_each_task(tmp_path: Path) -> None:
    given = bundles.demo(runs.mostly_right(1), "vqa_demo_hard", "vqa_demo_standard")
    path = bundles.write_bundle(tmp_path / "bundle.zip", given)
    entry = check(path, "a").entry
    assert entry is not None
    (way,) = chance([(entry, path)])
    assert way.name == MAJORITY
    for task, level in way.levels.items():
        counts = Counter(question.answer for question, _ in given[task])
        assert (level.right, level.n) == (max(counts.values()), len(given[task]))
    assert way.levels.keys() == given.keys()
    unknown = {task: scores._replace(verified=False) for task, scores in entry.scores.items()}
    assert chance([(Entry(entry.id, entry.manifest, unknown), path)]) == [], "the submitter's word for the references"
