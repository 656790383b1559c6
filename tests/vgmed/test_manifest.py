"""Manifests: what is wrong is said with field, value and what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import vgmed_sources as sources

from lmms_vg.datasets.source import DataError
from lmms_vg.vgmed.manifest import LabelRule, load_manifest
from lmms_vg.vision.windows import WINDOWS


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"licence": None}, "licence: Field required"),
        ({"windows": "lung"}, r"windows: there is no such field; did you mean window\? allowed is name, modality"),
        ({"filters": {"max_size": 1}}, r"filters.max_size: there is no such field; .*allowed is components"),
        ({"filters": {"components": "some"}}, "filters.components: .*'all', 'largest' or 'whole'; it is 'some'"),
        ({"filters": {"min_area": 2}}, "filters.min_area: .*less than or equal to 1; it is '2'"),
        ({"masks": None}, "either masks or annotations"),
        ({"annotations": "x.json"}, "either masks or annotations"),
        ({"masks": "masks/a.png"}, "it needs {image} once"),
        ({"labels": None}, "labels: needed, since masks has no {label}"),
        ({"patient": "("}, "is no regular expression"),
        ({"patient": "a"}, "has 0 groups; allowed is one"),
        ({"window": "lungs"}, "window 'lungs': did you mean lung"),
        ({"window": [40, 0]}, "positive width"),
        ({"labels": {1: {"name": "lung", "window": "x"}}}, "labels.1.window: .*window 'x'"),
        ({"slices": "every:0"}, "slices: .*it is 'every:0'"),
        ({"planes": []}, "planes"),
        ({"name": "a/b"}, "name"),
        ({"root": "nowhere"}, "root: there is no folder"),
    ],
)
def test_what_is_wrong(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        load_manifest(sources.manifest(tmp_path / "m.yaml", **changes))


@pytest.mark.parametrize(("text", "reason"), [("a: [", "not YAML"), ("- a", "allowed is a mapping"), ("", "mapping")])
def test_no_manifest(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "m.yaml").write_text(text)
    with pytest.raises(DataError, match=reason):
        load_manifest(tmp_path / "m.yaml")


def test_labels(tmp_path: Path) -> None:
    labels = {1: "liver", 2: {"name": "lung", "body_part": "Thorax"}, 3: None}
    manifest, folder = load_manifest(sources.manifest(tmp_path / "m.yaml", labels=labels))
    assert folder == tmp_path
    assert manifest.rule(1) == LabelRule(name="liver")
    assert manifest.rule(2) == LabelRule(name="lung", body_part="Thorax")
    assert manifest.rule(3) == LabelRule(name="")
    assert manifest.rule(4) is None


def test_labels_in_file_names_need_no_list(tmp_path: Path) -> None:
    manifest, _ = load_manifest(sources.manifest(tmp_path / "m.yaml", labels=None, masks="{image}_{label}.png"))
    assert manifest.rule("left_kidney") == LabelRule(name="left kidney")


@pytest.mark.parametrize(
    ("changes", "rule", "window"),
    [
        ({}, {}, WINDOWS["soft tissue"]),
        ({"body_part": "Thorax"}, {}, WINDOWS["lung"]),
        ({}, {"body_part": "Thorax"}, WINDOWS["lung"]),
        ({"window": "bone"}, {"body_part": "Thorax"}, WINDOWS["bone"]),
        ({"window": "bone"}, {"window": [50, 100]}, (50, 100)),
        ({"window": "percentiles"}, {}, None),
        ({"window": "bone"}, {"window": "percentiles"}, None),
        ({"modality": "MR"}, {}, None),
    ],
)
def test_windows_of_volumes(tmp_path: Path, changes: dict[str, Any], rule: dict[str, Any], window: Any) -> None:
    manifest, _ = load_manifest(sources.manifest(tmp_path / "m.yaml", **changes))
    assert manifest.volume_window(LabelRule(name="lung", **rule)) == window


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = sources.manifest(tmp_path / "m.yaml", labels=None)
    path.write_text(path.read_text() + "labels: {1: liver, 2: spleen, 1: lung}\n")
    with pytest.raises(DataError, match=r"m.yaml: not YAML \(1 stands twice; give it once .*line \d+, column 31"):
        load_manifest(path)


def test_words_of_our_own_have_no_prefix(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"m.yaml: patient: '\(\(' is no regular expression"):
        load_manifest(sources.manifest(tmp_path / "m.yaml", patient="(("))
