"""`lmms-vg models`: the table of families, and whether a checkpoint will load."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny
from checkpoints import edit

from lmms_vg.cli.main import main
from lmms_vg.models import FAMILIES
from lmms_vg.models.base import FamilyCard
from lmms_vg.models.card import table
from lmms_vg.models.checkpoint import CheckpointError
from lmms_vg.models.elsewhere import NOWHERE
from lmms_vg.models.huatuo import Huatuo
from lmms_vg.models.internvl import InternVL
from lmms_vg.models.lingshu import Lingshu
from lmms_vg.models.llava import Llava
from lmms_vg.models.llava_med import LlavaMed
from lmms_vg.models.llava_next import LlavaNext
from lmms_vg.models.medgemma import MedGemma
from lmms_vg.models.qwen_vl import QwenVL
from lmms_vg.models.recognition import recognise
from lmms_vg.models.vila_m3 import VilaM3

#: In the order of their names, as registered.
OURS = {cls.name: cls for cls in (Huatuo, InternVL, Lingshu, Llava, LlavaMed, LlavaNext, MedGemma, QwenVL, VilaM3)}
PAGE = (Path(__file__).parents[2] / "docs" / "families.md").read_text(encoding="utf-8")


def test_the_page_has_the_table_and_every_model_that_no_family_loads() -> None:
    """The page is what the command prints."""
    assert "\n".join(table(OURS)) in PAGE
    for row in NOWHERE:
        assert f"| {row.model} | {row.reason} |\n" in PAGE


def test_the_default_checkpoint_of_every_family_has_a_row() -> None:
    for family in OURS.values():
        assert family.pretrained in [checkpoint.name for checkpoint in family.card.checkpoints]


def test_settings_of_families_are_on_the_page() -> None:
    for name, family in OURS.items():
        for setting in family.options.__dataclass_fields__:
            assert any(line.startswith(f"| `{name}` |") and f"`{setting}`" in line for line in PAGE.splitlines())


def test_a_family_that_states_nothing_has_a_row_too() -> None:
    class Other(Llava):
        card = FamilyCard()

    assert list(table({"other": Other}))[2].startswith("| `other` |  |")


def test_the_command_prints_the_families_that_are_registered(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    assert capsys.readouterr().out.splitlines() == list(table(FAMILIES.usable()))


def test_a_checkpoint_that_loads_names_its_model_ids(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "demo"]) == 0
    shown = capsys.readouterr().out
    assert (
        "--model huatuo_plain --model_args pretrained=demo\n    will load: text model qwen2, 6 layers of 6 heads"
        in shown
    )
    assert "--model llava_plain --model_args pretrained=demo\n" in shown


def test_no_weights_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny.save(tmp_path / "checkpoint")
    (folder / "model.safetensors").write_bytes(b"no tensors at all")
    assert [found.problem for found in recognise(str(folder), None)] == ["", ""]


def test_what_will_not_load_says_why_and_exits_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tiny.save(tmp_path / "checkpoint")
    (folder / "model.safetensors").unlink()
    assert main(["models", str(folder)]) == 1
    assert "will not load: pretrained=" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"model_type": "bert"}, "no family loads model_type 'bert'. lmms-vg models lists"),
        ({"model_type": "qwen3_next"}, "linear attention"),
        (None, "no config.json there"),
    ],
)
def test_what_no_family_takes_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], config: dict[str, str] | None, said: str
) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(json.dumps(config))
    assert main(["models", str(tmp_path)]) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert shown.count("\n") == 1


def test_an_adapter_says_how_to_merge_it(tmp_path: Path) -> None:
    edit(tmp_path, "adapter_config.json", {"base_model_name_or_path": "some/base"})
    with pytest.raises(CheckpointError, match="merge it first"):
        next(recognise(str(tmp_path), None))


def test_a_known_name_needs_no_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "chaoyi-wu/RadFM"]) == 2
    assert "This is RadFM" in capsys.readouterr().err
