"""`lmms-vg look`: one image in one command, and what it refuses before a model is loaded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from lmms_vg.cli.main import main
from lmms_vg.tasks import documents, registry

DEMO = ["--model_args", "pretrained=demo"]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    (doc, *_) = registry.vgmed_demo(None)
    path = tmp_path / "images of 患者" / "slice 1.png"
    path.parent.mkdir()
    documents.visual(doc)[0].save(path)
    return path


def test_answer_values_and_picture(image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "picture.png"
    asked = [str(image), "Where is it?", "--model", "huatuo_vgrefine", *DEMO, "--methods", "plain,vgrefine"]
    assert main(["look", *asked, "--box", "2,3,30,40", "10,10,50,50", "--layer", "2", "-o", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Where is it?"
    assert [line.split(":")[0] for line in lines[1:3]] == ["  plain", "  vgrefine"]
    assert next(line for line in lines if line.startswith("| placement (more) |")).endswith("| 0.50 |")
    assert max(map(len, lines)) <= 100
    assert lines[-1] == str(out)
    assert Image.open(out).width > 2 * Image.open(out).height


def test_one_method_without_a_box_or_a_picture(
    image: Path, tmp_path: Path, own_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["look", str(image), "Where is it?", "--model", "huatuo", *DEMO]) == 0
    shown = capsys.readouterr().out
    assert "  plain: " in shown
    assert "|" not in shown
    assert not (own_home / "journal").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--model", "huatuo_vgrefin"], "--model 'huatuo_vgrefin': did you mean huatuo_vgrefine?"),
        (["--box", "1,2,3"], "--box '1,2,3': allowed is x1,y1,x2,y2"),
        (["--box", "1,2,x,4"], "--box '1,2,x,4': allowed is"),
        (["-o", "picture.jpg"], "-o picture.jpg: allowed is a name that ends in .png"),
        (["--methods", "plain,vgrefin"], "--methods vgrefin: did you mean vgrefine"),
        (["--model_args", "pretrained=demo,mask=pre"], "--model_args mask=pre: allowed is pretrained"),
        (["--box", "900,900,950,950"], "outside the image"),
        (["--layer", "6"], "layer 6: allowed is 0 to 5"),
        (["--box", "2,2,20,20", "--bank", "gone/out"], "gone/out: there is no gone in ."),
    ],
)
def test_what_is_refused(
    change: list[str], message: str, image: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["look", str(image), "Where is it?", "--model", "huatuo", *DEMO, *change]) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize("question", ["", " \n"])
def test_a_question_without_text_is_refused_before_the_model(
    question: str, image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["look", str(image), question, "--model", "huatuo", *DEMO]) == 2
    assert capsys.readouterr().err == "lmms-vg: the question has no text; write what to ask, in quotation marks\n"


def test_a_folder_and_a_pipe_are_no_image(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        assert main(["look", str(path), "Where?", "--model", "huatuo", *DEMO]) == 2
        assert capsys.readouterr().err == f"lmms-vg: image {path} is not an ordinary file\n"


def test_an_image_that_viewers_turn_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class LoadedError(Exception):
        pass

    def load(*_: object) -> None:
        raise LoadedError

    monkeypatch.setattr("lmms_vg.cli.look._arguments", load)
    for orientation, said in ((1, False), (8, True)):
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.new("RGB", (40, 30)).save(tmp_path / "a.jpg", exif=exif)
        with pytest.raises(LoadedError):
            main(["look", str(tmp_path / "a.jpg"), "Where?", "--model", "huatuo", *DEMO])
        assert (f"{tmp_path / 'a.jpg'}: its EXIF data turn it in viewers" in capsys.readouterr().err) == said


def test_an_image_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["look", str(tmp_path / "no.png"), "Where?", "--model", "huatuo"]) == 2
    assert f"image {tmp_path / 'no.png'}: there is no no.png in {tmp_path}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "scan"), [("notes.txt", False), ("notes.png", False), ("ct.nii.gz", True), ("IM1.dcm", True)]
)
def test_a_file_that_is_no_image_gets_one_line_before_anything_is_loaded(
    name: str, scan: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    path.write_text("Where is the nodule?")
    monkeypatch.setattr("lmms_vg.cli.look._arguments", lambda *_: pytest.fail("it was loaded"))
    assert main(["look", str(path), "Where?", "--model", "huatuo"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"lmms-vg: image {path}: not an image of a format that is read: AVIF, BMP")
    assert line.endswith("; export the scan's slice as PNG or TIFF") == scan
