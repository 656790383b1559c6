"""The model class of lmms-eval in this process: batches, arguments, warnings and refusals."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import tiny
from loguru import logger
from whole_runs import TEXTS

from lmms_vg.inference.build import build
from lmms_vg.inference.question import Question
from lmms_vg.journal import read_heads, read_records
from lmms_vg.journal.decoding import Decoding


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save(tmp_path_factory.mktemp("checkpoint") / "tiny")


def questions() -> list[Question]:
    """Questions of different lengths, about three images, with and without boxes."""

    def one(image: int, text: str, align: bool) -> Question:
        message = (tiny.picture(image), text)
        uid, boxes = f"{image}/{text}", [[5.0, 5.0, 30.0, 30.0]]
        return Question("t", uid, lambda: message, "Write a general description.", Decoding(), boxes, align)

    texts = (*TEXTS["localization"], *TEXTS["attribute"])
    return [one(image, text, text.startswith("W")) for image in range(3) for text in texts]


@pytest.mark.parametrize("method", ["plain", "vgrefine"])
def test_batches_give_the_answers_of_single_questions(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    found = []
    for batch_size in (1, 4):
        monkeypatch.setenv("LMMS_VG_HOME", str(tmp_path / str(batch_size)))
        extra = {"heads": "1-0+2-1", "layers": 3} if method == "vgrefine" else {}
        answerer = build("huatuo", method, pretrained=str(checkpoint), batch_size=batch_size, **extra)
        found.append({question.uid: record for question, record in answerer.answer(questions())})
        answerer.journal.close()
        assert (answerer.counts.answered, answerer.counts.failed) == (12, 0)
    single, batched = found
    assert len({record.text for record in single.values()}) > 4
    for uid, record in single.items():
        assert (batched[uid].text, batched[uid].key, batched[uid].extras) == (record.text, record.key, record.extras)
        assert (record.alignment is None) == (batched[uid].alignment is None)
        for name, values in (record.alignment or {}).items():
            assert batched[uid].alignment[name] == pytest.approx(values, rel=1e-3, abs=1e-5)


def test_heads_true_puts_every_head_into_the_journal(checkpoint: Path) -> None:
    asked = questions()[:2]
    shapes = {}
    for heads in (True, False):
        answerer = build("huatuo", "plain", pretrained=str(checkpoint), heads=heads)
        list(answerer.answer(asked))
        answerer.journal.close()
        (_, line, _) = [json.loads(line) for line in answerer.journal.path.read_bytes().splitlines()]
        assert len(line["alignment"]["kl"]) == tiny.LAYERS
        kept = read_heads(answerer.journal.path.parent, read_records([answerer.journal.path]))
        shapes[heads] = [{value.shape for value in values} for _, values in kept]
    assert shapes[True] == [{(tiny.LAYERS, tiny.HEADS)}] * len(asked)
    assert shapes[False] == []


def test_model_args_win_over_what_lmms_eval_always_passes(checkpoint: Path) -> None:
    from lmms_vg.harness import huatuo_plain

    passed = {"batch_size": 1, "max_batch_size": None, "device": "cpu"}
    model = huatuo_plain.create_from_arg_string(f"pretrained={checkpoint},batch_size=3", passed)
    assert (model.batch_size, str(model.device)) == (3, "cpu")
    for ask in (model.loglikelihood, model.generate_until_multi_round):
        with pytest.raises(NotImplementedError, match="generate_until"):
            ask([])
    model.clean()


@pytest.mark.parametrize(("ranked_on", "warned"), [(["demo"], True), (["vgmed", "slake"], False), ([], False)])
def test_heads_ranked_on_the_images_asked_about_are_warned_of(
    ranked_on: list[str], warned: bool, tmp_path: Path
) -> None:
    """The run asks about phantoms of the demo tasks; a list states the data sets whose images ranked it."""
    from lmms_vg.harness import huatuo_vgrefine
    from lmms_vg.inference.run_checks import warn_of_leaks

    listed = {"models": ["demo"], "num_layers": 6, "num_heads": 6, "heads": [[1, 1]], "layers": [1], "source": "s"}
    path = tmp_path / "heads.json"
    path.write_text(json.dumps(listed | {"leaks": ranked_on}))
    model = huatuo_vgrefine.create_from_arg_string(f"pretrained=demo,heads={path}", {})
    said: list[str] = []
    sink = logger.add(lambda message: said.append(str(message)), level="WARNING")
    warn_of_leaks(model._answerer, ["demo:standard/100000", "demo:standard/100001"], rank=0)
    warn_of_leaks(model._answerer, ["demo:standard/300000"], rank=0)  # made for calibrating
    logger.remove(sink)
    model.clean()
    assert [("demo" in line and "results may be too good" in line) for line in said] == [True] * warned


def test_methods_that_need_boxes_are_not_asked_where_there_are_none() -> None:
    """Alone, the method fails at once; together with others, only its own run fails."""
    from lmms_vg.harness import huatuo_oracle_mask, huatuo_plain
    from lmms_vg.host.failure import RunFailed
    from lmms_vg.inference.build import together
    from lmms_vg.inference.run_checks import require_boxes

    boxed, bare = (SimpleNamespace(tasks=["t"], boxed=boxed) for boxed in (True, False))
    with together([("oracle_mask", {"pretrained": "demo"})], ["plain", "oracle_mask"]):
        model = huatuo_plain.create_from_arg_string("pretrained=demo", {})
        require_boxes(model._answerer, boxed)  # type: ignore[arg-type]
        assert len(model._answerer.method_runs) == 2
        require_boxes(model._answerer, bare)  # type: ignore[arg-type]
        assert [one.method.name for one in model._answerer.method_runs] == ["plain"]
        model.clean()
    alone = huatuo_oracle_mask.create_from_arg_string("pretrained=demo", {})
    with pytest.raises(
        RunFailed, match="oracle_mask needs annotated boxes, and no question of t has any; leave oracle_mask out"
    ):
        require_boxes(alone._answerer, bare)  # type: ignore[arg-type]
    alone.clean()
