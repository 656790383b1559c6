"""Calibrating heads: compared with eager attention and the raw journal, stopped and resumed, and refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import tiny
import torch
from checkpoints import load
from journals import record
from loguru import logger
from maps import question_map
from naive import stock
from PIL import Image
from pixels import pixels_of

import lmms_vg.tasks.catalogue
from lmms_vg.cli.main import main
from lmms_vg.experiments import boxed_questions, calibration
from lmms_vg.experiments.boxed_questions import BoxedSample, annotated, questions
from lmms_vg.experiments.calibration import calibrate
from lmms_vg.journal import HeadValues, Journal, QuestionHeads, home, read_heads, read_records
from lmms_vg.methods.head_list import HeadList, HeadOrders, HeadScores
from lmms_vg.methods.vgrefine import VGRefine
from lmms_vg.metrics.alignment import attention_ratio, js_divergence
from lmms_vg.metrics.head_ranking import METRICS, HeadSums, shared_by_chance
from lmms_vg.models.checkpoint import shape_of
from lmms_vg.vision.images import open_picture

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny.save(tmp_path_factory.mktemp("calibration") / "model"))


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail if a model is loaded."""
    monkeypatch.setattr(
        "lmms_vg.experiments.calibration.build", lambda *args, **kwargs: pytest.fail("a model was loaded")
    )


@pytest.fixture
def own_file(tmp_path: Path) -> Callable[..., Path]:
    """Write rows into a file next to two images."""

    def write(*rows: dict[str, Any]) -> Path:
        folder = tmp_path / "own"
        (folder / "imgs").mkdir(parents=True, exist_ok=True)
        for seed in (1, 2):
            tiny.picture(seed).save(folder / "imgs" / f"{seed}.png")
        path = folder / "boxes.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return write


ROW = {"image": "imgs/1.png", "question": "Where is the liver?", "bbox": [[4, 4, 20, 20]]}


def command(checkpoint: str, out: Path, **options: Any) -> list[str]:
    defaults = {
        "data": "demo",
        "model": "huatuo",
        "model_args": f"pretrained={checkpoint},device=cpu",
        "keep": 7,
        "seed": 3,
    }
    pairs = [part for name, value in (defaults | options).items() for part in (f"--{name}", str(value))]
    return ["heads", "calibrate", *pairs, "-n", "6", "-o", str(out)]


def read(path: Path) -> HeadList:
    return HeadList.model_validate_json(path.read_text())


def raw_records() -> list[dict[str, Any]]:
    (path,) = home().glob("journal/*/rank0.jsonl")
    return [line for line in map(json.loads, path.read_text().splitlines()) if "run" not in line]


def raw_heads() -> dict[str, dict[str, np.ndarray]]:
    """Uid -> metric -> values of heads that the journal keeps."""
    (folder,) = home().glob("journal/*")
    return {
        record.uid: values._asdict() for record, values in read_heads(folder, read_records([folder / "rank0.jsonl"]))
    }


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


def test_images_and_boxes_of_ones_own(
    checkpoint: str, tmp_path: Path, own_file: Callable[..., Path], capsys: Capture
) -> None:
    rows = [ROW, ROW | {"image": "imgs/2.png"}, ROW | {"bbox": []}, ROW | {"question": "And the spleen?", "bbox": None}]
    path = own_file(*rows)
    out = tmp_path / "list.json"
    assert main(command(checkpoint, out, data=path)) == 0
    output = capsys.readouterr().out
    assert "2 questions of boxes.jsonl have no box and are left out: boxes.jsonl/3, boxes.jsonl/4" in output
    head_list = read(out)
    assert (head_list.provenance["data"], head_list.provenance["n"], head_list.leaks) == ("boxes.jsonl", 2, [])
    assert [record["uid"] for record in raw_records()] == ["boxes.jsonl/1", "boxes.jsonl/2"]


def test_the_same_question_twice_counts_twice(checkpoint: str, tmp_path: Path, own_file: Callable[..., Path]) -> None:
    """It is answered once; the journal has its values under both of its uids."""
    other = ROW | {"image": "imgs/2.png"}
    assert main(command(checkpoint, tmp_path / "list.json", data=own_file(ROW, other, ROW))) == 0
    head_list = read(tmp_path / "list.json")
    values = {uid: heads["kl"] for uid, heads in raw_heads().items()}
    assert len(values) == 3
    assert np.array_equal(values["boxes.jsonl/1"], values["boxes.jsonl/3"])
    assert head_list.provenance["n"] == 3
    assert head_list.scores is not None
    twice, once = (np.array(values[f"boxes.jsonl/{row}"]) for row in (1, 2))
    assert np.array(head_list.scores.all_kl) == pytest.approx((2 * twice + once) / 3, abs=1e-4)


def test_a_broken_image_is_counted(checkpoint: str, tmp_path: Path, own_file: Callable[..., Path]) -> None:
    path = own_file(ROW | {"image": "imgs/0.png"}, ROW)
    heard: list[str] = []
    sink = logger.add(lambda message: heard.append(str(message)), level="WARNING")
    assert main(command(checkpoint, tmp_path / "list.json", data=path)) == 0
    logger.remove(sink)
    assert "1 of 2 questions were not measured" in "".join(heard)
    head_list = read(tmp_path / "list.json")
    assert (head_list.provenance["n"], head_list.provenance["asked"]) == (1, 2)


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([ROW | {"bbox": []}, {"image": "imgs/1.png", "question": "?"}], "none of its 2 questions has a box"),
        ([ROW | {"image": "gone.png"}, ROW | {"image": "imgs/none.png"}], "gone.png"),
    ],
)
def test_data_that_rank_nothing_are_refused_before_the_model(
    rows: list[dict[str, Any]], message: str, own_file: Callable[..., Path], tmp_path: Path, capsys: Capture
) -> None:
    assert main(command("demo", tmp_path / "list.json", data=own_file(*rows))) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "list.json").exists()


def test_damaged_lines_are_named_and_the_others_are_drawn(own_file: Callable[..., Path]) -> None:
    path = own_file(ROW)
    with path.open("a") as lines:
        lines.write("{not JSON\n")
    heard: list[str] = []
    sink = logger.add(lambda message: heard.append(str(message)), level="WARNING")
    sample = annotated(str(path), 5, 0)
    logger.remove(sink)
    assert [question.uid for question in sample.questions] == ["boxes.jsonl/1"]
    assert f"1 of 2 lines are left out, first {path}, line 2: not JSON" in "".join(heard)


@pytest.mark.usefixtures("no_model")
def test_coco_without_images_says_how_to_fetch_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    data = tmp_path / "data"
    (data / "vgmed").mkdir(parents=True)
    row = {"image": "COCO_val2014_000000000042.jpg", "question": "Where is the dog?", "bbox": [[1, 2, 3, 4]]}
    (data / "vgmed" / "COCO_localization.jsonl").write_text(json.dumps(row) + "\n")
    monkeypatch.setenv("LMMS_VG_DATA", str(data))
    assert main(command("demo", tmp_path / "list.json", data="coco")) == 2
    output = capsys.readouterr().err
    assert "lmms-vg data fetch coco" in output
    assert "coco" in lmms_vg.tasks.catalogue.specs(), "which that command knows"
    assert "COCO_val2014_000000000042.jpg" in output
    (data / "vgmed" / "COCO_localization.jsonl").unlink()
    assert main(command("demo", tmp_path / "list.json", data="coco")) == 1
    assert "lmms-vg data fetch vgmed" in capsys.readouterr().err


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "gpt"}, "--model 'gpt': allowed is huatuo, internvl, llava"),
        ({"model": "huatuo_vgrefine"}, "heads are ranked on the plain model"),
        ({"model_args": "demo"}, "--model_args 'demo' has no '='; allowed is name=value"),
        ({"model_args": "pretrained=demo,heads=1-1"}, "--model_args heads=1-1: did you mean per_head?"),
        ({"data": "slake_closed"}, "--data slake_closed: allowed is coco, vgmed, demo"),
        ({"keep": 37}, "--keep 37: 'demo' has 6 layers of 6 heads, so allowed is 1 to 36"),
        ({"keep": 0}, "allowed are positive integers"),
    ],
)
def test_wrong_arguments_are_named_before_any_work(
    changes: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(command("demo", Path("list.json"), **changes)) == 2
    assert message in capsys.readouterr().err


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize("out", [".", "heads.txt"])
def test_a_list_is_a_json_file(out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(command("demo", Path(out))) == 2
    assert f"--out {out}: name the .json file to write" in capsys.readouterr().err


@pytest.mark.usefixtures("no_model")
def test_a_list_is_never_overwritten(tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "list.json"
    out.write_text("precious")
    assert main(command("demo", out)) == 2
    assert f"{out}: already exists" in capsys.readouterr().err
    assert out.read_text() == "precious"


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
