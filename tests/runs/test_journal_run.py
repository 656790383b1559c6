"""A journal reads as the result folder of the same run does; an unfinished one gets a message."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from lmms_eval import evaluator
from lmms_eval.__main__ import parse_eval_args
from lmms_eval.api.model import lmms
from lmms_eval.tasks import TaskManager
from saved_run import IDENTITY, spec

from lmms_vg import journal
from lmms_vg.datasets import counts, phantoms
from lmms_vg.journal import Journal, Record, is_journal
from lmms_vg.journal.decoding import Decoding
from lmms_vg.journal.lines import encode
from lmms_vg.plugin import TASK_FOLDER
from lmms_vg.runs.compare import compare
from lmms_vg.runs.journal_run import read_journal
from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.report import report
from lmms_vg.runs.results import TaskRun
from lmms_vg.runs.summary import summary
from lmms_vg.tasks import rescore

HARD, STANDARD = "vqa_demo_hard", "vqa_demo_standard"
SAMPLES = {HARD: phantoms.load("hard"), STANDARD: phantoms.load("standard")}
DECODING = Decoding(max_new_tokens=16).as_key()  # of every demo task
SHARED = {"method": spec("vgrefine", k=5), "shared": ["plain", "vgrefine"]}


def right(task: str, places: Iterable[int], **values: Any) -> list[Record]:
    """Right answers to some questions of a demo task."""
    samples = [SAMPLES[task][place] for place in places]
    return [
        Record(
            **{
                "key": f"{task} {sample.uid}",
                "task": task,
                "uid": sample.uid,
                "text": sample.answer,
                "seconds": 0.5,
                "decoding": DECODING,
                **values,
            }
        )
        for sample in samples
    ]


def written(folder: Path, *batches: list[Record], rank: int = 0, **identity: Any) -> Path:
    with Journal(folder, rank, IDENTITY | identity) as journal:
        for batch in batches:
            journal.write(batch)
    return folder


def full(folder: Path, *more: list[Record], **identity: Any) -> Path:
    return written(folder, right(HARD, range(300)), *more, **identity)


# --- a run of the real command ----------------------------------------------------------------------------------------


def by_question(task: TaskRun) -> dict[str, Any]:
    return {
        uid: [
            values.get(uid) for values in (task.scores, task.images, task.about, task.seconds, task.asked, task.failed)
        ]
        for uid in task.asked
    }


def test_a_journal_is_the_run_that_wrote_it(demo_runs: Path) -> None:
    """Of questions that are scored and of questions that measure."""
    (folder,) = (demo_runs / "home" / "journal").glob("huatuo_vgrefine-*")
    out = demo_runs / "out" / "vgrefine"
    assert is_journal(folder)
    assert not is_journal(out)
    scored, saved = read_journal(folder), read_run(out)
    assert scored.tasks.keys() == saved.tasks.keys() == {HARD, STANDARD}
    for name, task in saved.tasks.items():
        assert by_question(scored.tasks[name]) == by_question(task)
        assert (scored.tasks[name].rules, scored.tasks[name].unparseable) == (task.rules, task.unparseable)
        assert len(task.seconds) == len(task.scores) == 300
    assert scored.provenance == saved.provenance
    assert saved.provenance is not None
    assert saved.provenance["dtype"] == "float32"
    assert (
        (scored.model, scored.restricted)
        == (saved.model, saved.restricted)
        == ("huatuo_vgrefine (pretrained=demo)", "")
    )
    assert (scored.groups, scored.measured, scored.left_out) == (saved.groups, saved.measured, [])
    assert scored.measured == ["vgmed_demo"]
    for name in (HARD, STANDARD, "vgmed_demo"):
        shown = scored.means[name]
        assert shown.keys() & {"acc", "kl", "best_layer", "n"}
        assert shown == {metric: pytest.approx(saved.means[name][metric]) for metric in shown}
    assert report(scored).count("|") > 50
    lines = compare([saved, scored]).lines
    assert [line.against and line.against[0][:1] + line.against[1:3] for line in lines] == [None] * 3 + [(0, 0, 0)] * 3


def test_only_first_documents_are_signed(demo_runs: Path) -> None:
    """Nothing that is passed on contains a path of this machine."""
    for path in (demo_runs / "out").rglob("*_samples_*.jsonl"):
        text = path.read_text()
        lines = [json.loads(line) for line in text.splitlines()]
        assert ["run" in line["n"] for line in lines] == [line["doc_id"] == 0 for line in lines]
        assert str(demo_runs) not in text
        assert str(Path(journal.__file__).parent) not in text


class Thinks(lmms):
    """A model that thinks before it answers, mostly of the other answer, in forms that lmms-eval knows and some others."""

    is_simple = False
    ways = (
        "<think>{no}?</think>{yes}",
        "{no}? Hm.</think>\n{yes}",
        "<analysis>{no}</analysis> {yes}",
        "<think>{no}</think><analysis>{no}</analysis>{yes}",
        "<think>{yes}",
        "<THINK>{no}</THINK>{yes}",
        "{yes} <think>{no}</think>",
        "{yes}",
    )

    def generate_until(self, requests: list[Any]) -> list[str]:
        self.said = []
        for number, request in enumerate(requests):
            _, _, _, index, task, split = request.args
            yes = self.task_dict[task][split][index]["answer"]
            no = "left" if yes == "right" else "right" if yes == "left" else "no" if yes == "yes" else "yes"
            self.said.append(self.ways[number % len(self.ways)].format(yes=yes, no=no))
        return self.said

    def loglikelihood(self, requests: list[Any]) -> None: ...

    def generate_until_multi_round(self, requests: list[Any]) -> None: ...


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [None, [], ["--reasoning_tags", "none"], ["--reasoning_tags", '[["<x>", "</x>"]]']], ids=str
)
def test_answers_that_think_are_scored_as_in_the_run(
    tmp_path: Path, arguments: list[str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores equal those of lmms-eval's command, whatever `--reasoning_tags`, and of Python: the tasks say what is cut out."""
    monkeypatch.setattr(sys, "argv", ["lmms-eval", *(arguments or [])])
    model, options = Thinks(), None if arguments is None else parse_eval_args()[1]
    ran = evaluator.simple_evaluate(
        model=model,
        tasks=[HARD],
        task_manager=TaskManager("ERROR", include_path=str(TASK_FOLDER), include_defaults=False),
        bootstrap_iters=0,
        cli_args=options,
    )
    saved = {line["acc"]["uid"]: line["acc"]["score"] for line in ran["samples"][HARD]}
    answers = [
        record.model_copy(update={"text": text})
        for record, text in zip(right(HARD, range(300)), model.said, strict=True)
    ]
    scored = read_journal(written(tmp_path / "huatuo_plain-0123", answers))
    assert scored.tasks[HARD].scores == saved
    assert scored.means[HARD]["acc"] == pytest.approx(ran["results"][HARD]["acc,none"])
    assert 0.7 < scored.means[HARD]["acc"] < 1, "of <THINK>, which nobody cuts out, the first word counts"


# --- journals made by hand --------------------------------------------------------------------------------------------


def test_what_it_holds(tmp_path: Path) -> None:
    run = read_journal(full(tmp_path / "huatuo_plain-0123"))
    task = run.tasks[HARD]
    assert (len(task.scores), set(task.scores.values()), set(task.seconds.values())) == (300, {1}, {0.5})
    assert (run.model, run.label, run.groups) == ("huatuo_plain (pretrained=demo)", "plain", {})
    assert run.is_plain
    assert journal.recall(HARD, SAMPLES[HARD][0].uid) is None, "nothing is left for a run in this process"


@pytest.mark.slow
@pytest.mark.parametrize("n", [0, 1, 299])
def test_an_unfinished_journal_is_refused(tmp_path: Path, n: int) -> None:
    written(tmp_path, right(HARD, range(n)), right(STANDARD, range(2)))
    with pytest.raises(ValueError, match=rf"{STANDARD}: 2 of 300 questions are answered.*same command again"):
        read_journal(tmp_path)
    if n:
        with pytest.raises(ValueError, match=rf"{tmp_path}: {HARD}: {n} of 300 questions are answered; {STANDARD}"):
            read_journal(tmp_path)


def test_an_empty_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no scores of questions or measurements \(empty\)$"):
        read_journal(written(tmp_path))
    other = [Record(key=task, task=task, uid="1") for task in ("pope", "demo_calibration")]
    with pytest.raises(ValueError, match=r"no scores of questions or measurements \(pope, demo_calibration\)$"):
        read_journal(written(tmp_path, other))


@pytest.mark.slow
def test_finished_tasks_are_taken_and_others_named(tmp_path: Path) -> None:
    base = read_journal(full(tmp_path / "a", right(STANDARD, range(300))))
    other = read_journal(full(tmp_path / "b", right(STANDARD, range(7)), method=spec("vgrefine", k=5)))
    assert base.groups == {"vqa_demo": [STANDARD, HARD]}
    assert (list(other.tasks), other.groups) == ([HARD], {})
    table = compare([base, other])
    assert {line.name for line in table.lines} == {HARD}
    left_out = f"`b`: left out, as it is not finished: {STANDARD}: 7 of 300 questions are answered"
    assert left_out in table.notes


def test_failures_count_as_failed_until_they_are_answered(tmp_path: Path) -> None:
    bad = right(HARD, [0, 1], text="", error="BadImage: torn", error_code="image")
    run = read_journal(written(tmp_path, bad, right(HARD, range(1, 300))))
    assert run.tasks[HARD].failed == {SAMPLES[HARD][0].uid: ("image", "BadImage: torn")}
    assert len(run.tasks[HARD].scores) == 299


def test_an_answer_is_not_undone_by_a_later_failure(tmp_path: Path) -> None:
    run = read_journal(full(tmp_path, right(HARD, [0], key="other", text="", error="E: later", error_code="model")))
    assert run.tasks[HARD].failed == {}


def test_answers_that_differ_are_not_taken(tmp_path: Path) -> None:
    """Under another key, such as of other settings, a different text is a second answer; an equal text is not."""
    folder = full(tmp_path, right(HARD, [5], key="sampled", text="north"), right(HARD, [6], key="sampled"))
    with pytest.raises(ValueError, match=f"{HARD}: 299 of 300 .*; 1 have .*that differ"):
        read_journal(folder)


@pytest.mark.slow
def test_answers_decoded_otherwise_do_not_count(tmp_path: Path) -> None:
    """A run with --gen_kwargs leaves answers in the same journal; alone they do not follow the task's protocol."""
    sampled = DECODING | {"do_sample": True, "temperature": 0.7}
    both = written(
        tmp_path / "both", right(HARD, range(300)), right(HARD, [5], key="s", text="north", decoding=sampled)
    )
    assert set(read_journal(both).tasks[HARD].scores.values()) == {1}
    with pytest.raises(ValueError, match=r"0 of 300 .*; 300 have .*--gen_kwargs"):
        read_journal(written(tmp_path / "alone", right(HARD, range(300), decoding=sampled)))


def test_of_one_key_the_last_answer_counts(tmp_path: Path) -> None:
    run = read_journal(full(tmp_path, right(HARD, [5], text="north")))
    assert [uid for uid, score in run.tasks[HARD].scores.items() if score == 0] == [SAMPLES[HARD][5].uid]


def test_memory_holds_one_record_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While questions are scored, the records of all others are on the disk."""
    living: list[int] = []
    score = rescore.score

    def counted(task: str, answered: Iterable[tuple[Any, Record]]) -> Iterable[dict[str, Any]]:
        for number, line in enumerate(score(task, answered)):
            if number % 100 == 50:
                living.append(sum(type(thing) is Record for thing in gc.get_objects()))
            yield line

    monkeypatch.setattr(rescore, "score", counted)
    folder = full(tmp_path)
    gc.collect()
    before = sum(type(thing) is Record for thing in gc.get_objects())
    read_journal(folder)
    assert len(living) == 3
    assert max(living) - before <= 2


def test_a_record_that_is_none_is_skipped(tmp_path: Path) -> None:
    """Its line is intact, but it holds what no record has."""
    folder = full(tmp_path)
    other = {"key": "k", "task": HARD, "uid": SAMPLES[HARD][0].uid, "text": "north", "error": None, "colour": "red"}
    with (folder / "rank0.jsonl").open("ab") as file:
        file.write(encode([other]))
    assert len(read_journal(folder).tasks[HARD].scores) == 300


def test_quantised_weights_are_named_in_every_result(tmp_path: Path) -> None:
    kind = "bitsandbytes-0.48.1-4bit-nf4"
    run = read_journal(full(tmp_path / "a", dtype=f"bfloat16+{kind}"))
    assert run.quantized == kind
    assert f"**Quantised weights: {kind}." in report(run)
    assert f"quantised weights: {kind}" in summary({"plain": run}, None, tmp_path, [])
    whole = read_journal(full(tmp_path / "b", method=spec("vgrefine", k=5)))
    assert whole.quantized == ""
    assert "uantised" not in report(whole)
    with pytest.raises(ValueError, match=f"dtype is float32, but bfloat16.{kind}"):
        compare([run, whole])
    notes = compare([run, whole], allowed=["dtype"]).notes
    assert f"Quantised weights: plain: {kind}" in notes
    assert any(note.startswith("Allowed to differ: dtype") and kind in note for note in notes)


def test_all_ranks_are_read(tmp_path: Path) -> None:
    written(tmp_path, right(HARD, range(0, 300, 2)))
    written(tmp_path, right(HARD, range(1, 300, 2)), rank=1)
    assert len(read_journal(tmp_path).tasks[HARD].scores) == 300


def test_work_that_was_shared_once_is_said(tmp_path: Path) -> None:
    """The same configuration may also have run alone, before or after."""
    full(tmp_path, **SHARED)
    run = read_journal(written(tmp_path, method=spec("vgrefine", k=5)))
    assert run.provenance is not None
    assert run.provenance["shared"] == SHARED["shared"]
    assert all(line.shared for line in compare([run]).lines)


def test_part_of_the_data_is_a_restriction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "deviations", {"slake closed": "5 found"})
    assert read_journal(full(tmp_path)).restricted == "LMMS_VG_PARTIAL_DATA=1"


def test_folders_are_not_handed_on(tmp_path: Path) -> None:
    run = read_journal(full(tmp_path / "m-1", settings={"pretrained": "/home/someone/models/Huatuo-7B"}))
    assert run.model == "m (pretrained=Huatuo-7B)"
    assert "/home/someone" not in str(run)
