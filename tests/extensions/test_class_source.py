"""What a class states, read from its source, is what the imported class has."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmms_vg.cli.unknown_arguments import data_sets
from lmms_vg.extensions.class_source import class_of, field_names, lineage, names_given, stated
from lmms_vg.extensions.registered import families, methods
from lmms_vg.inference.image_controls import CONTROLS
from lmms_vg.inference.settings import Settings
from lmms_vg.methods import METHODS
from lmms_vg.models import FAMILIES
from lmms_vg.tasks.registry import DATASETS


@pytest.mark.parametrize("name", sorted(name for name, entry in methods().items() if entry.distribution == "lmms_vg"))
@pytest.mark.parametrize("attribute", ["name", "control", "needs_boxes", "prefixes"])
def test_as_the_imported_classes(name: str, attribute: str) -> None:
    assert stated(methods()[name].value, attribute) == getattr(METHODS[name], attribute)


def test_a_class_elsewhere_inherits_from_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "theirs_of_test"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('must not be imported')\n")
    (package / "shuffled.py").write_text(
        "from lmms_vg.methods.random_mask import RandomMask as Base\n\nclass Shuffled(Base):\n    name = 'shuffled'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert stated("theirs_of_test.shuffled:Shuffled", "control") is True
    assert stated("theirs_of_test.shuffled:Shuffled", "name") == "shuffled"
    assert "lmms_vg.methods.vgrefine:VGRefine" in lineage("theirs_of_test.shuffled:Shuffled")


@pytest.mark.parametrize(
    "value", ["no_such_module:Class", "lmms_vg.methods.pai:NoClass", "json:JSONDecoder", "sys:Class"]
)
def test_what_is_not_found_states_nothing(value: str) -> None:
    assert stated(value, "control") is None


def test_fields_are_those_of_the_classes() -> None:
    """Of every method, and of what a family may set, without the imports."""
    for name, entry in methods().items():
        assert sorted(field_names(entry.value) or ()) == sorted(METHODS[name].options())
    assert field_names("lmms_vg.inference.settings:Settings") == tuple(Settings.__dataclass_fields__)
    for name, entry in families().items():
        own = class_of(entry.value, "options")
        assert field_names(own) == tuple(FAMILIES[name].options.__dataclass_fields__)
    assert field_names("nowhere.to.be_found:Class") is None


def test_names_given_in_calls_are_those_of_the_objects() -> None:
    assert names_given("lmms_vg.inference.image_controls", "ImageControl") == list(CONTROLS)
    assert set(data_sets()) == {*DATASETS, "coco"}
