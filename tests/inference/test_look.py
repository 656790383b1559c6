"""What `ask` returns: the map of the pass that answered, its values, and how it shows itself."""

from __future__ import annotations

from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lmms_vg
from lmms_vg.inference.build import build
from lmms_vg.metrics import alignment
from lmms_vg.tasks import documents, registry

DOCS = list(registry.vgmed_demo(None))[:2]
QUESTION = "Where is it, on the left or on the right?"


@pytest.fixture(scope="module")
def looks() -> lmms_vg.Looks:
    with lmms_vg.load("huatuo", methods=["plain", "vgrefine"], pretrained="demo") as model:
        return model.ask(documents.visual(DOCS[0]), QUESTION, DOCS[0]["boxes"])


def test_the_map_is_that_of_the_alignment(looks: lmms_vg.Looks) -> None:
    """Values recomputed from the map of every layer are those that were measured on the pass itself."""
    for look in looks.values():
        assert look.alignment is not None
        for layer, ratio in enumerate(look.alignment.ar):
            assert look.map(layer).mean() == pytest.approx(1)
            assert look.map(layer)[look.site.mask].mean() == pytest.approx(ratio, rel=0.01)
            assert alignment.js_divergence(look.map(layer), look.site.mask) == pytest.approx(
                look.alignment.js[layer], abs=0.01
            )


def test_the_map_needs_no_box(looks: lmms_vg.Looks) -> None:
    with lmms_vg.load("huatuo", "vgrefine", pretrained="demo") as model:
        look = model.ask(documents.visual(DOCS[0]), QUESTION)
    assert look.alignment is None
    assert look.answer == looks["vgrefine"].answer
    np.testing.assert_allclose(look.map(3), looks["vgrefine"].map(3), rtol=1e-3)
    assert "AR" not in look.table()
    assert look.map().shape == (8, 8)


def test_methods_side_by_side_equal_methods_alone(looks: lmms_vg.Looks) -> None:
    for name, look in looks.items():
        with lmms_vg.load("huatuo", name, pretrained="demo") as model:
            alone = model.ask(documents.visual(DOCS[0]), QUESTION, DOCS[0]["boxes"])
        assert alone.record.key == look.record.key
        assert alone.record.alignment == look.record.alignment
        np.testing.assert_array_equal(alone.lifts, look.lifts)


def test_several_methods_share_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """The image's prefix is opened once, though two methods answer."""
    opened: list[int] = []
    model = lmms_vg.load("huatuo", methods=["plain", "vgrefine"], pretrained="demo")
    embed = model._answerer.family.embed
    monkeypatch.setattr(model._answerer.family, "embed", lambda prompts: opened.append(len(prompts)) or embed(prompts))
    model.ask(documents.visual(DOCS[1]), QUESTION, DOCS[1]["boxes"])
    assert opened == [1]


def test_what_a_method_hides_is_known(looks: lmms_vg.Looks) -> None:
    assert looks["plain"].hidden is None
    hidden = looks["vgrefine"].hidden
    assert hidden is not None
    assert hidden.sum() == looks["vgrefine"].record.extras["hidden_tokens"] == 32
    (layer,) = build_layers()
    assert (looks["vgrefine"].map(layer)[hidden] == 0).all()
    assert (looks["plain"].map(layer)[hidden] > 0).all()


def build_layers() -> tuple[int, ...]:
    answerer = build("huatuo", "vgrefine", pretrained="demo")
    return answerer.main.method.layers  # type: ignore[attr-defined,no-any-return]


def test_the_layer_that_is_shown(looks: lmms_vg.Looks) -> None:
    look = looks["plain"]
    assert look.site.layer == build_layers()[0]
    np.testing.assert_array_equal(look.map(), look.map(look.site.layer))
    with pytest.raises(ValueError, match="layer 6: allowed is 0 to 5"):
        look.map(6)
    with pytest.raises(ValueError, match="layer -1: "):
        looks.draw(-1)
    assert "Layer 1, the first knockout layer of the checkpoint's head list; layers count from 0 to 5." in looks.table()
    assert "Layer 4, as asked" in looks.table(4)


def test_the_demo_model_says_that_it_knows_phantoms_only(looks: lmms_vg.Looks) -> None:
    assert "phantoms only" in looks.table()
    assert "phantoms only" in looks._repr_html_()
    assert "phantoms only" in looks["plain"]._repr_html_()


def test_the_picture_is_one_of_all_methods(looks: lmms_vg.Looks) -> None:
    both, one = (Image.open(BytesIO(png)) for png in (looks.draw(), looks["plain"].draw()))
    assert both.width > 1.3 * one.width


class Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data.strip())


def test_text_of_others_is_escaped_in_html() -> None:
    """Also where the question tries to leave the picture's attribute."""
    bad = '"><script>alert(1)</script>'
    with lmms_vg.load("huatuo", pretrained="demo") as model:
        look = model.ask(documents.visual(DOCS[0]), bad)
    object.__setattr__(look, "answer", bad)
    page = Parser()
    page.feed(look._repr_html_())
    assert "script" not in page.tags
    assert page.tags.count("img") == 1
    assert bad in page.text


def test_a_control_shows_what_the_model_saw() -> None:
    with lmms_vg.load("huatuo", pretrained="demo", control="blank_image") as model:
        look = model.ask(documents.visual(DOCS[0]), QUESTION)
    assert len(set(look.site.image.getdata())) == 1


@pytest.mark.real_data
def test_slices_that_are_not_square(shared_data: Path) -> None:
    """Of a wide slice the padding's patches are no part of the image, and the liver's box lies on its patches."""
    image = shared_data / "sam_med2d_demo" / "images" / "s0619_32.png"
    with lmms_vg.load("huatuo", pretrained="demo") as model:
        look = model.ask(image, "What is this?", boxes=[(0, 0, 40, 40)])
    width, height = Image.open(image).size
    assert width != height
    assert 0 < look.site.view.visible.sum() < 64
    assert look.site.image.size == (width, height)
    assert look.draw()[:4] == b"\x89PNG"
