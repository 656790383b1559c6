"""A target on a checkpoint of one's own: its methods without the paper's numbers; unknown heads are ranked first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tiny
from safetensors.numpy import load_file

from lmms_vg.cli.main import main
from lmms_vg.methods.head_list import HeadList
from lmms_vg.reproduce import heads_first
from lmms_vg.reproduce import reproduce as running
from lmms_vg.reproduce.own_checkpoint import own_checkpoint
from lmms_vg.reproduce.plan import Plan, make


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save(tmp_path_factory.mktemp("checkpoints") / "mine", "llama")


def planned(folder: Path, out: Path, target: str = "tableF4", more: str = "") -> Plan:
    return make(target, "llava", "demo", f"pretrained={folder}{more}", out)


def test_a_checkpoint_is_described_by_its_files(folder: Path) -> None:
    checkpoint = own_checkpoint("llava", str(folder))
    config = json.loads((folder / "config.json").read_text())["text_config"]
    assert (checkpoint.layers, checkpoint.heads) == (config["num_hidden_layers"], config["num_attention_heads"])
    weights = load_file(folder / "model.safetensors")
    assert checkpoint.billions * 1e9 == pytest.approx(sum(tensor.size for tensor in weights.values()))


def test_the_methods_of_the_table_are_planned_with_heads_first(folder: Path, tmp_path: Path) -> None:
    plan = planned(folder, tmp_path)
    assert [ask.model for ask in plan.asks] == [
        f"llava_{method}" for method in ("plain", "pai", "pai", "adaptvis", "vicrop", "vgrefine")
    ]
    assert {ask.common for ask in plan.asks} == {f"pretrained={folder}"}
    heads = tmp_path / "heads_mine.json"
    assert [ask.heads for ask in plan.asks] == [None] * 5 + [heads]
    assert plan.asks[-1].hyper_parameters == f"heads={heads}"
    assert plan.elsewhere == []
    assert plan.table is not None
    assert {cell for cells in plan.table.rows.values() for cell in cells} == {None}


def test_a_checkpoint_with_a_shipped_list_needs_none(tmp_path: Path) -> None:
    plan = make("tableF4", "llava", "demo", "pretrained=demo,dtype=float32", tmp_path)
    assert [ask.heads for ask in plan.asks] == [None] * 6
    assert plan.asks[-1].model_args == "pretrained=demo,dtype=float32"


def test_a_figure_asks_the_plain_model(folder: Path, tmp_path: Path) -> None:
    assert [ask.model for ask in planned(folder, tmp_path, "fig3").asks] == ["llava_plain"]


def test_hyper_parameters_belong_to_the_rows(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="k=5: every row sets its own"):
        planned(folder, tmp_path, more=",k=5")
    with pytest.raises(ValueError, match="name its family: --model llava"):
        make("tableF4", None, "demo", f"pretrained={folder}", tmp_path)


def test_heads_are_ranked_and_then_the_rows_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The calibration is real; lmms-eval is not run."""
    calls: list[list[str]] = []

    def run(family: str, settings: Any, common: str, *_: Any) -> dict[str, int]:
        calls.append([setting.hyper_parameters for setting in settings])
        return {setting.label: 0 for setting in settings}

    monkeypatch.setattr(running, "run_together", run)
    monkeypatch.setattr(heads_first, "QUESTIONS", 12)
    arguments = ["--model", "llava", "--model_args", f"pretrained={folder}", "--data", "demo", "-o", str(tmp_path)]
    assert main(["reproduce", "tableF4", *arguments]) == 0
    heads = tmp_path / "heads_mine.json"
    ranked = HeadList.model_validate_json(heads.read_text())
    assert len(ranked.heads) == min(heads_first.KEPT, ranked.num_layers * ranked.num_heads)
    assert ranked.provenance["n"] == 12
    assert calls == [["", "", "alpha=0.2,cfg=true,gamma=1.1,faithful=true", "", "", f"heads={heads}"]]
    shown = capsys.readouterr().out
    assert "The paper has no numbers of it" in shown
    assert planned(folder, tmp_path).asks[-1].heads is None, "it is not ranked again"


def test_with_several_ranks_the_heads_are_ranked_apart(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    reason = heads_first.rank_heads(planned(folder, tmp_path).asks[-1], True)
    assert reason.endswith(f"--data demo -o {tmp_path / 'heads_mine.json'}")
