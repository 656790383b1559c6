"""The public names: what they give, that they are light to import, and that the page about them runs."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from distributions import found, install, method
from saved_run import closed, save, spec

import lmms_vg
from lmms_vg.experiments.boxed_questions import questions
from lmms_vg.inference.build import build
from lmms_vg.tasks import documents, prompts, registry

PAGE = Path(__file__).parents[1] / "docs" / "api.md"
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def docs() -> list[dict]:
    return [dict(doc) for doc in list(registry.vqa_demo_standard(None))[:12]]


def test_answers_are_right_on_phantoms(docs: list[dict]) -> None:
    """The demo model is right on 99.7% of these (docs/methods.md)."""
    with lmms_vg.load("huatuo", pretrained="demo") as model:
        looks = [model.ask(documents.visual(doc), prompts.short_answer(doc)) for doc in docs]
    assert [look.answer for look in looks] == [doc["answer"] for doc in docs]
    assert all(look.alignment is None and look.best_layer is None for look in looks)


def test_alignment_is_that_of_a_measurement() -> None:
    """The same numbers as along the way of `overlay` and `heads calibrate`."""
    (question,) = questions("vgmed_demo", 1)
    answerer = build("huatuo", "vgrefine", pretrained="demo")
    ((_, record),) = answerer.answer([question])
    answerer.close()
    image, text = question.message()
    model = lmms_vg.load("huatuo", "vgrefine", pretrained="demo")
    answer = model.ask(image, text, boxes=question.boxes, max_new_tokens=1)
    assert answer.alignment is not None
    assert record.alignment is not None
    for name in ("ar", "kl", "js"):
        np.testing.assert_array_equal(getattr(answer.alignment, name), record.alignment[name])
    assert answer.best_layer == int(np.argmin(record.alignment["kl"]))
    assert answer.record.extras == record.extras


def test_a_method_of_others(docs: list[dict], tmp_path: Path) -> None:
    install(tmp_path, "theirs", {"methods:sharpen": "theirs:Sharpen"}, {"theirs": method("sharpen")})
    with found(tmp_path), lmms_vg.load("huatuo", methods=["plain", "sharpen"], pretrained="demo") as model:
        answers = model.ask(documents.visual(docs[0]), prompts.short_answer(docs[0]))
    assert answers["sharpen"].answer == answers["plain"].answer == docs[0]["answer"]


def test_several_methods_and_their_hyper_parameters(docs: list[dict], tmp_path: Path) -> None:
    file = tmp_path / "scan.png"
    documents.visual(docs[0])[0].save(file)
    text = prompts.short_answer(docs[0])
    model = lmms_vg.load("huatuo", methods={"plain": {}, "vgrefine": {"k": 3}}, pretrained="demo")
    assert model.methods == ("plain", "vgrefine")
    answers = model.ask(file, text)
    assert list(answers) == ["plain", "vgrefine"]
    alone = lmms_vg.load("huatuo", "vgrefine", pretrained="demo", k=3).ask(str(file), text)
    assert alone.record.key == answers["vgrefine"].record.key
    assert alone.answer == answers["vgrefine"].answer
    assert lmms_vg.load("huatuo", "vgrefine", pretrained="demo").ask(file, text).record.key == alone.record.key
    named = lmms_vg.load("huatuo", methods=["plain"], pretrained="demo").ask(file, text)
    assert named["plain"].answer == answers["plain"].answer


def test_asked_again_is_answered_from_the_journal(docs: list[dict]) -> None:
    image, text = documents.visual(docs[0]), prompts.short_answer(docs[0])
    with lmms_vg.load("huatuo", pretrained="demo", journal=True) as model:
        first = model.ask(image, text)
    with lmms_vg.load("huatuo", pretrained="demo", journal=True) as model:
        again = model.ask(image, text)
        assert (model._answerer.counts.answered, model._answerer.counts.from_journal) == (0, 1)
    assert again.record == first.record
    np.testing.assert_array_equal(again.map(), first.map())


def test_nothing_is_left_unless_asked(
    docs: list[dict], tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    with lmms_vg.load("huatuo", pretrained="demo") as model:
        model.ask(documents.visual(docs[0]), prompts.short_answer(docs[0]))
    assert len([*(tmp_path / "temporary").rglob("rank0.jsonl")]) == 1
    del model
    assert [*(tmp_path / "temporary").iterdir()] == []
    assert not (own_home / "journal").exists()


@pytest.mark.parametrize(
    ("family", "method", "message"),
    [
        ("huatou", "plain", "family 'huatou': did you mean huatuo"),
        ("huatuo", "vgrefin", "method 'vgrefin': did you mean vgrefine"),
        ("huatuo", ["plain"], "allowed is one name; several are methods="),
    ],
)
def test_what_cannot_be_loaded(family: str, method: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lmms_vg.load(family, method, pretrained="demo")  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ([], "no method was given"),
        ("vgrefine", "allowed is a list of names; one name is method='vgrefine'"),
        (["plain", "vgrefin"], "method 'vgrefin': did you mean vgrefine"),
        ({"vgrefine": {"kk": 1}}, "kk not known to 'vgrefine'"),
    ],
)
def test_methods_that_cannot_be_loaded(methods: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lmms_vg.load("huatuo", methods=methods, pretrained="demo")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="allowed is one of them"):
        lmms_vg.load("huatuo", "vgrefine", methods=["plain"], pretrained="demo")  # type: ignore[call-overload]


def test_what_cannot_be_asked(docs: list[dict], tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no image")
    image = documents.visual(docs[0])
    with lmms_vg.load("huatuo", pretrained="demo") as model:
        for asked, boxes, message, code in [
            (tmp_path / "text.png", None, "plain: .*text.png: not an image", "image"),
            (tmp_path / "absent.png", None, "absent.png", "image"),
            (image, [(900, 900, 950, 950)], "outside the image", "bad_box"),
            (image, [(5, 5, 2, 2)], "empty or inverted", "bad_box"),
        ]:
            with pytest.raises(lmms_vg.AskError, match=message) as caught:
                model.ask(asked, "Is there a nodule?", boxes=boxes)
            assert caught.value.code == code
        with pytest.raises(ValueError, match="allowed is a file"):
            model.ask([], "Is there a nodule?")
        for boxes in ((5, 5, 20, 20), [("a", 5, 20, 20)]):  # the first is one box that stands in no list
            with pytest.raises(ValueError, match="allowed is a list of"):
                model.ask(image, "Is there a nodule?", boxes=boxes)
    with (
        lmms_vg.load("huatuo", "oracle_mask", pretrained="demo") as model,
        pytest.raises(lmms_vg.AskError, match="boxes"),
    ):
        model.ask(image, "Is there a nodule?")


def test_runs(tmp_path: Path) -> None:
    for name, score in (("plain", 0), ("vgrefine", 1)):
        identity = {"method": spec("plain") if name == "plain" else spec("vgrefine", k=3)}
        save(tmp_path / name, {"vqa_demo_hard": [closed(f"q{n}", score) for n in range(6)]}, identity=identity)
    plain, refined = lmms_vg.read(tmp_path / "plain"), lmms_vg.read(str(tmp_path / "vgrefine"))
    assert isinstance(plain, lmms_vg.Run)
    comparison = lmms_vg.compare([plain, refined])
    assert isinstance(comparison, lmms_vg.Comparison)
    (difference,) = [line.against.difference.mean for line in comparison.lines if line.against]
    assert difference == 1
    assert "100.00" in comparison.table()
    assert comparison.table("csv").splitlines()[0].startswith("run,method,task,")
    with pytest.raises(ValueError, match="kind='html': allowed is markdown, csv, latex"):
        comparison.table("html")  # type: ignore[arg-type]
    assert "vqa_demo_hard" in plain.table()


def test_every_name_is_there() -> None:
    for name in lmms_vg.__all__:
        assert getattr(lmms_vg, name).__doc__
        assert name in dir(lmms_vg)
        assert (
            f"`{name}" in (page := PAGE.read_text(encoding="utf-8"))
            or f".{name}" in page
            or name in ("Model", "Run", "Comparison")
        )
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        lmms_vg.lod  # noqa: B018


@pytest.mark.e2e
def test_nothing_is_loaded_before_it_is_asked_for() -> None:
    code = "import sys, lmms_vg; print(len([name for name in sys.modules if name.startswith('lmms_vg.')]))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "0\n"


@pytest.mark.e2e
def test_types_reach_users(tmp_path: Path) -> None:
    """mypy sees what the names are: the package says that it is typed."""
    (tmp_path / "user.py").write_text(
        "import lmms_vg\n"
        "reveal_type(lmms_vg.load('huatuo').ask('a.png', 'b'))\n"
        "reveal_type(lmms_vg.load('huatuo', methods=['plain']).ask('a.png', 'b'))\n"
        "reveal_type(lmms_vg.read('out'))\n"
    )
    followed = "lmms_vg,lmms_vg.inference.model,lmms_vg.inference.look,lmms_vg.runs.read,lmms_vg.runs.results"
    (tmp_path / "mypy.ini").write_text(
        "[mypy]\nignore_missing_imports = true\nfollow_imports = skip\n"  # all that these import would take a minute
        f"[mypy-{followed}]\nfollow_imports = silent\n"
    )
    command = [sys.executable, "-m", "mypy", "user.py"]
    shown = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path).stdout
    assert re.findall(r'Revealed type is "(.*)"', shown) == [
        "lmms_vg.inference.look.Look",
        "lmms_vg.inference.look.Looks",
        "lmms_vg.runs.results.Run",
    ], shown


def test_the_page_runs(
    docs: list[dict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every snippet, in order, in one namespace, on a phantom and on two saved runs."""
    monkeypatch.chdir(tmp_path)
    documents.visual(docs[0])[0].save("scan.png")
    for name, score in (("plain", 0), ("vgrefine", 1)):
        identity = {"method": spec("plain") if name == "plain" else spec("vgrefine", k=3)}
        save(tmp_path / "out" / name, {"vqa_demo_hard": [closed(f"q{n}", score) for n in range(6)]}, identity=identity)
    assert len(SNIPPETS) == 3
    namespace: dict[str, object] = {}
    for snippet in SNIPPETS:
        exec(snippet, namespace)
    shown = capsys.readouterr().out
    assert "vgrefine " in shown
    assert "vqa_demo_hard 1.0 " in shown
