"""Finished runs become a bundle with the same bytes every time; runs that do not stand for their benchmark are refused."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
import runs
from commands import FEW
from refusals import refused
from saved_run import closed, save, spec

from lmms_vg.cli.main import main
from lmms_vg.submission import submit as submitting
from lmms_vg.submission.archive import Bundle
from lmms_vg.submission.submit import by_method, read_card, submit
from lmms_vg.submission.validate import check

HARD, STANDARD, LOOKED = "vqa_demo_hard", "vqa_demo_standard", "vgmed_demo"

pytestmark = pytest.mark.usefixtures("few_phantoms")


def test_a_bundle_holds_what_was_asked_said_and_measured(tmp_path: Path) -> None:
    run = runs.save_run(tmp_path / "run", HARD, STANDARD, LOOKED, identity={"method": spec("vgrefine", k=5)})
    checked, ignored, *_ = submit([run], runs.CARD, tmp_path / "b.zip")
    assert ignored == []
    assert [one.code for one in checked.findings] == ["unverified-alignment"]
    entry = checked.entry
    assert entry is not None
    assert (entry.id, entry.method, entry.is_plain) == ("b", "vgrefine", False)
    manifest = entry.manifest
    assert (manifest.protocol, manifest.card, manifest.run.commit) == ("vgrefine", runs.CARD, "c0ffee")
    assert manifest.seeds == runs.SEEDS
    assert sorted(manifest.tasks) == sorted([HARD, STANDARD, LOOKED])
    results = json.loads(next((run / "demo").glob("*_results.json")).read_text())["results"]
    for task, stated in manifest.tasks.items():
        assert stated.asked == stated.n == FEW
        for name, value in stated.metrics.items():
            assert value == results[task][f"{name},none"], "lmms-eval's own table"
    assert manifest.groups["vqa_demo"].metrics == {"acc": results["vqa_demo"]["acc,none"]}
    assert manifest.tasks[HARD].rules["acc"].startswith("closed|rule:")
    assert (entry.scores[HARD].metric, entry.scores[LOOKED].metric) == ("acc", "ar")
    assert entry.scores[HARD].values.mean() == pytest.approx(manifest.tasks[HARD].metrics["acc"])
    for metric in ("ar", "kl", "js"):
        under = entry.scores[LOOKED].under(metric)
        assert under is not None
        assert (under.metric, under.values.size) == (metric, FEW)
        assert under.values.mean() == pytest.approx(manifest.tasks[LOOKED].metrics[metric]), "of the one best layer"
    assert entry.scores[HARD].under("kl") is None
    assert entry.scores[HARD].categories["modality"] == ("phantom",) * FEW


def test_thinking_moves_no_verdict(tmp_path: Path) -> None:
    """Thinking is cut out as lmms-eval does it, when the bundle is made and when it is checked."""
    say = runs.mostly_right()
    aloud = runs.save_run(tmp_path / "aloud", HARD, say=lambda one: f"<think>No? Yes?</think>{say(one)}")
    silent = runs.save_run(tmp_path / "silent", HARD, say=say)
    checked = [submit([run], runs.CARD, tmp_path / f"{run.name}.zip")[0] for run in (aloud, silent)]
    again = [check(tmp_path / f"{run.name}.zip") for run in (aloud, silent)]
    assert [one.errors for one in (*checked, *again)] == [[]] * 4
    entries = [one.entry for one in (*checked, *again)]
    assert all(entry is not None for entry in entries)
    scores = [entry.scores[HARD].values.tolist() for entry in entries if entry]
    assert scores == [scores[0]] * 4
    assert 0 < sum(scores[0]) < len(scores[0])


def test_the_same_runs_and_card_give_the_same_bytes(tmp_path: Path) -> None:
    run = runs.save_run(tmp_path / "run", HARD)
    for name in ("a.zip", "b.zip"):
        submit([run], runs.CARD, tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    other = runs.save_run(tmp_path / "other", HARD, say=runs.mostly_right(1))
    submit([other], runs.CARD, tmp_path / "c.zip")
    assert (tmp_path / "a.zip").read_bytes() != (tmp_path / "c.zip").read_bytes()


def test_runs_of_different_tasks_go_together(tmp_path: Path) -> None:
    first = runs.save_run(tmp_path / "1", HARD, identity={"commit": "a" * 40})
    second = runs.save_run(tmp_path / "2", STANDARD, HARD, identity={"commit": "b" * 40, "leaks": ["demo"]})
    checked, *_ = submit([first, second], runs.CARD, tmp_path / "b.zip")
    assert checked.entry is not None
    assert sorted(checked.entry.manifest.tasks) == [HARD, STANDARD]
    assert checked.entry.manifest.run.commit == f"{'a' * 40} and {'b' * 40}"
    assert [one.code for one in checked.findings] == ["leak"], "what one of the runs leaked the submission leaked"


def test_of_several_runs_in_a_folder_none_is_chosen(tmp_path: Path) -> None:
    """`run --methods` leaves such a folder; otherwise the newest run would be packed, whichever it is."""
    for method in ("plain", "pai"):
        runs.save_run(tmp_path / "out" / method, HARD, identity={"method": spec(method)})
    said = refused(tmp_path, "mixed", tmp_path / "out")
    assert "2 runs are under" in said
    with pytest.raises(ValueError, match="no such folder"):
        submit([tmp_path / "nowhere"], runs.CARD, tmp_path / "b.zip")


def test_settings_of_parts_are_all_kept(tmp_path: Path) -> None:
    made = []
    for number, revision in enumerate(("a", "b")):
        settings = {"pretrained": "x", "revision": revision}
        task = (HARD, STANDARD)[number]
        made.append(runs.save_run(tmp_path / revision, task, identity={"settings": settings}))
    for order in (made, made[::-1]):
        out = tmp_path / f"{order[0].name}.zip"
        checked, *_ = submit(order, runs.CARD, out)
        assert checked.entry is not None
        assert checked.entry.manifest.run.settings == {"pretrained": "x", "revision": "a and b"}
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def joint(out: Path) -> list[Path]:
    """Three methods as `run --methods` leaves them; one is in two parts, and one cannot be submitted."""
    for method in ("plain", "vgrefine", "pai"):
        limit = {"limit": 8.0} if method == "pai" else {}
        runs.save_run(out / method, HARD, identity={"method": spec(method)}, **limit)
    runs.save_run(out / "vgrefine-more", STANDARD, identity={"method": spec("vgrefine")})
    return sorted(out.iterdir())


def test_every_method_of_a_joint_run_in_one_call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = joint(tmp_path / "out")
    card = runs.write_card(tmp_path / "card.json", name="Tiny: a Model!")
    command = ["submit", *map(str, folders), "--card", str(card), "-o", str(tmp_path / "in")]
    assert main(command) == 1, "one of them was run in part"
    said = capsys.readouterr().out
    found = {path.parent.name: check(path).entry for path in sorted((tmp_path / "in").glob("*/bundle.zip"))}
    assert list(found) == ["tiny-a-model-plain", "tiny-a-model-vgrefine"]
    assert {id: sorted(entry.manifest.tasks) for id, entry in found.items() if entry} == {
        "tiny-a-model-plain": [HARD],
        "tiny-a-model-vgrefine": [HARD, STANDARD],
    }
    assert f"{tmp_path / 'in' / 'tiny-a-model-pai' / 'bundle.zip'}: no bundle was made:\n  restricted" in said
    assert main(command) == 2, "they are there"
    assert "tiny-a-model-plain/bundle.zip already exists" in capsys.readouterr().err
    alone = ["submit", str(folders[1]), "--card", str(card), "-o", str(tmp_path / "one")]
    assert main(alone) == 0
    assert (tmp_path / "one" / "tiny-a-model-plain" / "bundle.zip").is_file()


def test_a_bundle_is_named_for_its_folder_and_two_of_one_name_are_refused(tmp_path: Path) -> None:
    first = runs.save_run(tmp_path / "a" / "out", HARD)
    second = runs.save_run(tmp_path / "b" / "out", HARD, identity={"method": spec("pai")})
    results = next((first / "demo").glob("*_results.json"))
    named = {tmp_path / "in" / "tiny-out" / "bundle.zip": [results]}
    assert by_method([results], runs.CARD, tmp_path / "in") == named
    with pytest.raises(ValueError, match="tiny-out") as caught:
        by_method([first, second], runs.CARD, tmp_path / "in")
    assert str(first) in str(caught.value)
    assert str(second) in str(caught.value)


def test_methods_in_one_file_are_refused_with_the_way_on(tmp_path: Path) -> None:
    folders = joint(tmp_path / "out")[1:3]
    assert "a folder after -o" in refused(tmp_path, "mixed", *folders)


def test_tasks_of_others_are_left_out_and_named(tmp_path: Path) -> None:
    run = runs.save_run(tmp_path / "run", HARD)
    results = next((run / "demo").glob("*_results.json"))
    found = json.loads(results.read_text())
    found["results"]["mme"] = {"alias": "mme", "score,none": 3.0}
    found["n-samples"]["mme"] = {"original": 1, "effective": 1}
    results.write_text(json.dumps(found))
    (run / "demo" / results.name.replace("results.json", "samples_mme.jsonl")).write_text('{"score": 3}\n')
    checked, ignored, *_ = submit([run], runs.CARD, tmp_path / "b.zip")
    assert ignored == ["mme"]
    assert checked.entry is not None
    assert list(checked.entry.manifest.tasks) == [HARD]


@pytest.mark.parametrize(
    "text", ["/home/me/models/x", "~/models", "C:\\models", "see hf_abcdefghijklmnopqrstuvwxyz", "\\\\server\\share"]
)
def test_paths_and_tokens_do_not_leave(tmp_path: Path, text: str) -> None:
    run = runs.save_run(tmp_path / "run", HARD)
    said = refused(tmp_path, "private", run, card=runs.CARD.model_copy(update={"notes": f"made with {text}"}))
    assert text.split()[-1] not in said, "what is private is not printed either"


def test_what_only_this_machine_knows_does_not_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "radiology-gpu-7")
    monkeypatch.setenv("WANDB_API_KEY", "0123456789abcdef")
    run = runs.save_run(tmp_path / "run", HARD, identity={"settings": {"pretrained": "on radiology-gpu-7"}})
    assert "this machine's name" in refused(tmp_path, "private", run)
    run = runs.save_run(tmp_path / "run2", HARD)
    card = runs.CARD.model_copy(update={"notes": "key 0123456789abcdef"})
    said = refused(tmp_path, "private", run, card=card)
    assert "WANDB_API_KEY" in said
    assert "0123456789abcdef" not in said


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "b.zip"
    out.write_text("mine")
    with pytest.raises(ValueError, match="already exists"):
        submit([tmp_path], runs.CARD, out)
    assert out.read_text() == "mine"


def test_what_validation_would_refuse_is_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = runs.save_run(tmp_path / "run", HARD)
    monkeypatch.setattr(submitting, "sha256", lambda text: "0" * 64)
    refused(tmp_path, "checksum", run)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "JSON|Expecting"),
        ('{"name": "x", "parameters": 7}', "trained_on"),
        ('{"name": "x", "parameters": 0, "trained_on": []}', "parameters"),
        ('{"name": 3, "parameters": "7B", "licens": ""}', "name: .*parameters: .*trained_on: .*licens: "),
        ('{"name": "x", "parameters": 7, "trained_on": ["slakee"]}', "did you mean slake"),
        ('{"name": "x", "parameters": 7, "trained_on": ["slake2"]}', "slake2.*allowed are"),
        ('{"name": "x", "parameters": 7, "trained_on": [], "url": "javascript:alert(1)"}', "url"),
        ('{"name": "x", "parameters": 7, "trained_on": [], "best": true}', "best"),
    ],
)
def test_cards(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "card.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=said):
        read_card(path)


def test_the_example_of_the_message_is_a_card(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    path.write_text(submitting.EXAMPLE)
    assert read_card(path).trained_on == ["slake", "path_vqa"]


def test_as_typed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, out = runs.save_run(tmp_path / "run", HARD), tmp_path / "b.zip"
    card = runs.write_card(tmp_path / "card.json")
    command = ["submit", str(run), "--card", str(card), "-o", str(out)]
    assert main(command) == 0
    assert capsys.readouterr().out.startswith(f"{out}: Tiny, plain, 1 tasks, ")
    assert main(command) == 2, "it is there"
    assert main(["validate", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}: valid\n"
    limited = runs.save_run(tmp_path / "limited", HARD, limit=8.0)
    assert main(["submit", str(limited), "--card", str(card), "-o", str(tmp_path / "c.zip")]) == 1
    assert "restricted  " in capsys.readouterr().out
    with Bundle(out) as bundle:
        assert bundle.names == [f"answers/{HARD}.jsonl", "manifest.json", f"questions/{HARD}.jsonl"]
    assert check(out).entry is not None


def test_own_questions_are_no_benchmark(tmp_path: Path) -> None:
    save(tmp_path / "run", {"own_mine_closed": [closed("mine.jsonl/1", 1)]}, run=runs.PLAIN, **runs.SEEDS)
    said = refused(tmp_path, "unknown-task", tmp_path / "run")
    assert "own_mine_closed: own questions are no benchmark, so they are not submitted" in said
