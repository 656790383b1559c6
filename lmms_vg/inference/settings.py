"""The arguments allowed in `--model_args`: those of every model, the family's own and the method's hyper-parameters."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch

from lmms_vg._util.suggest import suggest
from lmms_vg.attention.session import Rows, Selections
from lmms_vg.inference.batch_limit import BatchSize, require_batch_size
from lmms_vg.inference.image_controls import control_named
from lmms_vg.methods import METHODS
from lmms_vg.models import FAMILIES

#: Allowed values of `dtype`, apart from "auto".
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Settings:
    """Arguments that every `<family>_<method>` model takes, besides the method's hyper-parameters.

    Attributes:
        pretrained: checkpoint folder, hub id, or "demo"; None for the family's default.
        revision: revision of the hub id.
        dtype: "auto" means bfloat16 on CUDA, float16 on MPS, float32 on CPU.
        device: cpu, cuda, cuda:N or mps; None chooses one.
        device_map: accelerate's placement of one model over several devices, e.g. "auto".
        batch_size: questions per pass; "auto" means as many as memory holds (`inference/batch_limit.py`). None means auto on
            CUDA, 1 elsewhere.
        geometry: "true" places boxes where the pixels really are; "stretch" places them as the paper's released code does.
        rows: query rows of alignment maps: "last" (paper), "question" or "all", or several of these joined by "+". The first is
            what the run states and everything else reads; of the others, maps and values per layer are kept, too.
        per_head: whether to journal alignment values of every head.
        diagnose: whether to journal the effect of the method's edits per layer: largest logit, attention on the image before
            and after.
        self_check: whether to compare the loaded checkpoint with its own forward pass (`attention/self_check.py`); no answer
            depends on it.
        control: what every question is changed by before it is asked (`inference/image_controls.py`); None for nothing.
        sampling_seed: seed of sampled answers, to see how far they move from run to run; None for the task's own (42). Unlike a
            method's `seed` it changes no image or mask. Only a run that is given one has it in its identity.
    """

    pretrained: str | None = None
    revision: str | None = None
    dtype: str = "auto"
    device: str | None = None
    device_map: str | None = None
    batch_size: BatchSize | None = None
    geometry: Literal["true", "stretch"] = "true"
    rows: str = "last"
    per_head: bool = False
    diagnose: bool = False
    self_check: bool = True
    control: str | None = None
    sampling_seed: int | None = None

    def __post_init__(self) -> None:
        choices: dict[str, tuple[str, ...]] = {
            "dtype": ("auto", *DTYPES),
            "geometry": ("true", "stretch"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name}={getattr(self, name)!r}: allowed is {', '.join(allowed)}")
        parts = self.rows.split("+") if isinstance(self.rows, str) else []
        if not parts or len({*parts}) < len(parts) or not {*parts} <= {*get_args(Rows)}:
            allowed_rows = f"allowed is {', '.join(get_args(Rows))}, or several of these joined by +, each once"
            raise ValueError(f"rows={self.rows!r}: {allowed_rows}")
        for name in ("per_head", "diagnose", "self_check"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name}={getattr(self, name)!r}: allowed is true or false")
        require_batch_size(self.batch_size)
        if self.control is not None:
            control_named(self.control)
        given = self.sampling_seed
        if given is not None and (isinstance(given, bool) or not isinstance(given, int) or given < 0):
            raise ValueError(f"sampling_seed={given!r}: allowed is an integer of at least 0")

    @property
    def selections(self) -> Selections:
        """The selections of `rows`: the first as given, the others in a fixed order, because their order has no meaning."""
        given, known = self.rows.split("+"), get_args(Rows)
        return tuple(sorted((rows for rows in known if rows in given), key=lambda rows: rows != given[0]))


def split_arguments(family: str, method: str, arguments: dict[str, Any]) -> tuple[Settings, Any, dict[str, Any]]:
    """Split `--model_args`, as lmms-eval parses them, into settings, the family's options, and hyper-parameters.

    `per_head=true` or `heads=true` requests per-head values in the journal; any other `heads` is the method's head list.

    Raises:
        ValueError: an unknown argument, or a value that is not allowed.
    """
    given = dict(arguments)
    if isinstance(given.get("heads"), bool):
        given["per_head"] = given.pop("heads")
    if isinstance(given.get("geometry"), bool):  # lmms-eval's parser turns geometry=true into a bool
        given["geometry"] = str(given["geometry"]).lower()
    if isinstance(given.get("batch_size"), str) and given["batch_size"].isdigit():
        given["batch_size"] = int(given["batch_size"])
    for name in ("pretrained", "revision"):  # digits only: the parser turns a folder or tag into a number
        if isinstance(given.get(name), (int, float)):
            given[name] = str(given[name])
    settings = {name: given.pop(name) for name in list(given) if name in Settings.__dataclass_fields__}
    own = FAMILIES[family].options
    of_family = {name: given.pop(name) for name in list(given) if name in own.__dataclass_fields__}
    hyper_parameters = METHODS[method].options()
    if "heads" in given and "heads" not in hyper_parameters:
        raise ValueError(
            f"heads={given['heads']!r}: {method!r} takes no head list; for values of every head use per_head=true"
        )
    unknown = sorted(given.keys() - set(hyper_parameters))
    if unknown:
        names = sorted({*Settings.__dataclass_fields__, *own.__dataclass_fields__, *hyper_parameters})
        meant = "".join(suggest(name, names) for name in unknown)
        raise ValueError(
            f"model_args: {', '.join(unknown)} not known to {method!r}; {meant}allowed: {', '.join(names)}"
        )
    return Settings(**settings), own(**of_family), given


def choose_device(device: str | None) -> str:
    """Return the given device; by default this rank's CUDA GPU, else Apple's GPU, else the CPU.

    Raises:
        ValueError: the given device is not usable here.
    """
    if device is not None:
        kind = str(device).split(":")[0]
        present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        if not present.get(kind, False):
            usable = ", ".join(name for name, is_present in present.items() if is_present)
            raise ValueError(f"device={device!r}: allowed here is {usable}")
        return str(device)
    if torch.cuda.is_available():
        return f"cuda:{int(os.environ.get('LOCAL_RANK', 0)) % torch.cuda.device_count()}"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def choose_dtype(device: str) -> str:
    """Return the meaning of dtype="auto" on a device."""
    return {"cuda": "bfloat16", "mps": "float16"}.get(device.split(":")[0], "float32")
