"""`lmms-vg vgmed build`, `questions` and `validate`, as their user calls them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import api_server
import numpy as np
import pytest
import vgmed_sources as sources

from lmms_vg.cli.main import main
from lmms_vg.vgmed.dataset import read


@pytest.fixture
def built(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    sources.label_maps(tmp_path / "a", n=4)
    manifest = sources.manifest(tmp_path / "a" / "a.yaml", exhaustive=True)
    assert main(["vgmed", "build", str(manifest), "-o", str(tmp_path / "out"), "--name", "mine"]) == 0
    return tmp_path / "out"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[api_server.Server]:
    with api_server.serving() as made:
        yield made


def test_build_says_what_became_of_everything(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = capsys.readouterr().out.splitlines()
    assert printed == [
        "a: 8 items (CC0-1.0)",
        f"{built}: 8 items on 4 images of 4 patients; next: lmms-vg vgmed questions {built}",
    ]
    assert read(built).card.name == "mine"


def test_from_build_to_validate(built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vgmed", "questions", str(built), "--absent", "1"]) == 0
    assert "localization: 8 questions; " in capsys.readouterr().out  # every image shows both labels: nothing is absent
    assert main(["vgmed", "validate", str(built), "-o", str(tmp_path / "figures")]) == 0
    printed = capsys.readouterr().out
    assert "modality: CT 8\nbody part: Abdomen 8\n" in printed
    assert f"{built}: nothing is wrong\n" in printed
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {"boxes.png", "distributions.png"}


def test_no_questions_yet(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vgmed", "validate", str(built)]) == 0
    assert "localization: 0 questions\nattribute: 0 questions\n" in capsys.readouterr().out


def test_a_damaged_data_set_fails_to_validate(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = built / "items.jsonl"
    path.write_text(path.read_text().replace('"label":"liver"', '"label":"lever"', 1))
    assert main(["vgmed", "validate", str(built)]) == 1
    assert "they were changed after the data set was built" in capsys.readouterr().out


def test_absent_questions_need_complete_masks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sources.label_maps(tmp_path / "a")
    main(["vgmed", "build", str(sources.manifest(tmp_path / "a" / "a.yaml")), "-o", str(tmp_path / "out")])
    assert main(["vgmed", "questions", str(tmp_path / "out"), "--absent", "1"]) == 0
    assert "no absent questions about a: their manifests do not say `exhaustive: true`" in capsys.readouterr().out


def test_an_endpoint_with_a_dry_run(built: Path, server: api_server.Server, capsys: pytest.CaptureFixture[str]) -> None:
    address = f"http://127.0.0.1:{server.server_port}/v1"
    asked = ["vgmed", "questions", str(built), "--endpoint", address, "--model", "m", "--per-minute", "100000"]
    assert main([*asked, "--dry-run", "--price", "2.5,10"]) == 0
    assert "0 of 2 answers are kept; to ask: 2 requests, about" in capsys.readouterr().out
    assert server.asked == 0
    server.answer = lambda n: "Is the liver large?\nIs the liver round?\nWhere is the liver?" if n == 0 else "prose"
    assert main(asked) == 1
    printed = capsys.readouterr().out
    assert "CT spleen: 3 answers of m without 3 different questions" in printed
    assert "attribute: 4 questions" in printed
    main([*asked, "--dry-run"])
    assert "2 of 2 answers are kept" in capsys.readouterr().out
    assert server.asked == 4


def test_text_burned_in_is_refused_unless_it_is_allowed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pydicom")
    organ = np.full((30, 40), -500)
    organ[5:15, 4:20] = 60
    for name, tags in {"clean": {}, "a_name": {"BurnedInAnnotation": "YES"}}.items():
        organ[0, : len(name)] = 60  # no two images are alike
        sources.dicom(tmp_path / "d" / "images" / f"{name}.dcm", organ, **tags)
        sources.picture(tmp_path / "d" / "masks" / f"{name}.png", (organ > 0).astype(np.uint8))
    manifest = str(sources.manifest(tmp_path / "d" / "d.yaml", images="images/{image}.dcm"))
    assert main(["vgmed", "build", manifest, "-o", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "images/a_name.dcm: it states that text is burned into its pixels" in printed
    assert "allow it with --allow-burned-in" in printed
    assert "  dropped 1: image cannot be read\n" in printed
    assert [item.origin for item in read(tmp_path / "out").items.values()] == ["images/clean.dcm"]
    assert main(["vgmed", "build", manifest, "-o", str(tmp_path / "all"), "--allow-burned-in"]) == 0
    assert "burned into" not in capsys.readouterr().out
    assert len(read(tmp_path / "all").items) == 2
    for folder in ("out", "all"):
        for path in (tmp_path / folder).rglob("*.*"):
            assert b"Doe" not in path.read_bytes()
            assert b"4711" not in path.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["questions", "x", "--endpoint", "u"], "--endpoint, --model: allowed are both"),
        (["questions", "x", "--absent", "-1"], "--absent -1"),
        (["questions", "x", "--dry-run"], "--dry-run: allowed with --endpoint"),
        (["questions", "x", "--endpoint", "u", "--model", "m", "--price", "2"], "--price '2': allowed are two numbers"),
        (
            ["questions", "x", "--endpoint", "u", "--model", "m", "--price=-1,2"],
            "--price '-1,2': allowed are two numbers",
        ),
        (["questions", "x", "--endpoint", "u", "--model", "m", "--price", "nan,2"], "--price 'nan,2': allowed are two"),
        (["questions", "x", "--endpoint", "u", "--model", "m"], "--endpoint u: allowed is an address that begins with"),
        (["blind", "score", "key.json", "v.json"], "lmms-vg: key.json: there is no key.json in .\n"),
        (["blind", "score", ".", "v.json"], "lmms-vg: .: Is a directory\n"),
        (["questions", "x"], "there is no finished data set; make one with lmms-vg vgmed build"),
        (["build", "there.yaml", "-o", "y", "--most", "0"], "--most 0: allowed are positive"),
        (["build", "x.yaml", "-o", "y"], "there is no x.yaml in ."),
    ],
)
def test_what_is_wrong(
    arguments: list[str],
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.yaml").touch()
    assert main(["vgmed", *arguments]) == 2
    assert reason in capsys.readouterr().err
