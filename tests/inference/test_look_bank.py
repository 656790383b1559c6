"""Maps of other images on a look's box, against a loop over them."""

from __future__ import annotations

from math import isnan
from pathlib import Path

import numpy as np
import pytest
from looks import GRID, asked, blind, run_of
from saved_run import IDENTITY

import lmms_vg
from lmms_vg.cli.main import main
from lmms_vg.inference.look_bank import MapBank, bank_values, open_bank
from lmms_vg.journal import Journal, Record
from lmms_vg.metrics import alignment
from lmms_vg.runs.kept_maps import kept_maps
from lmms_vg.tasks import documents, registry

SEEN = np.ones(GRID, dtype=bool)
MASK = np.zeros(GRID, dtype=bool)
MASK[1:4, 2:6] = True
OWN = Record(key="look", task="", uid="look", image="image 0")


@pytest.fixture
def bank(tmp_path: Path) -> MapBank:
    """Two questions about each of seven images."""
    run_of(tmp_path, asked(blind, 14))
    return open_bank(tmp_path)


def test_values_are_the_means_over_other_images(bank: MapBank) -> None:
    """With six other images all are taken, one question of each; which one changes with the draw, so all pairs are bounded."""
    values = bank_values(bank, OWN, np.ones(GRID), MASK, SEEN, 1)
    assert values.n == 6
    (kept,) = kept_maps(bank.folder, bank.records, [1])
    by_image: dict[str, list[tuple[float, float]]] = {}
    for place, look in zip(kept.places, kept.maps[:, 0], strict=True):
        ratio = float(alignment.attention_ratio(look, MASK.ravel()))
        kl = float(alignment.kl_divergence(look, MASK.ravel()))
        by_image.setdefault(bank.records[place].image, []).append((np.log(ratio), kl))
    others = [pairs for image, pairs in by_image.items() if image != "image 0"]
    assert len(others) == 6
    for value, place in ((np.log(values.ar), 0), (values.kl, 1)):
        low, high = (np.mean([choose(pair[place] for pair in pairs) for pairs in others]) for choose in (min, max))
        assert low - 1e-5 <= value <= high + 1e-5


def test_maps_of_the_same_image_say_nothing(bank: MapBank) -> None:
    few = bank._replace(records=[record for record in bank.records if record.image in {f"image {i}" for i in range(5)}])
    values = bank_values(few, OWN, np.ones(GRID), MASK, SEEN, 1)
    assert values.n == 4, "four others are too few"
    assert np.isnan([values.ar, values.kl, values.js]).all()


def test_no_map_is_of_the_same_patient(tmp_path: Path) -> None:
    """Twelve images of four patients: a look at image 0 takes the nine of the others, whoever names its patient."""
    of_patient = {f"image {i}": f"own/patient {i % 4}" for i in range(12)}
    run_of(tmp_path, asked(blind, 24), patient=lambda one: of_patient[one.image])
    bank = open_bank(tmp_path)
    (kept,) = kept_maps(bank.folder, bank.records, [1])
    ratios: dict[str, list[float]] = {}
    for place, look in zip(kept.places, kept.maps[:, 0], strict=True):
        ratio = np.log(alignment.attention_ratio(look, MASK.ravel()))
        ratios.setdefault(bank.records[place].image, []).append(float(ratio))
    others = [pair for image, pair in ratios.items() if of_patient[image] != "own/patient 0"]
    for own in (OWN, OWN.model_copy(update={"image": "unseen", "patient": "own/patient 0"})):
        values = bank_values(bank, own, np.ones(GRID), MASK, SEEN, 1)
        assert values.n == len(others) == 9
        low, high = (np.mean([choose(pair) for pair in others]) for choose in (min, max))
        assert low - 1e-5 <= np.log(values.ar) <= high + 1e-5
    assert bank_values(bank, OWN.model_copy(update={"image": "unseen"}), np.ones(GRID), MASK, SEEN, 1).n == 12


def test_images_of_another_padding_are_left_out(bank: MapBank) -> None:
    padded = SEEN.copy()
    padded[0] = False
    assert bank_values(bank, OWN, np.ones(GRID), MASK, padded, 1).n == 0


def test_a_run_without_measured_attention_is_no_bank(tmp_path: Path) -> None:
    with Journal(tmp_path, provenance=IDENTITY) as journal:
        journal.write([Record(key="k", task="t", uid="u")])
    with pytest.raises(ValueError, match="measured no attention"):
        open_bank(tmp_path)


@pytest.mark.e2e
def test_a_look_beside_a_run_of_the_demo(
    demo_runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The demo finds phantoms, so it has more attention in its box than maps of other phantoms have."""
    monkeypatch.setenv("LMMS_VG_HOME", str(demo_runs / "home"))
    doc = next(iter(registry.vgmed_demo(None)))
    with lmms_vg.load("huatuo", methods=["plain", "vgrefine"], pretrained="demo") as model:
        looks = model.ask(documents.visual(doc), doc["question"], doc["boxes"])
    rows = looks.bank_rows([demo_runs / "out" / "plain"], 2)
    assert [row.name for row in rows] == [f"{name} of 20 other images" for name in ("AR", "KL", "JS")]
    assert [isnan(value) for value in rows[0].values] == [False, True], "no run of vgrefine"
    rows = looks.bank_rows([demo_runs / "out" / name for name in ("vgrefine", "plain")], 2)
    assert rows[0].name == "AR of 20 other images"
    own = looks.rows(2)[0].values
    assert all(value > other for value, other in zip(own, rows[0].values, strict=True))
    with lmms_vg.load("llava", pretrained="demo") as model:
        other = lmms_vg.Looks(plain=model.ask(documents.visual(doc), doc["question"], doc["boxes"]))
    with pytest.raises(ValueError, match="another model, method or setting"):
        other.bank_rows([demo_runs / "out" / "plain"], 2)
    documents.visual(doc)[0].save(tmp_path / "a.png")
    asked_for = ["look", str(tmp_path / "a.png"), "Where?", "--model", "huatuo", "--model_args", "pretrained=demo"]
    assert main([*asked_for, "--box", "33,40,42,43", "--bank", str(demo_runs / "out" / "plain")]) == 0
    assert "| AR of 20 other images |" in capsys.readouterr().out
    assert main([*asked_for, "--bank", str(demo_runs / "out" / "plain")]) == 2
    assert "give a --box too" in capsys.readouterr().err
