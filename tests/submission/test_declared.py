"""Answers-only bundles: runs of models that are not ours, whose identity is the submitter's word and whose scores are not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import runs
from pydantic import ValidationError
from tampered import Parts, change, parts

from lmms_vg.cli.main import main
from lmms_vg.runs.read import read
from lmms_vg.submission.archive import Bundle
from lmms_vg.submission.findings import Rejected
from lmms_vg.submission.json_schema import json_schema
from lmms_vg.submission.schema import Card, Declaration, Manifest
from lmms_vg.submission.submit import by_method, submit
from lmms_vg.submission.validate import check

pytestmark = pytest.mark.usefixtures("few_phantoms")

HARD, STANDARD, LOOKED = "vqa_demo_hard", "vqa_demo_standard", "vgmed_demo"
CARD = Card(name="Some API", parameters=None, trained_on=[])
OPENAI = {
    "model": "openai",
    "model_args": "model_version=m-1,base_url=https://user:pass@api.example.org/v1,api_key=[REDACTED],max_new_tokens=8",
}


def unsigned(out: Path, *tasks: str, **config: Any) -> Path:
    """A run of a model that is not ours."""
    return runs.save_run(out, *(tasks or (HARD,)), signed=False, **(OPENAI | config))


def declared(tmp_path: Path, *folders: Path) -> Declaration:
    submit(folders, CARD, tmp_path / "b.zip")
    with Bundle(tmp_path / "b.zip") as bundle:
        manifest = bundle.manifest()
    assert manifest.run is None
    assert manifest.declared is not None
    return manifest.declared


def test_what_is_known_is_stated_and_nothing_else(tmp_path: Path) -> None:
    stated = declared(tmp_path, unsigned(tmp_path / "run"))
    assert stated == Declaration(
        model="openai", name="m-1", host="api.example.org", dates=["2026-01-01"], arguments={"max_new_tokens": "8"}
    )
    manifest = parts(tmp_path / "b.zip")["manifest"]
    assert "run" not in manifest
    jsonschema.validate(manifest, json_schema())
    text = json.dumps(manifest)
    assert all(hidden not in text for hidden in ("pass", "REDACTED", "user"))


def test_a_folder_of_weights_is_named_without_its_place(tmp_path: Path) -> None:
    run = unsigned(tmp_path / "run", model="llava_hf", model_args=f"pretrained={tmp_path / 'tiny'},dtype=float32")
    stated = declared(tmp_path, run)
    assert (stated.name, stated.host, stated.arguments) == ("tiny", None, {"dtype": "float32"})


def test_arguments_may_hold_commas_or_be_a_mapping(tmp_path: Path) -> None:
    text = unsigned(tmp_path / "1", model_args='model=m,extra={"a": 1, "b": 2},timeout=3')
    assert declared(tmp_path / "1", text).arguments == {"extra": '{"a": 1, "b": 2}', "timeout": "3"}
    mapping = unsigned(tmp_path / "2", model_args={"model": "m", "timeout": 3, "token": "t"})
    assert declared(tmp_path / "2", mapping).arguments == {"timeout": 3}


def test_every_argument_but_the_name_and_the_endpoint_is_kept(tmp_path: Path) -> None:
    run = unsigned(tmp_path / "run", model_args="pretrained=a/b,model_name=c,revision=d,base_url=http://h:8000/v1")
    stated = declared(tmp_path, run)
    assert (stated.name, stated.host, stated.arguments) == ("a/b", "h", {"model_name": "c", "revision": "d"})


def test_an_argument_that_no_bundle_holds_is_named(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match=r"arguments\.prompt") as caught:
        submit([unsigned(tmp_path / "run", model_args=f"model=m,prompt={'x' * 3_000}")], CARD, tmp_path / "b.zip")
    assert [one.code for one in caught.value.findings] == ["provenance"]


def test_scores_are_recomputed(tmp_path: Path) -> None:
    submit([unsigned(tmp_path / "run", HARD, STANDARD)], CARD, tmp_path / "b.zip")
    checked = check(tmp_path / "b.zip")
    assert [one.code for one in checked.findings] == ["declared"]
    entry = checked.entry
    assert entry is not None
    assert (entry.declared, entry.method, entry.is_plain) == (True, "", False)
    assert entry.scores[HARD].values.mean() == pytest.approx(entry.manifest.tasks[HARD].metrics["acc"])

    def cheat(given: Parts) -> None:
        line = next(line for line in given[f"answers/{HARD}.jsonl"] if not line["score"])
        line["score"] = 1

    forged = change(tmp_path / "b.zip", tmp_path / "forged.zip", cheat)
    assert {one.code for one in check(forged).errors} == {"verdict"}


def test_a_request_that_failed_is_no_answer(tmp_path: Path) -> None:
    def fail(_task: str, lines: list[dict[str, Any]]) -> None:
        item = {
            "error": "[LMMS_EVAL_REQUEST_FAILED",
            "error_code": "model",
            "task": HARD,
            "uid": lines[7]["acc"]["uid"],
        }
        lines[7] |= dict.fromkeys(("acc", "ci95", "unparseable"), item) | {"answered": 0, "n": {"answered": 0}}

    with pytest.raises(Rejected) as caught:
        submit([unsigned(tmp_path / "run", change=fail)], CARD, tmp_path / "b.zip")
    assert [one.code for one in caught.value.findings] == ["failed"]


def test_measurements_need_a_model_that_records_its_attention(tmp_path: Path) -> None:
    """Such a run cannot be made, but it can be forged."""
    with pytest.raises(Rejected) as caught:
        submit([unsigned(tmp_path / "run", HARD, LOOKED)], CARD, tmp_path / "b.zip")
    assert {(one.code, one.where) for one in caught.value.findings if not one.is_note} == {("provenance", LOOKED)}


def test_our_models_have_to_sign(tmp_path: Path) -> None:
    with pytest.raises(Rejected) as caught:
        submit([unsigned(tmp_path / "run", model="huatuo_plain")], runs.CARD, tmp_path / "b.zip")
    assert [one.code for one in caught.value.findings] == ["provenance"]


def test_a_run_that_does_not_say_when(tmp_path: Path) -> None:
    with pytest.raises(Rejected) as caught:
        submit([unsigned(tmp_path / "run", date=None)], CARD, tmp_path / "b.zip")
    assert [one.code for one in caught.value.findings] == ["provenance"]


def test_parts_of_one_model_go_together_and_of_two_do_not(tmp_path: Path) -> None:
    first = unsigned(tmp_path / "1", HARD)
    later = unsigned(tmp_path / "2", STANDARD, date="20260203_040506")
    assert declared(tmp_path, first, later).dates == ["2026-01-01", "2026-02-03"]
    ours = runs.save_run(tmp_path / "ours", STANDARD)
    other = unsigned(tmp_path / "other", STANDARD, model_args="model_version=m-2")
    for second in (ours, other):
        for order in ((first, second), (second, first)):
            with pytest.raises(Rejected) as caught:
                submit(order, CARD, tmp_path / "c.zip")
            assert [one.code for one in caught.value.findings] == ["mixed"]
    assert len(by_method([first, other, ours], CARD, tmp_path / "in")) == 3


def test_only_a_declared_model_may_be_of_unknown_size(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match=r"card\.parameters"):
        submit([runs.save_run(tmp_path / "ours", HARD)], CARD, tmp_path / "b.zip")
    submit([unsigned(tmp_path / "run")], CARD, tmp_path / "b.zip")
    manifest = parts(tmp_path / "b.zip")["manifest"]
    both, neither = manifest | {"run": runs.PLAIN}, {key: value for key, value in manifest.items() if key != "declared"}
    for wrong in (both, neither, neither | {"run": runs.PLAIN}):
        with pytest.raises(ValidationError, match=r"needs either run|parameters may be null"):
            Manifest.model_validate(wrong)
    Manifest.model_validate(neither | {"run": runs.PLAIN, "card": runs.CARD.model_dump()})


def test_bundles_of_our_models_do_not_know_of_it(tmp_path: Path) -> None:
    """So versions without the field still read them."""
    submit([runs.save_run(tmp_path / "run", HARD)], runs.CARD, tmp_path / "b.zip")
    assert "declared" not in parts(tmp_path / "b.zip")["manifest"]


def test_exports(tmp_path: Path) -> None:
    submit([unsigned(tmp_path / "run")], CARD, tmp_path / "b.zip")
    for form, out in (("model-index", "card.md"), ("lmms-eval", "exported")):
        assert main(["export", str(tmp_path / "b.zip"), "--to", form, "-o", str(tmp_path / out)]) == 0
    assert "api.example.org" in (tmp_path / "card.md").read_text()
    again = read(tmp_path / "exported")
    assert (again.name, again.method) == ("openai", None)
    assert again.tasks[HARD].scores == read(tmp_path / "run").tasks[HARD].scores
    submit([tmp_path / "exported"], CARD, tmp_path / "again.zip")


def test_the_command_line_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = runs.write_card(tmp_path / "card.json", parameters=None)
    assert main(["submit", str(unsigned(tmp_path / "run")), "--card", str(card), "-o", str(tmp_path / "b.zip")]) == 0
    said = capsys.readouterr().out
    assert "answers only" in said
    assert "\n  declared  " in said
