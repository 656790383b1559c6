"""From `--model_args` to an `Answerer`: checks first, weights last, and a record of what exactly is being run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import torch
from loguru import logger

from lmms_vg import __version__
from lmms_vg._util.suggest import suggest
from lmms_vg.attention.self_check import self_check
from lmms_vg.attention.session import Rows
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.inference.source_hash import engine_hash, method_hash
from lmms_vg.journal import Journal, content_key, home
from lmms_vg.journal.provenance import commit, computing_versions, versions
from lmms_vg.methods import METHODS, Method
from lmms_vg.models import FAMILIES, Family
from lmms_vg.models.checkpoint import explicit, fingerprint

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Settings:
    """What every `<family>_<method>` model takes, besides the method's hyper-parameters.

    Attributes:
        pretrained: checkpoint folder, hub id, or "demo"; the family's default when None.
        dtype: "auto" is bfloat16 on CUDA, float16 on MPS, float32 on CPU.
        device: cpu, cuda, cuda:N or mps; chosen when None.
        device_map: accelerate's placement of one model over several devices, e.g. "auto".
        geometry: "true" places boxes as the pixels really lie; "stretch" as the paper's released code does.
        rows: query rows of alignment maps: "last" (paper), "question" or "all".
        per_head: journal alignment values of every head.
        diagnose: journal per layer what the method's edits did to the attention: largest logit, attention on the image
            before and after.
        self_check: hold the loaded checkpoint to its own forward (`attention/self_check.py`); no answer depends on it.
    """

    pretrained: str | None = None
    revision: str | None = None
    dtype: str = "auto"
    device: str | None = None
    device_map: str | None = None
    batch_size: int = 1
    geometry: Literal["true", "stretch"] = "true"
    rows: Rows = "last"
    per_head: bool = False
    diagnose: bool = False
    self_check: bool = True

    def __post_init__(self) -> None:
        choices: dict[str, tuple[str, ...]] = {
            "dtype": ("auto", *DTYPES),
            "geometry": ("true", "stretch"),
            "rows": ("last", "question", "all"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name}={getattr(self, name)!r}: allowed is {', '.join(allowed)}")
        for name in ("per_head", "diagnose", "self_check"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name}={getattr(self, name)!r}: allowed is true or false")
        if isinstance(self.batch_size, bool) or not isinstance(self.batch_size, int) or self.batch_size < 1:
            raise ValueError(
                f"batch_size={self.batch_size!r}: allowed is a positive integer, as answers belong to the batch size they were "
                "given with; try 8, and half of it where memory runs out"
            )


def split_arguments(method: str, arguments: dict[str, Any]) -> tuple[Settings, dict[str, Any]]:
    """Settings and hyper-parameters out of `--model_args` as lmms-eval parses them.

    `per_head=true`, or `heads=true`, asks for per-head values in the journal; any other `heads` is the method's head list.

    Raises:
        ValueError: an argument nobody takes, or a value that is not allowed.
    """
    given = dict(arguments)
    if isinstance(given.get("heads"), bool):
        given["per_head"] = given.pop("heads")
    if isinstance(given.get("geometry"), bool):  # lmms-eval's parser turns geometry=true into a bool
        given["geometry"] = str(given["geometry"]).lower()
    if isinstance(given.get("batch_size"), str) and given["batch_size"].isdigit():
        given["batch_size"] = int(given["batch_size"])
    for name in ("pretrained", "revision"):  # a folder or tag of digits only
        if isinstance(given.get(name), (int, float)):
            given[name] = str(given[name])
    own = {name: given.pop(name) for name in list(given) if name in Settings.__dataclass_fields__}
    options = METHODS[method].options()
    if "heads" in given and "heads" not in options:
        raise ValueError(
            f"heads={given['heads']!r}: {method!r} takes no head list; values of every head: per_head=true (or heads=true)"
        )
    unknown = sorted(given.keys() - set(options))
    if unknown:
        names = sorted({*Settings.__dataclass_fields__, *options})
        meant = "".join(suggest(name, names) for name in unknown)
        raise ValueError(
            f"model_args: {', '.join(unknown)} not known to {method!r}; {meant}allowed: {', '.join(names)}"
        )
    return Settings(**own), given


def choose_device(device: str | None) -> str:
    """The device asked for; otherwise this rank's GPU, Apple's, or the CPU."""
    if device is not None:
        kind = str(device).split(":")[0]
        present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        if not present.get(kind, False):
            have = ", ".join(name for name, there in present.items() if there)
            raise ValueError(f"device={device!r}: allowed here is {have}")
        return str(device)
    if torch.cuda.is_available():
        return f"cuda:{int(os.environ.get('LOCAL_RANK', 0)) % torch.cuda.device_count()}"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def choose_dtype(device: str) -> str:
    """What dtype="auto" is on a device."""
    return {"cuda": "bfloat16", "mps": "float16"}.get(device.split(":")[0], "float32")


def build(family: str, method: str, rank: int = 0, **arguments: Any) -> Answerer:
    """An answerer for `<family>_<method>` with `--model_args` arguments; inside `together`, for further methods too.

    Everything that can be wrong with the arguments is reported before any weights are read.
    """
    settings, _ = split_arguments(method, arguments)
    pretrained = explicit(settings.pretrained or FAMILIES[family].pretrained)
    device = choose_device(settings.device)
    wanted = [(method, arguments), *(_shared.take() if _shared else ())]
    methods = {one: one.spec() for one in (resolve(family, name, given) for name, given in wanted)}
    dtype = choose_dtype(device) if settings.dtype == "auto" else settings.dtype
    settings = replace(settings, pretrained=pretrained, dtype=dtype)
    model, weights = _load(family, settings, device)

    circumstances = {
        "weights": weights,
        **model.identity(),
        "dtype": settings.dtype,
        "device": device.split(":")[0],
        "geometry": settings.geometry,
        "rows": settings.rows,
        "per_head": settings.per_head,
        "diagnose": settings.diagnose,
        "batch_size": settings.batch_size,
        "code": engine_hash(type(model)),
        "versions": computing_versions(),
    }
    method_runs = []
    for one, spec in methods.items():  # settings that come to the same are one
        identity = {
            "family": family,
            "method": spec,
            **circumstances,
            "method_code": method_hash(type(one)),
        }
        folder = home() / "journal" / f"{family}_{one.name}-{content_key(identity)[:16]}"
        stated = {"versions": versions(), "commit": commit(), "settings": asdict(settings)}
        provenance = {**identity, **stated} | ({"shared": _shared.names} if _shared and _shared.names[1:] else {})
        logger.info(
            f"lmms_vg {__version__}: {family} {pretrained} ({settings.dtype}, {device}), {one!r}; journal {folder}"
        )
        method_runs.append(MethodRun(one, Journal(folder, rank, provenance)))
    return Answerer(model, method_runs, settings.batch_size, settings.rows, settings.per_head, settings.diagnose)


def resolve(family: str, method: str, arguments: dict[str, Any]) -> Method:
    """The method with its hyper-parameters resolved against the checkpoint, of which no weights are read.

    Raises:
        ValueError: naming the argument, its value and what is allowed.
    """
    settings, hyper_parameters = split_arguments(method, arguments)
    shape = FAMILIES[family].inspect(settings.pretrained or FAMILIES[family].pretrained, settings.revision)
    return METHODS[method].for_checkpoint(shape, **hyper_parameters)


class _Shared:
    """What runs of several methods in one process have in common."""

    def __init__(self, others: list[tuple[str, dict[str, Any]]], names: list[str]) -> None:
        self.others, self.names = others, names
        self.families: dict[object, tuple[Family, str]] = {}

    def take(self) -> list[tuple[str, dict[str, Any]]]:
        """The further methods, once: after the first run their answers are in their journals."""
        taken, self.others = self.others, []
        return taken


_shared: _Shared | None = None


@contextmanager
def together(others: list[tuple[str, dict[str, Any]]], names: list[str]) -> Iterator[None]:
    """Inside, weights are loaded once, and the first run asks `others` (method, arguments) too, into their journals.

    Args:
        names: of all methods, for the record.
    """
    global _shared
    _shared = _Shared(others, names)
    try:
        yield
    finally:
        _shared = None


def _load(family: str, settings: Settings, device: str) -> tuple[Family, str]:
    """The model and the fingerprint of its weights; inside `together` both are made once."""
    what = (
        str(settings.pretrained),
        settings.revision,
        DTYPES[settings.dtype],
        device,
        settings.device_map,
        settings.geometry,
    )
    kept = _shared.families if _shared else {}
    key = family, what, settings.self_check
    if key not in kept:
        model = FAMILIES[family].load(*what)
        if settings.self_check:
            self_check(model, str(settings.pretrained))
        else:
            logger.warning("self_check=false: the checkpoint is not compared with its own forward")
        kept[key] = model, fingerprint(model.model)
    return kept[key]
