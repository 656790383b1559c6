"""A folder of bundles becomes a site: always the same bytes, complete or not at all, and it replaces only an older site."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import bundles
import pytest
import runs
from saved_run import spec
from tampered import change

from lmms_vg.cli.main import main
from lmms_vg.leaderboard.answer_explorer import check_withheld
from lmms_vg.leaderboard.site import MARKER, build
from lmms_vg.submission.schema import Card

pytestmark = pytest.mark.usefixtures("few_phantoms")

HARD = "vqa_demo_hard"
CHEN = "mmmu_med_chen_greedy"


@pytest.fixture(scope="module")
def submissions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's plain run, a method on it, and a submission under another protocol; tests only read them."""
    folder = tmp_path_factory.mktemp("submissions")
    plain = bundles.demo(runs.mostly_right(1), HARD)
    bundles.write_bundle(folder / "tiny-plain" / "bundle.zip", plain)
    method = {"method": spec("vgrefine", k=5)}
    bundles.write_bundle(folder / "tiny-vgrefine" / "bundle.zip", bundles.demo(runs.mostly_right(2), HARD), run=method)
    asked = [(question, "A") for question in bundles.choices(145)]
    bundles.write_bundle(
        folder / "greedy" / "bundle.zip", {CHEN: asked}, card=Card(name="G", parameters=7, trained_on=[])
    )
    return folder


@pytest.fixture(scope="module")
def site(submissions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of them; tests only read it."""
    folder = tmp_path_factory.mktemp("site") / "site"
    built = build(submissions, folder)
    assert (built.submissions, built.refused) == (3, [])
    return folder


def content(site: Path) -> dict[str, bytes]:
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in sorted(site.rglob("*")) if path.is_file()}


def test_the_same_bundles_give_the_same_bytes_and_replace_an_older_site(
    submissions: Path, site: Path, tmp_path: Path
) -> None:
    shutil.copytree(site, tmp_path / "a")
    (tmp_path / "a" / "left_over.html").write_text("from an older site")
    (tmp_path / "a" / "index.html").write_text("older")
    build(submissions, tmp_path / "a")
    assert content(tmp_path / "a") == content(site), "replaced whole"
    assert [path.name for path in tmp_path.iterdir()] == ["a"], "nothing is left beside it"


def test_what_a_site_holds(site: Path) -> None:
    names = set(content(site))
    assert {"index.html", "chen-greedy.html", "site.js", "site.css", "icon.svg", ".nojekyll", MARKER} <= names
    assert {f"submissions/{id}.html" for id in ("tiny-plain", "tiny-vgrefine", "greedy")} <= names
    assert {f"downloads/vgrefine/demo.{kind}" for kind in ("csv", "json", "tex", "md")} <= names
    assert {f"downloads/chen-greedy/table2.{kind}" for kind in ("csv", "json", "tex", "md")} <= names
    assert len([name for name in names if name.startswith("data/questions/vqa_demo_hard-")]) == 1, "once for both"
    page = (site / "submissions" / "tiny-vgrefine.html").read_text()
    assert "vgrefine k=5" in page
    assert 'href="tiny-plain.html"' in page


def test_measurements_without_a_protocol_stand_on_the_front_page(tmp_path: Path) -> None:
    bundles.write_bundle(tmp_path / "in" / "looks" / "bundle.zip", bundles.demo(runs.mostly_right(), "vgmed_demo"))
    build(tmp_path / "in", tmp_path / "site")
    assert sorted(path.name for path in (tmp_path / "site").glob("*.html")) == ["index.html"]
    assert 'href="submissions/looks.html"' in (tmp_path / "site" / "index.html").read_text()
    page = (tmp_path / "site" / "submissions" / "looks.html").read_text()
    assert "measurements only" in page
    assert 'href="../index.html#demo"' in page


class Links(HTMLParser):
    """Collects addresses and ids of a page."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.to: list[str] = []
        self.ids: list[str] = []
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            assert not name.startswith("on"), f"{tag} {name}"
            assert name != "style", f"{tag} {value}"
            if name in ("href", "src"):
                self.to.append(value or "")
            if name == "id":
                self.ids.append(value or "")


def test_every_link_leads_to_something(site: Path) -> None:
    pages = {path.resolve(): Links(path) for path in site.rglob("*.html")}
    assert len(pages) == 5
    for path, links in pages.items():
        assert len(set(links.ids)) == len(links.ids), f"{path}: an id twice"
        assert len(links.to) > 5
        for link in links.to:
            parts = urlsplit(link)
            assert not parts.scheme, link
            assert not parts.netloc, link
            assert not parts.path.startswith("/"), f"{link} works in the site's root only"
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.is_file(), f"{path}: {link}"
            if parts.fragment:
                assert parts.fragment in pages[target].ids, f"{path}: {link}"


def test_an_invalid_bundle_is_left_out_and_said(
    submissions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(submissions, tmp_path / "in")
    good = folder / "tiny-plain" / "bundle.zip"
    (folder / "later").mkdir()
    change(good, folder / "later" / "bundle.zip", lambda parts: parts["manifest"].update(schema_version=3))
    for name, data in {"broken": b"no zip", "Upper": good.read_bytes(), "..": None, "-x": good.read_bytes()}.items():
        if data is not None:
            (folder / name).mkdir()
            (folder / name / "bundle.zip").write_bytes(data)
    (folder / "folder" / "bundle.zip").mkdir(parents=True)
    assert main(["leaderboard", "build", str(folder), "-o", str(tmp_path / "site")]) == 1
    said = capsys.readouterr().out
    assert f"{folder / 'broken' / 'bundle.zip'}: refused\n  not-a-zip" in said
    assert "'Upper'" in said
    assert "'-x'" in said
    assert f"{folder / 'folder' / 'bundle.zip'}: refused\n  cannot be read" in said
    assert f"{folder / 'later' / 'bundle.zip'}: refused\n" in said
    assert "schema_version is 3; lmms_vg" in said
    assert "3 submissions, 5 left out" in said
    names = "\n".join(content(tmp_path / "site"))
    assert "broken" not in names
    assert "Upper" not in names
    assert main(["leaderboard", "build", str(submissions), "-o", str(tmp_path / "site")]) == 0


def test_without_a_valid_bundle_there_is_no_site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in" / "broken").mkdir(parents=True)
    (tmp_path / "in" / "broken" / "bundle.zip").write_bytes(b"no zip")
    assert main(["leaderboard", "build", str(tmp_path / "in"), "-o", str(tmp_path / "site")]) == 2
    said = capsys.readouterr().err
    assert "holds no valid <id>/bundle.zip" in said
    assert "not-a-zip" in said
    assert not (tmp_path / "site").exists()
    assert main(["leaderboard", "build", str(tmp_path / "nowhere"), "-o", str(tmp_path / "site")]) == 2


def test_other_things_are_not_replaced(submissions: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    (tmp_path / "file").write_text("a file")
    for out in ("mine", "file"):
        with pytest.raises(ValueError, match="site that lmms-vg wrote"):
            build(submissions, tmp_path / out)
    assert content(tmp_path / "mine") == {"thesis.txt": b"years of work"}
    assert (tmp_path / "file").read_text() == "a file"
    (tmp_path / "empty").mkdir()
    build(submissions, tmp_path / "empty")
    inside = shutil.copytree(submissions, tmp_path / "empty" / "in")
    with pytest.raises(ValueError, match="would be lost"):
        build(inside, tmp_path / "empty")
    assert (inside / "greedy" / "bundle.zip").is_file()


def test_a_build_that_fails_leaves_the_old_site(
    submissions: Path, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(site, tmp_path / "site")
    before = content(tmp_path / "site")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lmms_vg.leaderboard.site.data_files", full)
    with pytest.raises(OSError, match="No space"):
        build(submissions, tmp_path / "site")
    assert content(tmp_path / "site") == before
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_withheld_texts_are_nowhere(tmp_path: Path) -> None:
    secret = bundles.choices(145, question="Is Zyzzyvite seen?")
    secret = [one.model_copy(update={"options": ["Quuxoma", "Frobnitis"]}) for one in secret]
    bundles.write_bundle(tmp_path / "in" / "a" / "bundle.zip", {CHEN: [(question, "B") for question in secret]})
    bundles.write_bundle(tmp_path / "in" / "b" / "bundle.zip", bundles.demo(runs.mostly_right(), HARD))
    texts = (b"Zyzzyvite", b"Quuxoma", b"Frobnitis")
    build(tmp_path / "in", tmp_path / "open")
    assert all(any(text in data for data in content(tmp_path / "open").values()) for text in texts)
    # HuatuoGPT-Vision's file holds MMMU's questions, so these are withheld with MMMU, too.
    for names in (["mmmu"], ["medical_eval"]):
        build(tmp_path / "in", tmp_path / "closed", names)
        made = content(tmp_path / "closed")
        assert not any(text in data for text in texts for data in made.values()), names
        said = made["submissions/a.html"].decode()
        assert "Questions, options and references of mmmu_med_chen_greedy are not shown" in said
        assert re.search(rf"answers of {names[0]}\s+are not shown", made["index.html"].decode())
        assert b'[["made-up/0"],["made-up/1"]' in made[next(name for name in made if f"questions/{CHEN}" in name)]
        assert b'["B","B",0]' in made[f"data/answers/a/{CHEN}.js"], "answer and verdict stay"
        demo = made[next(name for name in made if f"questions/{HARD}" in name)]
        assert b"Where is the" in demo, "other data sets are shown"


def test_what_cannot_be_withheld(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["leaderboard", "build", str(tmp_path), "-o", str(tmp_path / "site"), "--withhold", "demo,vqa-rad"]
    assert main(command) == 2
    assert "--withhold vqa-rad: did you mean vqa_rad? allowed is coco, demo, " in capsys.readouterr().err
    with pytest.raises(
        ValueError, match=r"--withhold vqa-rad: did you mean vqa_rad\? It is not a data set; allowed are demo"
    ):
        check_withheld(["vqa-rad"])
