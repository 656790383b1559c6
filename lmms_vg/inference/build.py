"""From `--model_args` to an `Answerer`: checks first, weights last, and the provenance of the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from loguru import logger

from lmms_vg import __version__
from lmms_vg.attention.self_check import self_check
from lmms_vg.attention.stages import stage
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.batch_limit import default_batch_size
from lmms_vg.inference.image_controls import control_named
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.inference.settings import DTYPES, Settings, choose_device, choose_dtype, split_arguments
from lmms_vg.inference.source_hash import control_hash, engine_hash, method_hash
from lmms_vg.journal import Journal, content_key, home
from lmms_vg.journal.provenance import commit, computing_versions, versions
from lmms_vg.methods import METHODS, Method
from lmms_vg.models import FAMILIES, Family
from lmms_vg.models.checkpoint import Shape, explicit
from lmms_vg.models.quantized import quantization
from lmms_vg.models.weights import fingerprint


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
    numbers = "+".join(filter(None, (dtype, quantization(model.model.config))))  # what weights are held in
    for resolved in methods:
        resolved.check_weights(weights, numbers)

    circumstances = {
        "weights": weights,
        **model.identity(),
        "dtype": numbers,
        "device": device.split(":")[0],
        "geometry": settings.geometry,
        **({"options": asdict(options)} if asdict(options) else {}),
        "rows": settings.selections[0],
        **({"further_rows": [*further]} if (further := settings.selections[1:]) else {}),
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
            f"lmms_vg {__version__}: {family} {pretrained} ({numbers}, {device}), {resolved!r}"
            f"{f', control {settings.control}' if settings.control else ''}; journal {folder}"
        )
        method_runs.append(MethodRun(resolved, Journal(folder, rank, provenance)))
    control = control_named(settings.control) if settings.control else None
    return Answerer(model, method_runs, batch_size, settings.selections, settings.per_head, settings.diagnose, control)


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
