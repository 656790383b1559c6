"""The answer explorer loads everything of a question and an answer, as scripts whose texts cannot break out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bundles
import pytest
import runs
from saved_run import spec

from lmms_vg.leaderboard.answer_explorer import check_withheld, data_files, explorables, script, withheld
from lmms_vg.submission.validate import check
from lmms_vg.submission.validated import Entry
from lmms_vg.tasks.registry import TASKS


def entry_of(path: Path, id: str = "a") -> Entry:
    checked = check(path, id)
    assert checked.entry is not None, checked.findings
    return checked.entry


def called(text: str) -> tuple[str, Any]:
    """Return key and value of a data file's only call."""
    assert text.startswith("lmmsVg(")
    assert text.endswith(");\n")
    key, value = json.loads(f"[{text[7:-3]}]")
    return key, value


@pytest.mark.parametrize(
    "text",
    ["</script><script>x()</script>", "<!--", "]]>", "\u2028\u2029", '"); x(("', "\\", "é", "\x00", "😀", "-->"],
)
def test_a_script_holds_any_text_and_no_markup(text: str) -> None:
    made = script("answers/a/vqa", [[text, None, 0.5]])
    assert made.isascii()
    assert "<" not in made
    assert called(made) == ("answers/a/vqa", [[text, None, 0.5]])


def test_questions_once_and_answers_in_their_order(tmp_path: Path) -> None:
    say = runs.mostly_right(3, right=0.5)
    path = bundles.write_bundle(tmp_path / "b.zip", bundles.demo(say))
    entry = entry_of(path)
    files = dict(data_files(entry, path, (), ()))
    digest = entry.manifest.tasks["vqa_demo_hard"].questions
    key, asked = called(files[f"data/questions/vqa_demo_hard-{digest}.js"])
    assert key == f"questions/vqa_demo_hard-{digest}"
    first = runs.questions("vqa_demo_hard")[0]
    assert asked[0] == [first.uid, first.question, [], first.answer, first.images[0]]
    key, given = called(files["data/answers/a/vqa_demo_hard.js"])
    assert key == "answers/a/vqa_demo_hard"
    assert len(given) == len(asked) == 300
    assert {(text == asked[place][3], value) for place, (text, _, value) in enumerate(given)} == {(True, 1), (False, 0)}
    _, looked = called(files["data/answers/a/vgmed_demo.js"])
    assert [row[2] for row in looked] == pytest.approx(entry.scores["vgmed_demo"].values, abs=1e-4)
    again = dict(data_files(entry, path, (), list(files)))
    assert sorted(again) == [f"data/answers/a/{task}.js" for task in bundles.DEMO]


def test_what_can_be_looked_through(tmp_path: Path) -> None:
    plain = entry_of(bundles.write_bundle(tmp_path / "p.zip", bundles.demo(runs.mostly_right(1))), "p")
    hard = bundles.demo(runs.mostly_right(2), "vqa_demo_hard", "vgmed_demo")
    method = entry_of(bundles.write_bundle(tmp_path / "m.zip", hard, run={"method": spec("pai")}), "m")
    first, second = explorables(method, {"vqa_demo_hard": plain}, {"demo"})
    assert (first.task, first.metric, first.n, first.withheld) == ("vqa_demo_hard", "acc", 300, True)
    assert (first.answers, first.plain) == ("answers/m/vqa_demo_hard", "answers/p/vqa_demo_hard")
    assert (second.task, second.metric) == ("vgmed_demo", "ar"), "where it looks comes after what it says"
    assert [one.plain for one in explorables(plain, {}, ())] == ["", "", ""]


def test_a_question_without_a_score_says_why(tmp_path: Path) -> None:
    pairs = [
        (question.model_copy(update={"answer": ""}) if not n else question, "A")
        for n, question in enumerate(bundles.choices(30))
    ]
    path = bundles.write_bundle(tmp_path / "b.zip", {"mmmu_med_public_health": pairs})
    files = dict(data_files(entry_of(path), path, (), ()))
    _, given = called(files["data/answers/a/mmmu_med_public_health.js"])
    assert given[1] == ["A", "A", 1]
    assert given[0][2] is None
    assert given[0][3]


def test_a_set_is_withheld_wherever_its_questions_are() -> None:
    hidden = {task for task in TASKS if withheld(task, {"vqa_rad"})}
    assert hidden == {task for task in TASKS if task.startswith("vqa_rad_")}
    assert "vqa_rad_chen_greedy" in hidden
    for name, task in {"slake": "slake_chen", "path_vqa": "pathvqa_chen", "pmc_vqa": "pmc_vqa_chen_greedy"}.items():
        assert withheld(task, {name})
    assert withheld("omnimedvqa_chen", {"omnimedvqa"})
    assert withheld("mmmu_med_chen", {"mmmu"})
    assert {task for task in TASKS if withheld(task, {"medical_eval"})} == {t for t in TASKS if "_chen" in t}
    assert {task for task in TASKS if withheld(task, {"pmc_vqa"})} == {
        "pmc_vqa",
        "pmc_vqa_chen",
        "pmc_vqa_chen_greedy",
    }
    assert not any(withheld(task, ()) for task in TASKS)
    check_withheld({reader.spec.name for reader in TASKS.values()})
    with pytest.raises(ValueError, match="--withhold slake_open: did you mean slake"):
        check_withheld(["slake_open"])
