"""Reading runs: from folders made by hand, and from one that lmms-eval itself wrote."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from saved_run import RULE, closed, failed, measured, opened, save

from lmms_vg import journal
from lmms_vg.datasets import counts
from lmms_vg.runs.lmms_eval_output import read_run


def test_scores_failures_and_what_questions_are_about(tmp_path: Path) -> None:
    lines = [
        closed("q1", 1, "a", organ="Chest", modality="CT"),
        failed("q2"),
        closed("q3", 0, "a", read=False, organ="Head"),
    ]
    path = save(tmp_path, {"t": lines}, means={"t": {"acc": 0.5}})
    run = read_run(tmp_path)
    assert (run.path, run.model, run.restricted, run.groups) == (path, "huatuo_plain (pretrained=demo)", "", {})
    assert (run.means, run.measured, run.left_out) == ({"t": {"acc": 0.5}}, [], [])
    task = run.tasks["t"]
    assert (task.task, task.metric, task.rule, task.unparseable) == ("t", "acc", RULE, 1)
    assert task.scores == {"q1": 1, "q3": 0}
    assert task.images == {"q1": "a", "q3": "a"}
    assert task.about == {"q1": {"organ": "Chest", "modality": "CT"}, "q3": {"organ": "Head"}}
    assert task.failed == {"q2": ("image", "it was too large")}
    assert task.axes == ["organ", "modality"]


def test_newest_run_of_all_models_or_the_one_named(tmp_path: Path) -> None:
    old = save(tmp_path, {"t": [closed("q1", 0)]}, stamp="20251231_235959", folder="z")
    new = save(tmp_path, {"t": [closed("q1", 1)]}, stamp="20260101_000000", folder="a")
    (tmp_path / "submissions").mkdir()
    (tmp_path / "submissions" / "mmbench_results.json").write_text("{}")
    assert read_run(tmp_path).path == new
    assert read_run(tmp_path / "z").path == old
    assert read_run(old).tasks["t"].scores == {"q1": 0}


def test_other_runs_of_the_folder_are_named(tmp_path: Path) -> None:
    """If the choice were silent, users would take the newest run for the one they meant."""
    line = {"t": [closed("q1", 1)]}
    old = save(tmp_path, line, stamp="20251231_235959", model="huatuo_vgrefine", model_args="heads=a\nb")
    new = save(tmp_path, line)
    note = f"2 runs are under {tmp_path}; this is the newest. Others: {old} (huatuo_vgrefine (heads=a b))"
    assert read_run(tmp_path).notes == [note]
    assert read_run(new).notes == read_run(old).notes == [], "a file is no choice"
    new.unlink()
    assert read_run(tmp_path).notes == [], "nor is the only run"


def test_at_most_five_other_runs_are_named(tmp_path: Path) -> None:
    paths = [save(tmp_path, {"t": [closed("q1", 1)]}, stamp=f"2026010{day}_120000") for day in range(1, 8)]
    paths[5].write_text("[]")
    (chosen,) = read_run(tmp_path).notes
    assert chosen.startswith(
        f"7 runs are under {tmp_path}; this is the newest. Others: {paths[5]} (not a results file of"
    )
    assert [str(path) in chosen for path in paths] == [False, True, True, True, True, True, False]
    assert chosen.endswith(", and 1 more")
    paths[0].unlink()
    assert str(paths[1]) in read_run(tmp_path).notes[0]
    assert "more" not in read_run(tmp_path).notes[0]


def test_groups_count_where_all_their_tasks_are_scored(tmp_path: Path) -> None:
    tasks = {name: [closed("q1", 1)] for name in ("a", "b")} | {"ours_but_unscored": [{"ar": {"uid": "q1"}}]}
    groups = {"pair": ["a", "b"], "alone": ["a"], "more": ["a", "ours_but_unscored"], "a": []}
    save(tmp_path, tasks, groups=groups)
    run = read_run(tmp_path)
    assert list(run.tasks) == ["a", "b"]
    assert run.groups == {"pair": ["a", "b"]}


@pytest.mark.parametrize("item", [1, 0.5, {"question_id": 3, "score": 1}, [1, 2]])
def test_tasks_of_others_are_left_out(tmp_path: Path, item: Any) -> None:
    """lmms-eval's own tasks have a metric `acc` too, and may have several lines per document."""
    sizes = {"pope": {"original": 9, "effective": 9}}
    save(tmp_path, {"pope": [{"acc": item, "n": 4, "unparseable": 1}], "t": [closed("q1", 1)]}, sizes=sizes)
    run = read_run(tmp_path)
    assert (list(run.tasks), run.left_out) == (["t"], ["pope"])


def test_task_whose_questions_all_failed(tmp_path: Path) -> None:
    save(tmp_path, {"t": [failed("q1"), failed("q2")]})
    task = read_run(tmp_path).tasks["t"]
    assert (task.scores, task.rule, task.axes, list(task.failed)) == ({}, "", [], ["q1", "q2"])


def test_rules_of_all_metrics_from_the_first_item_that_has_one(tmp_path: Path) -> None:
    save(tmp_path, {"t": [failed("q1", "bleu1", "open_recall", "bertscore"), opened("q2", 1)]})
    task = read_run(tmp_path).tasks["t"]
    assert task.rules == {"bleu1": "bleu1|v:0", "open_recall": "open_recall|v:0", "bertscore": "bertscore|layer:12|v:0"}
    assert task.rule == "open_recall|v:0"


def test_two_rules_under_one_metric_are_refused(tmp_path: Path) -> None:
    lines = [opened(f"q{i}", 1) for i in range(3)]
    lines[2]["bertscore"]["rule"] = "bertscore|layer:9|v:0"
    save(tmp_path, {"t": lines})
    message = r"samples_t.jsonl: bertscore is scored by bertscore\|layer:12\|v:0 and by bertscore\|layer:9\|v:0"
    with pytest.raises(ValueError, match=message):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({}, ""),
        ({"limit": -1}, ""),  # lmms-eval's other way to set no limit
        ({"limit": 2.0}, "--limit 2"),
        ({"limit": 0.5}, "--limit 0.5"),
        ({"limit": 2, "offset": 1}, "--limit 2 and --offset 1"),
    ],
)
def test_restrictions(tmp_path: Path, config: dict[str, Any], reason: str) -> None:
    sizes = {"t": {"original": 2 + config.get("offset", 0), "effective": 2}}
    save(tmp_path, {"t": [closed("q1", 1), closed("q2", 1)]}, sizes=sizes, **config)
    assert read_run(tmp_path).restricted == reason


def test_offset_without_limit(tmp_path: Path) -> None:
    """lmms-eval then counts the skipped questions as effective."""
    sizes = {"t": {"original": 5, "effective": 5}}
    save(tmp_path, {"t": [closed("q1", 1), closed("q2", 1)]}, sizes=sizes, offset=3)
    run = read_run(tmp_path)
    assert (run.restricted, len(run.tasks["t"].scores)) == ("--offset 3", 2)


def test_partial_data(tmp_path: Path) -> None:
    """Any question may state it, even one that failed."""
    last = failed("q2")
    last["n"]["partial"] = True
    save(tmp_path, {"t": [closed("q1", 1), last], "u": [closed("q1", 1)]}, limit=2)
    assert read_run(tmp_path).restricted == "--limit 2 and LMMS_VG_PARTIAL_DATA=1"


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ("pretrained=/home/a/models/Huatuo-7B,p=90", " (pretrained=Huatuo-7B,p=90)"),
        ("p=90,pretrained=../Huatuo-7B/,heads=~/lists/a.json", " (p=90,pretrained=Huatuo-7B/,heads=a.json)"),
        ("pretrained=FreedomIntelligence/HuatuoGPT", " (pretrained=FreedomIntelligence/HuatuoGPT)"),
        ("", ""),
        (None, ""),
        ("p=90,\nheads=a", " (p=90, heads=a)"),
    ],
)
def test_model_with_its_arguments_but_no_paths(tmp_path: Path, arguments: str | None, shown: str) -> None:
    save(tmp_path, {"t": [closed("q1", 1)]}, model_args=arguments)
    assert read_run(tmp_path).model == f"huatuo_plain{shown}"


def test_no_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no \*_results.json under it; name the --output_path of a finished run"):
        read_run(tmp_path)
    with pytest.raises(ValueError, match=r"nowhere: no \*_results.json"):
        read_run(tmp_path / "nowhere")


def test_measurements(tmp_path: Path) -> None:
    """They are recognised by their metrics; an incomplete data set is noted as for any other task."""
    means = {"vgmed_demo": {"ar": 2.0, "kl": 1.0, "js": 0.5, "best_layer": 1, "n": 2}}
    last = measured(3, 1)
    last["n"]["partial"] = True
    path = save(tmp_path, {"vgmed_demo": [measured(3, 1), last]}, means=means)
    run = read_run(tmp_path)
    assert (run.tasks, run.measured, run.left_out, run.means) == ({}, ["vgmed_demo"], [], means)
    assert run.restricted == "LMMS_VG_PARTIAL_DATA=1"
    samples = path.with_name("20260101_120000_samples_vgmed_demo.jsonl")
    samples.write_text(samples.read_text().splitlines(keepends=True)[0])
    with pytest.raises(ValueError, match="1 questions, but the run had 2"):
        read_run(tmp_path)


def test_neither_scores_nor_measurements(tmp_path: Path) -> None:
    save(tmp_path, {"pope": [{"acc": 1}], "seed": [{"acc": 1}]}, means={"pope": {"acc": 1.0, "kl": 1.0}})
    with pytest.raises(ValueError, match="none of its tasks, pope, seed, has scores of questions or measurements"):
        read_run(tmp_path)


def test_open_questions_are_scored_by_recall(tmp_path: Path) -> None:
    save(tmp_path, {"t": [opened("q1", 0.5), failed("q2", "bleu1", "open_recall", "bertscore")]})
    task = read_run(tmp_path).tasks["t"]
    assert (task.metric, task.scores, list(task.failed)) == ("open_recall", {"q1": 0.5}, ["q2"])
    assert task.unparseable == 0


def test_what_lmms_eval_itself_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Phantoms and two SLAKE rows; one answer of the model and one reference are missing."""
    monkeypatch.setenv("LMMS_EVAL_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LMMS_VG_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LMMS_VG_PARTIAL_DATA", "1")
    monkeypatch.setattr(counts, "deviations", {})
    (tmp_path / "data" / "slake").mkdir(parents=True)
    row = {"img_name": "a.png", "q_lang": "en", "modality": "MRI", "question": "Which?", "answer_type": "OPEN"}
    rows = [row | {"answer": "Left lung", "qid": 1}, row | {"answer": "", "qid": 2, "location": "Chest"}]
    (tmp_path / "data" / "slake" / "test.json").write_text(json.dumps(rows))
    picture = io.BytesIO()
    Image.new("L", (6, 4)).save(picture, "PNG")
    with zipfile.ZipFile(tmp_path / "data" / "slake" / "imgs.zip", "w") as archive:
        archive.writestr("imgs/a.png", picture.getvalue())

    from lmms_eval import evaluator
    from lmms_eval.api.model import lmms
    from lmms_eval.loggers import EvaluationTracker
    from lmms_eval.tasks import TaskManager

    from lmms_vg.plugin import TASK_FOLDER

    class StandIn(lmms):
        is_simple = False
        leaves_records = True

        def generate_until(self, requests: list[Any]) -> list[str]:
            texts = []
            for request in requests:
                _, _, _, index, task, split = request.args
                document = self.task_dict[task][split][index]
                key = {"key": "0", "task": task, "uid": document["uid"]}
                if index == 0 and task in ("vqa_demo_hard", "vgmed_demo"):
                    journal.remember(journal.Record(**key, text="", error="boom", error_code="model"))
                elif task == "vgmed_demo":
                    layers = {name: [1.0, 0.5] for name in ("ar", "kl", "js", "printed_ar")}
                    journal.remember(journal.Record(**key, text="", alignment=layers))
                texts.append(document["answer"] or "lung")
            return texts

        def loglikelihood(self, requests: list[Any]) -> None: ...

        def generate_until_multi_round(self, requests: list[Any]) -> None: ...

    journal.forget()
    tracker = EvaluationTracker(output_path=str(tmp_path / "out"))
    results = evaluator.simple_evaluate(
        model=StandIn(),
        tasks=["vqa_demo", "slake_test_open", "vgmed_demo"],
        task_manager=TaskManager("ERROR", include_path=str(TASK_FOLDER), include_defaults=False),
        limit=6,
        bootstrap_iters=0,
        log_samples=True,
        evaluation_tracker=tracker,
    )
    journal.forget()
    samples = results.pop("samples")
    tracker.save_results_aggregated(results=results, samples=samples, datetime_str="20260102_030405")
    for task, lines in samples.items():
        tracker.save_results_samples(task_name=task, samples=lines)

    run = read_run(tmp_path / "out")
    assert run.model == "StandIn"
    assert run.restricted == "--limit 6 and LMMS_VG_PARTIAL_DATA=1"
    assert run.groups == {"vqa_demo": ["vqa_demo_standard", "vqa_demo_hard"]}
    assert {name: (task.metric, *task.scores.values()) for name, task in run.tasks.items()} == {
        "vqa_demo_standard": ("acc", *[1] * 6),
        "vqa_demo_hard": ("acc", *[1] * 5),
        "slake_test_open": ("open_recall", 1),
    }
    assert list(run.tasks["vqa_demo_hard"].failed.values()) == [("model", "boom")]
    task = run.tasks["slake_test_open"]
    assert task.scores == {"slake/test/1": 1.0}
    assert task.failed["slake/test/2"].code == "question"
    assert task.about == {"slake/test/1": {"modality": "MRI"}}
    assert task.images == {"slake/test/1": "slake:a.png"}
    means = run.means["slake_test_open"]
    assert (means["open_recall"], means["bertscore"], means["average"]) == (1.0, None, None)
    assert run.means["vqa_demo"]["acc"] == 1.0
    assert task.rules.keys() == {name for name in means if "_stderr" not in name} - {"answered", "n"}, "all have one"
    assert (run.measured, run.left_out) == (["vgmed_demo"], [])
    assert run.means["vgmed_demo"]["n"] == 5


def test_another_decoding_is_not_the_protocols(tmp_path: Path) -> None:
    save(tmp_path, {"t": [closed("q1", 1)]}, gen_kwargs={"temperature": 1, "do_sample": True})
    assert read_run(tmp_path).restricted == "--gen_kwargs temperature=1,do_sample=True"
