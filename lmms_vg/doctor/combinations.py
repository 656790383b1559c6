"""A table of combinations that fail although every version is allowed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from lmms_vg.doctor.check_result import Check, CheckResult, Mark, described, ok
from lmms_vg.doctor.pip import pip

_WHEELS = "https://download.pytorch.org/whl"


class Combination(NamedTuple):
    """One known-bad combination.

    Attributes:
        fine: the text when the combination does not occur.
        detect: returns what is wrong, or an empty text.
        why: what follows from it.
        remedy: the command that fixes it.
        mark: how serious it is.
    """

    fine: str
    detect: Callable[[], str]
    why: str
    remedy: str
    mark: Mark = "PROBLEM"


def _torchvision() -> str:
    """A torchvision built for another torch or another kind of build may import and yet lack its operators."""
    import torch

    try:
        from torchvision.ops import nms

        nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    except Exception as failure:  # noqa: BLE001 - ImportError, RuntimeError or NotImplementedError, by version
        return f"torchvision does not work with torch {torch.__version__} ({type(failure).__name__})"
    return ""


def _private_modules() -> str:
    """Every run of lmms-eval 0.7.3 imports these private modules, which may change in any release."""
    for name, member in (("filelock._api", "FileLockMeta"), ("datasets.utils._filelock", "FileLock")):
        try:
            getattr(import_module(name), member)
        except (ImportError, AttributeError) as failure:
            return f"{name.split('.')[0]} no longer has what lmms-eval uses from it ({described(failure)})"
    return ""


def _tokenizer_pair() -> str:
    """The error is one of protobuf's own, not ImportError."""
    try:
        import_module("sentencepiece.sentencepiece_model_pb2")
    except Exception as failure:  # noqa: BLE001 - with any error, the file cannot be read
        return f"sentencepiece does not work with this protobuf ({described(failure)})"
    return ""


def _cpu_build() -> str:
    import torch

    if not _nvidia() or torch.version.cuda is not None or torch.version.hip is not None:
        return ""
    return f"torch {torch.__version__} is built without CUDA, but this machine has an NVIDIA GPU"


def _cuda_unavailable() -> str:
    import torch

    if not _nvidia() or torch.version.cuda is None or torch.cuda.is_available():
        return ""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):  # hidden on purpose
        return ""
    try:
        torch.cuda.init()
        reason = "no reason given"
    except Exception as failure:  # noqa: BLE001 - any error is the reason
        reason = described(failure)
    return f"torch {torch.__version__} (CUDA {torch.version.cuda}) cannot use the NVIDIA GPU of this machine ({reason})"


def _nvidia() -> bool:
    """Return whether the driver exposes a GPU. Its version file proves nothing: containers without a GPU see their host's."""
    return any(Path("/dev").glob("nvidia[0-9]*"))


def _decord() -> str:
    return "" if find_spec("decord") else "decord is missing"


def _set_to_1(name: str) -> str:
    return f"{name}=1" if os.environ.get(name) == "1" else ""


def _old_plugins() -> str:
    return "LMMS_EVAL_PLUGINS names lmms_vg" if "lmms_vg" in os.environ.get("LMMS_EVAL_PLUGINS", "").split(",") else ""


def _token() -> str:
    return "HF_TOKEN is set" if os.environ.get("HF_TOKEN") else ""


COMBINATIONS = (
    Combination(
        "torchvision works with this torch",
        _torchvision,
        "image processors need its operators; install the matching pair, both for CUDA or both for the CPU",
        pip("install --force-reinstall torch torchvision"),
    ),
    Combination(
        "filelock and datasets have what lmms-eval uses from them",
        _private_modules,
        "lmms-eval imports private modules of both, and no run starts without them",
        pip('install "filelock>=3.16,<4.3" "datasets>=5.2,<6"'),
    ),
    Combination(
        "sentencepiece works with this protobuf",
        _tokenizer_pair,
        "a checkpoint whose only tokenizer file is tokenizer.model cannot be read (LLaVA-Med, Vicuna)",
        pip('install "sentencepiece>=0.2,<0.2.2"'),
    ),
    Combination(
        "no NVIDIA GPU with a torch built without CUDA",
        _cpu_build,
        "runs would use the CPU",
        pip("install --force-reinstall torch torchvision")
        + f"   (if nvidia-smi shows an older CUDA than theirs, with --index-url {_WHEELS}/cu126 or what fits)",
    ),
    Combination(
        "no NVIDIA GPU that torch cannot use",
        _cuda_unavailable,
        "usually the driver is older than that CUDA; runs would use the CPU",
        "nvidia-smi   (if it shows an older CUDA, update the driver, or: "
        + pip(f"install --force-reinstall torch torchvision --index-url {_WHEELS}/cu126, or what fits)"),
    ),
    Combination(
        "LMMS_EVAL_PLUGINS does not name lmms_vg",
        _old_plugins,
        "lmms-eval then looks for a list that lmms_vg does not have, and stops; it finds lmms_vg without this variable",
        "unset LMMS_EVAL_PLUGINS   (or take lmms_vg out of it)",
    ),
    Combination(
        "HF_TOKEN is not set",
        _token,
        "lmms-eval writes the token to the log at --verbosity INFO, the default",
        "unset HF_TOKEN && hf auth login   (keeps it in a file; or add --verbosity WARNING to every run)",
        "note",
    ),
    Combination(
        "LMMS_VG_KEEP_BUILTIN is not 1",
        partial(_set_to_1, "LMMS_VG_KEEP_BUILTIN"),
        "a task of lmms-eval that has the name of one of ours is run instead of ours",
        "unset LMMS_VG_KEEP_BUILTIN",
        "note",
    ),
    Combination(
        "LMMS_VG_PARTIAL_DATA is not 1",
        partial(_set_to_1, "LMMS_VG_PARTIAL_DATA"),
        "wrong numbers of questions are accepted, and such results do not count",
        "unset LMMS_VG_PARTIAL_DATA",
        "note",
    ),
    Combination(
        "decord is installed",
        _decord,
        "a comparison with lmms-eval's own llava_hf needs it; our models do not",
        pip("install decord"),
        "note",
    ),
)


def _look(combination: Combination) -> Iterator[CheckResult]:
    fault = combination.detect()
    if fault:
        yield CheckResult(combination.mark, f"{fault}: {combination.why}", combination.remedy)
    else:
        yield ok(combination.fine)


CHECKS: dict[str, Check] = {combination.fine: partial(_look, combination) for combination in COMBINATIONS}
