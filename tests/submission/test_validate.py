"""A forged submission is refused with the code of its forgery; an honest one passes."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import runs
from forgeries import FORGED, HARD, LOOKED, OPENED, STANDARD, answers, better_answers_but_old_verdicts, task
from tampered import Parts, change, parts, put_together

from lmms_vg.metrics.alignment import signature
from lmms_vg.submission import question_check as known
from lmms_vg.submission.archive import sha256
from lmms_vg.submission.findings import CODES, NOTES
from lmms_vg.submission.submit import submit
from lmms_vg.submission.validate import check, pairs

pytestmark = pytest.mark.usefixtures("few_phantoms")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    run = runs.save_run(folder / "run", HARD, STANDARD, LOOKED, OPENED)
    submit([run], runs.CARD, folder / "good.zip")
    return folder / "good.zip"


def codes(bundle: Path) -> set[str]:
    """Return the codes of the errors."""
    checked = check(bundle)
    assert (checked.entry is None) == bool(checked.errors)
    assert {one.code for one in checked.findings} <= CODES.keys()
    return {one.code for one in checked.errors}


@pytest.mark.parametrize("what", FORGED)
def test_forged(good: Path, tmp_path: Path, what: str) -> None:
    how, expected = FORGED[what]
    assert codes(change(good, tmp_path / "forged.zip", how)) == expected


def test_many_findings_are_counted_even_where_a_file_breaks_off(good: Path, tmp_path: Path) -> None:
    def forge(made: Parts) -> None:
        better_answers_but_old_verdicts(made)
        answers(made, STANDARD)[3] = {"uid": "x"}

    found = check(change(good, tmp_path / "b.zip", forge)).errors
    assert {one.code for one in found} == {"verdict", "metric", "schema"}
    assert len(found) < 12


def test_taking_apart_and_putting_together_is_no_forgery(good: Path, tmp_path: Path) -> None:
    assert codes(put_together(tmp_path / "again.zip", parts(good))) == set()


def test_a_checksum_that_was_not_corrected(good: Path, tmp_path: Path) -> None:
    forged = tmp_path / "b.zip"
    with zipfile.ZipFile(good) as archive, zipfile.ZipFile(forged, "w") as out:
        for name in archive.namelist():
            text = archive.read(name)
            out.writestr(name, text.replace(b'"score":0', b'"score":1', 1) if name == f"answers/{HARD}.jsonl" else text)
    assert codes(forged) == {"checksum"}


def test_scored_by_another_version(good: Path, tmp_path: Path) -> None:
    """Another signature is a note; it is no error as long as it gives the same verdicts."""
    rule = "closed|rule:yes-no-word+normalised-match|case:lower|v:0.0.9"
    forged = change(good, tmp_path / "b.zip", lambda made: task(made)["rules"].update(acc=rule))
    checked = check(forged)
    assert checked.errors == []
    assert [one.where for one in checked.findings if one.code == "rule"] == [f"{HARD} acc"]
    assert checked.entry is not None
    assert checked.entry.scores[HARD].rule != rule, "rows are compared by the rule that gave their scores here"


def test_scored_by_another_version_that_read_answers_otherwise(good: Path, tmp_path: Path) -> None:
    """This differs from a forgery: one finding per task, not one per answer."""

    def older(made: Parts) -> None:
        better_answers_but_old_verdicts(made)
        task(made)["rules"].update(acc="closed|rule:yes-no-word+normalised-match|case:lower|v:0.0.9")

    checked = check(change(good, tmp_path / "b.zip", older))
    assert [one.code for one in checked.errors] == ["outdated-rule"]
    assert checked.errors[0].where == HARD
    assert [one.where for one in checked.findings if one.code == "rule"] == [f"{HARD} acc"]
    assert checked.entry is None


def test_measurements_keep_the_version_they_were_measured_by(good: Path, tmp_path: Path) -> None:
    """Bundles from before the version was stated have version 1; a page does not rank different versions together."""

    def older(made: Parts) -> None:
        for line in answers(made, LOOKED):
            del line["alignment"]["version"]
        task(made, LOOKED)["rules"] = {}

    new, old = check(good).entry, check(change(good, tmp_path / "old.zip", older))
    assert old.errors == []
    assert "rule" not in {one.code for one in old.findings}
    assert new is not None
    assert old.entry is not None
    rules = [one.scores[LOOKED].rule for one in (new, old.entry)]
    assert rules == [signature(rows="last", geometry="true", version=version) for version in (2, 1)]
    assert [one.manifest.tasks[LOOKED].rules["kl"] for one in (new, old.entry)] == rules
    assert new.scores[LOOKED].comparable != old.entry.scores[LOOKED].comparable, "so they are not ranked together"


def test_findings_are_the_same_each_time_and_many_are_counted(good: Path, tmp_path: Path) -> None:
    forged = change(good, tmp_path / "b.zip", better_answers_but_old_verdicts)
    first, second = check(forged).findings, check(forged).findings
    assert first == second
    verdicts = [one for one in first if one.code == "verdict"]
    assert len(verdicts) == 6
    assert verdicts[-1].message.startswith("and ")
    wrong = sum(not line["score"] for line in answers(parts(good)))
    assert f"and {wrong - 5} more" in verdicts[-1].message


def test_a_benchmark_that_is_nowhere_known(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "shipped", dict)
    monkeypatch.setattr(known, "local", lambda _task: None)
    checked = check(good)
    assert checked.errors == []
    assert checked.entry is not None
    assert not any(scores.verified for scores in checked.entry.scores.values())
    unverified = [one.where for one in checked.findings if one.code == "unverified-questions"]
    assert unverified == sorted([HARD, STANDARD, LOOKED, OPENED])


def test_the_data_at_hand_win_over_the_shipped_hash(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A published file may have been corrected after this release."""
    monkeypatch.setattr(known, "shipped", lambda: dict.fromkeys((HARD, STANDARD, LOOKED, OPENED), "0" * 64))
    assert codes(good) == set()
    forged = change(good, tmp_path / "b.zip", lambda made: made[f"questions/{HARD}.jsonl"][6].update(question="Is it?"))
    (finding,) = check(forged).errors
    assert (finding.code, "line 7" in finding.message) == ("questions", True)


def test_pairs_are_read_again_in_order(good: Path) -> None:
    both = list(pairs(good, HARD))
    assert [question for question, _ in both] == runs.questions(HARD)
    assert [answer.uid for _, answer in both] == [question.uid for question, _ in both]


def test_what_is_printed_commands_nothing(good: Path, tmp_path: Path) -> None:
    hostile = "x\n::add-mask::y\x1b[2J\u202e"

    def rename(made: Parts) -> None:
        for line in (made[f"questions/{HARD}.jsonl"][0], answers(made)[0]):
            line["uid"] = hostile
        answers(made)[0]["score"] = 1 - answers(made)[0]["score"]

    said = [str(one) for one in check(change(good, tmp_path / "b.zip", rename)).errors]
    assert any("x?::add-mask::y?[2J?" in one for one in said)
    assert all(one.isprintable() for one in said)


def test_notes_are_no_errors_and_every_code_is_explained() -> None:
    assert set(NOTES) <= set(CODES)
    assert all(meaning and not meaning.endswith(".") for meaning in CODES.values())


def test_the_questions_hash_is_that_of_the_file(good: Path) -> None:
    checked = check(good)
    assert checked.entry is not None
    assert checked.entry.scores[HARD].questions == sha256(known.text_of(runs.questions(HARD)))


def test_a_fault_of_ours_makes_no_bundle_valid(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash is a finding, and other bundles are still checked."""

    def fail(*_: object) -> None:
        raise OverflowError("int too large")

    monkeypatch.setattr(known, "check", fail)
    (finding,) = check(good).errors
    assert (finding.code, finding.message) == ("unexpected", "OverflowError: int too large")


def test_a_protocol_has_its_own_tasks_only() -> None:
    from lmms_vg.submission.choice import only_protocol
    from lmms_vg.submission.findings import Rejected

    assert only_protocol(["vgmed_localization", "vgmed_demo"]) is None
    assert only_protocol(["pmc_vqa", "omnimedvqa_ct"]) == "vgrefine"
    assert only_protocol(["pmc_vqa", "slake_test_closed", "vgmed_demo"]) == "test"
    assert only_protocol(["pmc_vqa", "slake_closed"]) == "vgrefine"
    assert only_protocol(["slake_chen_greedy"]) == "chen-greedy"
    for mixed in (
        ["slake_closed", "slake_test_closed"],
        ["slake_chen", "pmc_vqa"],
        ["slake_chen", "slake_chen_greedy"],
    ):
        with pytest.raises(Rejected, match="protocol"):
            only_protocol(mixed)
