"""From `--model_args` to an `Answerer`: checks first, weights last, and the provenance of the run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from loguru import logger

from lmms_vg import __version__
from lmms_vg._util.suggest import suggest
from lmms_vg.attention.self_check import self_check
from lmms_vg.attention.session import Rows
from lmms_vg.attention.stages import stage
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.batch_limit import BatchSize, default_batch_size, require_batch_size
from lmms_vg.inference.image_controls import control_named
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.inference.source_hash import control_hash, engine_hash, method_hash
from lmms_vg.journal import Journal, content_key, home
from lmms_vg.journal.provenance import commit, computing_versions, versions
from lmms_vg.methods import METHODS, Method
from lmms_vg.models import FAMILIES, Family
from lmms_vg.models.checkpoint import Shape, explicit, fingerprint

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
        rows: query rows of alignment maps: "last" (paper), "question" or "all".
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
    rows: Rows = "last"
    per_head: bool = False
    diagnose: bool = False
    self_check: bool = True
    control: str | None = None
    sampling_seed: int | None = None

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
        require_batch_size(self.batch_size)
        if self.control is not None:
            control_named(self.control)
        given = self.sampling_seed
        if given is not None and (isinstance(given, bool) or not isinstance(given, int) or given < 0):
            raise ValueError(f"sampling_seed={given!r}: allowed is an integer of at least 0")


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
    """Return the given device; by default this rank's CUDA GPU, else Apple's GPU, else the CPU."""
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


def build(family: str, method: str, rank: int = 0, journals: Path | None = None, **arguments: Any) -> Answerer:
    """Build an answerer for `<family>_<method>` from `--model_args`; inside `together`, for further methods too.

    All arguments are checked before any weights are read. Journals lie in `journals`, by default in the folder of all runs.

    Raises:
        ValueError: an unknown argument, or a value that is not allowed.
        CheckpointError: the checkpoint cannot be run.
    """
    settings, options, _ = split_arguments(family, method, arguments)
    pretrained = explicit(settings.pretrained or FAMILIES[family].pretrained)
    device = choose_device(settings.device)
    wanted = [(method, arguments), *(_shared.take() if _shared else ())]
    methods = {resolved: resolved.spec() for resolved in (resolve(family, name, given) for name, given in wanted)}
    dtype = choose_dtype(device) if settings.dtype == "auto" else settings.dtype
    batch_size = settings.batch_size or default_batch_size(device)
    settings = replace(settings, pretrained=pretrained, dtype=dtype, batch_size=batch_size)
    model, weights = _load(family, settings, options, device)
    for resolved in methods:
        resolved.check_weights(weights, settings.dtype)

    circumstances = {
        "weights": weights,
        **model.identity(),
        "dtype": settings.dtype,
        "device": device.split(":")[0],
        "geometry": settings.geometry,
        **({"options": asdict(options)} if asdict(options) else {}),
        "rows": settings.rows,
        "per_head": settings.per_head,
        "diagnose": settings.diagnose,
        "batch_size": batch_size,
        **({} if settings.sampling_seed is None else {"sampling_seed": settings.sampling_seed}),
        "code": engine_hash(type(model)),
        "versions": computing_versions(),
        **({"control": settings.control, "control_code": control_hash()} if settings.control else {}),
    }
    method_runs, shape = [], FAMILIES[family].inspect(pretrained, settings.revision)
    for resolved, spec in methods.items():  # equal settings have become one method
        identity = {
            "family": family,
            "method": spec,
            **circumstances,
            "method_code": method_hash(type(resolved)),
        }
        folder = (journals or home() / "journal") / f"{family}_{resolved.name}-{content_key(identity)[:16]}"
        stated = {
            "versions": versions(),
            "commit": commit(),
            "settings": asdict(settings),
            "default_settings": settings.sampling_seed is None and spec == _default_spec(type(resolved), shape),
        }
        provenance = {**identity, **stated} | ({"shared": _shared.names} if _shared and _shared.names[1:] else {})
        logger.info(
            f"lmms_vg {__version__}: {family} {pretrained} ({settings.dtype}, {device}), {resolved!r}"
            f"{f', control {settings.control}' if settings.control else ''}; journal {folder}"
        )
        method_runs.append(MethodRun(resolved, Journal(folder, rank, provenance)))
    control = control_named(settings.control) if settings.control else None
    return Answerer(model, method_runs, batch_size, settings.rows, settings.per_head, settings.diagnose, control)


def resolve(family: str, method: str, arguments: dict[str, Any]) -> Method:
    """Return the method with hyper-parameters resolved against the checkpoint's configuration; reads no weights.

    Raises:
        ValueError: an argument is not allowed; the message names it, its value and what is allowed.
    """
    settings, _, hyper_parameters = split_arguments(family, method, arguments)
    shape = FAMILIES[family].inspect(settings.pretrained or FAMILIES[family].pretrained, settings.revision)
    return METHODS[method].for_checkpoint(shape, **hyper_parameters)


def _default_spec(method: type[Method], shape: Shape) -> dict[str, Any] | None:
    """Return the spec of a method with its defaults for the checkpoint; None if it has none for it."""
    try:
        return method.for_checkpoint(shape).spec()
    except ValueError:
        return None


class _Shared:
    """State shared by the runs of several methods in one process."""

    def __init__(self, others: list[tuple[str, dict[str, Any]]], names: list[str]) -> None:
        self.others, self.names = others, names
        self.families: dict[object, tuple[Family, str]] = {}

    def take(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the further methods, only once: after the first run their answers are in their journals."""
        taken, self.others = self.others, []
        return taken


_shared: _Shared | None = None


@contextmanager
def together(others: list[tuple[str, dict[str, Any]]], names: list[str]) -> Iterator[None]:
    """Inside the block, weights are loaded once, and the first run answers with `others` too, into their journals.

    Args:
        others: further methods with their arguments.
        names: names of all methods, for the provenance.
    """
    global _shared
    _shared = _Shared(others, names)
    try:
        yield
    finally:
        _shared = None


def _load(family: str, settings: Settings, options: Any, device: str) -> tuple[Family, str]:
    """Load the model and fingerprint its weights; inside `together`, only once."""
    source = (
        str(settings.pretrained),
        settings.revision,
        DTYPES[settings.dtype],
        device,
        settings.device_map,
        settings.geometry,
        options,
    )
    kept = _shared.families if _shared else {}
    key = family, source, settings.self_check
    if key not in kept:
        with stage("load"):
            model = FAMILIES[family].load(*source)
            if settings.self_check:
                self_check(model, str(settings.pretrained))
            else:
                logger.warning("self_check=false: the checkpoint is not compared with its own forward pass")
            kept[key] = model, fingerprint(model.model)
    return kept[key]
