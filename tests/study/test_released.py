"""Result lists of the authors' code: read, summed up, and refused where they hold anything else."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from lmms_vg.study.released import read_released, table

NAME = "VGMED_localization_attention_kl_normalized.pt"


def test_lists_of_arrays_and_of_tensors(tmp_path: Path) -> None:
    folder = tmp_path / "HuatuoGPT"
    folder.mkdir()
    torch.save([np.array([1.0, 2.0], np.float32), np.array([3.0, np.inf], np.float32)], folder / NAME)
    torch.save([torch.tensor([1.0, 2.0])], folder / NAME.replace("VGMED", "COCO").replace("kl", "ratios"))
    kl = read_released(folder / NAME)
    assert (kl.model, kl.side, kl.kind, kl.measure) == ("HuatuoGPT", "medical", "localization", "KL")
    ratios = read_released(folder / "COCO_localization_attention_ratios_normalized.pt")
    assert (ratios.side, ratios.measure) == ("natural", "AR")
    rows = table([kl, ratios]).rows
    assert [(row["mean"], row["n"], row["undefined"]) for row in rows[:2]] == [(2.0, 2, 0), (2.0, 1, 1)]


class Code:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("ran",))


@pytest.mark.parametrize(
    "content", [[Code()], {"a": 1}, [], [np.ones(2), np.ones(3)], [np.ones((2, 2))], "text", [np.array([Code()])]]
)
def test_anything_else_is_refused(tmp_path: Path, content: object, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(content, tmp_path / NAME)
    with pytest.raises(ValueError, match="--released"):
        read_released(tmp_path / NAME)
    assert "ran" not in capsys.readouterr().out


def test_other_names_and_broken_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="DATA_KIND_attention_METRIC"):
        read_released(tmp_path / "results.pt")
    (tmp_path / NAME).write_bytes(pickle.dumps([1.0])[:5])
    with pytest.raises(ValueError, match="--released"):
        read_released(tmp_path / NAME)
