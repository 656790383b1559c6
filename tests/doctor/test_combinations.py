"""The table of known-bad combinations: a row is reported when its combination occurs, and only then."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import ModuleType, SimpleNamespace

import lmms_eval.models
import pytest
import torch
import torchvision
from lmms_eval.models.registry_v2 import ModelRegistryV2
from packaging.requirements import Requirement

from lmms_vg.doctor import combinations
from lmms_vg.doctor.check_result import CheckResult
from lmms_vg.doctor.combinations import CHECKS, COMBINATIONS

Patch = pytest.MonkeyPatch


def lose_operators(patch: Patch) -> None:
    def nms(*_: object) -> None:
        raise RuntimeError("operator torchvision::nms does not exist")

    patch.setattr(torchvision.ops, "nms", nms)


def lose_torchvision(patch: Patch) -> None:
    patch.setitem(sys.modules, "torchvision.ops", None)


def lose_private_module(patch: Patch) -> None:
    patch.setitem(sys.modules, "filelock._api", None)


def lose_private_member(patch: Patch) -> None:
    patch.setitem(sys.modules, "datasets.utils._filelock", ModuleType("datasets.utils._filelock"))


def unpair(patch: Patch) -> None:
    patch.setitem(sys.modules, "sentencepiece.sentencepiece_model_pb2", None)


def cuda(patch: Patch, built: str | None, available: bool, gpu: bool = True) -> None:
    def init() -> None:
        raise RuntimeError("The NVIDIA driver on your system is too old (found version 12020)")

    patch.setattr(combinations, "_nvidia", lambda: gpu)
    patch.setattr(torch.version, "cuda", built)
    patch.setattr(torch.version, "hip", None)
    patch.setattr(torch.cuda, "is_available", lambda: available)
    patch.setattr(torch.cuda, "init", init)
    patch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def find_decord(patch: Patch, there: bool) -> None:
    patch.setattr(combinations, "find_spec", lambda name: SimpleNamespace() if there else None)


#: Row -> a function that causes it, and the start of the finding.
BROUGHT_ABOUT: dict[str, tuple[Callable[[Patch], None], str]] = {
    "torchvision works with this torch": (lose_operators, "PROBLEM torchvision does not work with torch "),
    "filelock and datasets have what lmms-eval uses from them": (
        lose_private_module,
        "PROBLEM filelock no longer has what lmms-eval uses from it (ModuleNotFoundError",
    ),
    "sentencepiece works with this protobuf": (unpair, "PROBLEM sentencepiece does not work with this protobuf ("),
    "no NVIDIA GPU with a torch built without CUDA": (
        lambda patch: cuda(patch, None, False),
        f"PROBLEM torch {torch.__version__} is built without CUDA, but this machine has an NVIDIA GPU: runs would use the CPU",
    ),
    "no NVIDIA GPU that torch cannot use": (
        lambda patch: cuda(patch, "13.0", False),
        f"PROBLEM torch {torch.__version__} (CUDA 13.0) cannot use the NVIDIA GPU of this machine (RuntimeError: The "
        "NVIDIA driver on your system is too old (found version 12020)): ",
    ),
    "LMMS_EVAL_PLUGINS does not name lmms_vg": (
        lambda patch: patch.setenv("LMMS_EVAL_PLUGINS", "other,lmms_vg"),
        "PROBLEM LMMS_EVAL_PLUGINS names lmms_vg: ",
    ),
    "HF_TOKEN is not set": (lambda patch: patch.setenv("HF_TOKEN", "hf_secret"), "note HF_TOKEN is set: "),
    "LMMS_VG_KEEP_BUILTIN is not 1": (
        lambda patch: patch.setenv("LMMS_VG_KEEP_BUILTIN", "1"),
        "note LMMS_VG_KEEP_BUILTIN=1: ",
    ),
    "LMMS_VG_PARTIAL_DATA is not 1": (
        lambda patch: patch.setenv("LMMS_VG_PARTIAL_DATA", "1"),
        "note LMMS_VG_PARTIAL_DATA=1: wrong numbers of questions are accepted",
    ),
    "decord is installed": (
        lambda patch: find_decord(patch, False),
        "note decord is missing: a comparison ",
    ),
}

#: Row -> a similar situation that is no problem; without a change, this environment.
ALL_RIGHT: list[tuple[str, Callable[[Patch], None]]] = [
    ("torchvision works with this torch", lambda patch: None),
    ("filelock and datasets have what lmms-eval uses from them", lambda patch: None),
    ("sentencepiece works with this protobuf", lambda patch: None),
    ("no NVIDIA GPU with a torch built without CUDA", lambda patch: cuda(patch, None, False, gpu=False)),
    ("no NVIDIA GPU with a torch built without CUDA", lambda patch: cuda(patch, "13.0", False)),
    ("no NVIDIA GPU that torch cannot use", lambda patch: cuda(patch, "13.0", True)),
    ("no NVIDIA GPU that torch cannot use", lambda patch: cuda(patch, "13.0", False, gpu=False)),
    ("no NVIDIA GPU that torch cannot use", lambda patch: cuda(patch, None, False)),
    ("LMMS_EVAL_PLUGINS does not name lmms_vg", lambda patch: None),
    ("LMMS_EVAL_PLUGINS does not name lmms_vg", lambda patch: patch.setenv("LMMS_EVAL_PLUGINS", "lmms_vgx")),
    ("HF_TOKEN is not set", lambda patch: patch.setenv("HF_TOKEN", "")),
    ("LMMS_VG_KEEP_BUILTIN is not 1", lambda patch: patch.setenv("LMMS_VG_KEEP_BUILTIN", "0")),
    ("LMMS_VG_PARTIAL_DATA is not 1", lambda patch: patch.setenv("LMMS_VG_PARTIAL_DATA", "")),
    ("decord is installed", lambda patch: find_decord(patch, True)),
]


def look(row: str) -> CheckResult:
    (finding,) = CHECKS[row]()
    return finding


def test_every_row_is_tested() -> None:
    assert BROUGHT_ABOUT.keys() == CHECKS.keys() == {row for row, _ in ALL_RIGHT}
    assert len(CHECKS) == len(COMBINATIONS)


@pytest.mark.parametrize("row", BROUGHT_ABOUT)
def test_found_with_its_remedy(row: str, monkeypatch: Patch) -> None:
    bring_about, message = BROUGHT_ABOUT[row]
    bring_about(monkeypatch)
    finding = look(row)
    assert f"{finding.mark} {finding.text}".startswith(message)
    assert finding.remedy.split()[0] in {"python", f'"{sys.executable}"', "nvidia-smi", "unset"}, (
        "a command comes first"
    )


@pytest.mark.parametrize(("row", "set_up"), ALL_RIGHT)
def test_not_found(row: str, set_up: Callable[[Patch], None], monkeypatch: Patch) -> None:
    set_up(monkeypatch)
    assert look(row) == ("ok", row, "")


@pytest.mark.parametrize(
    "row", ["filelock and datasets have what lmms-eval uses from them", "sentencepiece works with this protobuf"]
)
def test_a_remedy_asks_for_what_the_project_asks_for(row: str) -> None:
    (remedy,) = [combination.remedy for combination in COMBINATIONS if combination.fine == row]
    asked = {Requirement(line) for line in metadata.requires("lmms-vg") or []}
    named = {Requirement(quoted) for quoted in re.findall('"([^"]+)"', remedy.split(" install ")[1])}
    assert named
    assert named <= asked


def test_a_private_name_that_is_gone_from_its_module(monkeypatch: Patch) -> None:
    lose_private_member(monkeypatch)
    finding = look("filelock and datasets have what lmms-eval uses from them")
    assert (finding.mark, finding.text.split()[0]) == ("PROBLEM", "datasets")


def test_torchvision_that_is_not_there_at_all(monkeypatch: Patch) -> None:
    lose_torchvision(monkeypatch)
    assert look("torchvision works with this torch").text.startswith(
        f"torchvision does not work with torch {torch.__version__} (ModuleNotFoundError)"
    )


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_gpus_that_are_hidden_are_no_problem(hidden: str, monkeypatch: Patch) -> None:
    cuda(monkeypatch, "13.0", False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert look("no NVIDIA GPU that torch cannot use").mark == "ok"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert look("no NVIDIA GPU that torch cannot use").mark == "PROBLEM"


def test_a_gpu_is_a_device_and_not_a_driver(tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(combinations, "Path", lambda name: tmp_path if name == "/dev" else Path(name))
    (tmp_path / "nvidiactl").touch()
    assert not combinations._nvidia()
    (tmp_path / "nvidia0").touch()
    assert combinations._nvidia()


def test_naming_lmms_vg_as_an_old_plugin_does_end_lmms_eval(monkeypatch: Patch) -> None:
    """The reason for the row: the import runs with lmms_eval.models, and nothing catches its error."""
    monkeypatch.setenv("LMMS_EVAL_PLUGINS", "lmms_vg")
    with pytest.raises(AttributeError, match="AVAILABLE_MODELS"):
        lmms_eval.models._merge_legacy_plugin_models(ModelRegistryV2())
