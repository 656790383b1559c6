"""Calibrating heads: compared with eager attention and the raw journal, stopped and resumed, and refusals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import tiny
import torch
from calibrating import command, raw_heads, raw_records, read
from checkpoints import load
from journals import record
from maps import question_map
from naive import stock
from PIL import Image
from pixels import pixels_of

from lmms_vg.cli.main import main
from lmms_vg.experiments import boxed_questions, calibration
from lmms_vg.experiments.boxed_questions import BoxedSample, annotated, questions
from lmms_vg.experiments.calibration import calibrate
from lmms_vg.journal import HeadValues, Journal, QuestionHeads, home, read_records
from lmms_vg.methods.head_list import HeadOrders, HeadScores
from lmms_vg.methods.vgrefine import VGRefine
from lmms_vg.metrics.alignment import attention_ratio, js_divergence
from lmms_vg.metrics.head_ranking import METRICS, HeadSums, shared_by_chance
from lmms_vg.models.checkpoint import shape_of
from lmms_vg.vision.images import open_picture

Capture = pytest.CaptureFixture[str]


def test_heads_are_ranked_as_eager_attention_says(checkpoint: str, tmp_path: Path, capsys: Capture) -> None:
    """Values equal those from the stock model's maps, head by head, and VGRefine accepts the list."""
    out = tmp_path / "heads" / "list.json"
    assert main(command(checkpoint, out)) == 0
    assert "7 heads of n=6 questions" in capsys.readouterr().out
    head_list = read(out)

    family = load("huatuo", checkpoint)
    samples: dict[str, list[np.ndarray]] = {"kl": [], "ar": [], "js": [], "layer": []}
    for question in questions("demo_calibration", 6, 3):
        image, text = question.message()
        assert isinstance(image, Image.Image)
        picture, maps = open_picture(image), []
        for prompt in (family.prompt([picture, str(text)]), family.prompt([picture, question.reference])):
            with torch.no_grad(), stock(family.model, "eager"):
                seen = family.model(
                    input_ids=prompt.input_ids[None], pixel_values=pixels_of(prompt), output_attentions=True
                ).attentions
            maps.append(np.stack([layer[0, :, -1].double().numpy()[:, prompt.image_tokens] for layer in seen]))
            mask = prompt.images[0].views[0].patch_mask(question.boxes).ravel()
        target = mask / mask.sum()

        def kl(values: np.ndarray, target: np.ndarray = target) -> np.ndarray:
            shares = np.clip(values / values.sum(-1, keepdims=True), 1e-12, 1)
            return (np.clip(target, 1e-12, 1) * np.log(np.clip(target, 1e-12, 1) / shares)).sum(-1)

        samples["kl"].append(kl(maps[0] / maps[1]))
        samples["ar"].append(attention_ratio(maps[0] / maps[1], mask))
        samples["js"].append(js_divergence(maps[0] / maps[1], mask))
        samples["layer"].append(kl(maps[0].mean(1) / maps[1].mean(1)))
    means = {name: np.mean(values, 0) for name, values in samples.items()}
    order = np.argsort(means["kl"], axis=None)[:7]
    assert head_list.heads == [divmod(int(place), tiny.HEADS) for place in order]
    assert head_list.layers == [int(means["layer"].argmin())]
    assert head_list.scores is not None
    for name in ("kl", "ar", "js"):
        assert getattr(head_list.scores, name) == pytest.approx(means[name].ravel()[order], abs=2e-4)
    assert np.array(head_list.scores.all_kl) == pytest.approx(means["kl"], abs=2e-4)
    assert head_list.scores.layer_kl == pytest.approx(means["layer"], abs=2e-4)
    method = VGRefine.for_checkpoint(shape_of(checkpoint), heads=str(out))
    assert isinstance(method, VGRefine)
    assert [*method.heads] == head_list.heads


@pytest.mark.parametrize("by", ["kl", "ar", "js", "placement"])
def test_the_list_is_the_mean_of_the_journal(by: str, checkpoint: str, tmp_path: Path) -> None:
    out = tmp_path / "list.json"
    assert main(command(checkpoint, out, by=by)) == 0
    head_list, records = read(out), raw_records()
    heads = raw_heads()
    assert len(heads) == 6
    values = np.nanmean([one[by] for one in heads.values()], axis=0)
    order = np.argsort(-values if by in ("ar", "placement") else values, axis=None, kind="stable")[:7]
    assert head_list.heads == [divmod(int(place), tiny.HEADS) for place in order]
    assert head_list.layers == [int(np.mean([record["alignment"]["kl"] for record in records], axis=0).argmin())]
    assert head_list.orders is not None
    for name, sign in (("kl", 1), ("ar", -1), ("js", 1), ("placement", -1)):
        means = sign * np.nanmean([one[name] for one in heads.values()], axis=0)
        best = np.argsort(means, axis=None, kind="stable")[:7]
        assert head_list.orders.shared[name] == len({*best.tolist()} & {*order.tolist()})
    assert head_list.provenance["by"] == head_list.orders.by == by
    assert head_list.provenance["n"] == len(records) == 6
    assert head_list.provenance["images"] == len({record["image"] for record in records})
    assert len(head_list.provenance["weights"]) == 64
    assert all(record["text"] == "" or len(record["text"].split()) == 1 for record in records), "one token is enough"


def test_orders_of_a_journal_made_by_hand(tmp_path: Path) -> None:
    """One layer of four heads. The question about image "y" is asked twice, and its box has too few places for placement."""
    by_hand = {
        "a": ("x", {"kl": [1, 2, 3, 4], "ar": [1, 4, 3, 2], "js": [4, 3, 2, 1], "placement": [0.2, 0.4, 0.9, 0.6]}),
        "b": ("y", {"kl": [4, 2, 3, 5], "ar": [1, 1, 9, 1.5], "js": [4, 3, 1, 2]}),
    }
    with Journal(tmp_path) as made:
        for key, (image, values) in by_hand.items():
            heads = HeadValues.of({name: [numbers] for name, numbers in values.items()})
            answered = record(key, image=image, alignment={"kl": [1.0], "head_shape": [1, 4]})
            made.write([answered], [question_map(key, image, layers=1)], [QuestionHeads(key, heads)])
        made.write([record("failed", text="", error="E: no", error_code="model")])
    records = {one.key: one for one in read_records([tmp_path / "rank0.jsonl"])}
    asked = [records[key] for key in ("a", "b", "b", "failed")]
    answers: Any = SimpleNamespace(answer=lambda questions: ((one, one) for one in asked), journal=made)
    orders = {}
    for by in METRICS:
        sums = HeadSums((1, 4), by, resamples=4)
        sample = BoxedSample("by hand", cast("Any", asked), [], [])
        assert calibration.measure(answers, sample, sums) == (2, {"a": 1, "b": 2})
        orders[by] = [head for _, head in sums.ranking(4)]
    assert sums.means()["kl"] == pytest.approx(np.array([[3, 2, 3, 14 / 3]]), abs=1e-4)
    assert sums.means()["placement"] == pytest.approx(np.array([[0.2, 0.4, 0.9, 0.6]]), abs=1e-4)
    assert orders == {"kl": [1, 0, 2, 3], "ar": [2, 1, 3, 0], "js": [2, 3, 1, 0], "placement": [2, 3, 1, 0]}
    assert sums.shared(2) == {"kl": 0, "ar": 1, "js": 2, "placement": 2}
    even = calibration._even(tmp_path, {"a": 1, "b": 2})
    assert even == pytest.approx({"ar": 1.0, "kl": np.log(10), "js": even["js"], "placement": 0.5})
    means = {name: values[0].tolist() for name, values in sums.means().items()}
    scores = HeadScores(**means, layer_kl=[1.0], all_kl=[means["kl"]])
    marks = HeadOrders(by="kl", shared={}, even=even | {"js": 3.5}).no_better_than_even(scores)
    assert marks == [True, True, True, True], "a KL above ln 10, or a placement below chance"
    easy = HeadOrders(by="kl", shared={}, even=even | {"kl": 3.5, "js": 3.5}).no_better_than_even(scores)
    assert easy == [True, True, False, True], "no more than even in AR, in placement, and in KL"


def test_order_and_batch_size_of_questions_do_not_matter(
    checkpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = annotated("demo", 12, 0)
    head_list = calibrate("huatuo", {"pretrained": checkpoint, "device": "cpu"}, sample)
    monkeypatch.setenv("LMMS_VG_HOME", str(tmp_path / "other"))
    turned = calibrate(
        "huatuo", {"pretrained": checkpoint, "device": "cpu"}, replace(sample, questions=sample.questions[::-1])
    )
    assert turned == head_list
    by_four = calibrate("huatuo", {"pretrained": checkpoint, "device": "cpu", "batch_size": 4}, sample)
    assert (by_four.heads, by_four.layers) == (head_list.heads, head_list.layers)


def test_a_stopped_calibration_goes_on_to_the_same_file(
    checkpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stops at the fourth question with half a line in the journal, as a killed process does."""
    whole, resumed = tmp_path / "whole.json", tmp_path / "resumed.json"
    assert main(command(checkpoint, whole)) == 0
    monkeypatch.setenv("LMMS_VG_HOME", str(tmp_path / "other"))
    asked: list[str] = []
    visual = boxed_questions.docs.visual

    def until_stopped(doc: dict[str, Any]) -> list[Image.Image]:
        asked.append(doc["uid"])
        if len(asked) == 5:  # the first image is opened before the model is loaded
            raise KeyboardInterrupt
        return visual(doc)

    with monkeypatch.context() as patch:
        patch.setattr(boxed_questions.docs, "visual", until_stopped)
        assert main(command(checkpoint, resumed)) == 130
    assert not resumed.exists()
    assert len(raw_records()) == 3
    (path,) = home().glob("journal/*/rank0.jsonl")
    with path.open("a") as torn:
        torn.write('{"key": "half a li')
    assert main(command(checkpoint, resumed)) == 0
    assert len(raw_records()) == 6, "what had been answered was not asked again"
    assert resumed.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.glob("*.json*")) == ["resumed.json", "whole.json"]


def test_a_family_may_be_named_as_a_model(checkpoint: str, tmp_path: Path) -> None:
    assert main(command(checkpoint, tmp_path / "list.json", model="llava_plain")) == 0
    assert read(tmp_path / "list.json").provenance["family"] == "llava"


def test_a_list_of_another_architecture_is_refused(checkpoint: str, tmp_path: Path) -> None:
    out = tmp_path / "list.json"
    assert main(command(checkpoint, out)) == 0
    with pytest.raises(ValueError, match=r"is for model \(5 layers of 4 heads\); pretrained='demo' has 6 layers of 6"):
        VGRefine.for_checkpoint(shape_of("demo"), heads=str(out))


def test_a_few_images_say_nothing_of_stability(checkpoint: str, tmp_path: Path, capsys: Capture) -> None:
    """With a single image every resample is the same: all heads would always be found again."""
    assert main(command(checkpoint, tmp_path / "list.json", data="vgmed_demo")) == 0
    assert read(tmp_path / "list.json").stability is None
    assert "stability: unknown" in capsys.readouterr().out


def test_show_prints_a_calibrated_list_and_draws_it(
    checkpoint: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "FEWEST", 1)
    out, picture = tmp_path / "list.json", tmp_path / "new" / "map.png"
    assert main(command(checkpoint, out, data="vgmed_demo")) == 0
    head_list = read(out)
    assert head_list.scores is not None
    assert head_list.stability is not None
    capsys.readouterr()
    assert main(["heads", "show", str(out), "-o", str(picture)]) == 0
    output = capsys.readouterr().out
    (layer, head), *_ = head_list.heads
    first = next(line for line in output.splitlines() if line.split()[:1] == ["1"])
    values = [getattr(head_list.scores, name)[0] for name in ("kl", "ar", "js", "placement")]
    assert first.split()[:7] == ["1", str(layer), str(head), *(f"{value:.4f}" for value in values)]
    assert head_list.orders is not None
    marked = head_list.orders.no_better_than_even(head_list.scores)
    assert sum(line.endswith("no better than even") for line in output.splitlines()) == sum(marked)
    assert f"even look        {head_list.orders.even['kl']:9.4f}" in output
    assert "ranked by kl; of the 7 heads, among the best 7 by another metric: " in output
    chance = shared_by_chance(7, tiny.LAYERS * tiny.HEADS)
    assert f"unrelated orders share {chance.mean:.1f}, and 95% of them at most {chance.most}" in output
    assert f"knockout layers: {head_list.layers[0]}" in output
    assert "leaks: demo;" in output
    assert f"{head_list.stability.bootstrap.mean:.2f} of them are found again" in output
    assert f"weights: {head_list.provenance['weights']}" in output
    assert Image.open(picture).width > 200


def test_show_of_a_list_without_scores(tmp_path: Path, capsys: Capture) -> None:
    assert main(["heads", "show", "huatuo_vision_7b"]) == 0
    output = capsys.readouterr().out
    assert "no scores" in output
    assert [line.split() for line in output.splitlines() if line.split()[:1] == ["1"]] == [["1", "15", "4"]]
    assert main(["heads", "show", "huatuo_vision_7b", "-o", str(tmp_path / "map.png")]) == 2
    captured = capsys.readouterr()
    assert "no scores to draw" in captured.err
    assert "15" in captured.out
    assert main(["heads", "show", "huatuo_vision_34b"]) == 0
    assert "heads calibrate" in capsys.readouterr().out
