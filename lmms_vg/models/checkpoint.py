"""Find checkpoints, and read their configuration before any weights."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError
from loguru import logger
from transformers import CONFIG_MAPPING

from lmms_vg.demo import WEIGHTS

#: `pretrained=demo` is the tiny grounded LLaVA that comes with the package.
DEMO = "demo"


class CheckpointError(ValueError):
    """A checkpoint cannot be used; the message says why and what to do."""


@contextmanager
def reading(pretrained: str, what: str) -> Iterator[None]:
    """Turn any error of transformers over a file into one line; what it calls may raise even a bare Exception.

    Raises:
        CheckpointError: transformers cannot read the file.
    """
    try:
        yield
    except CheckpointError:
        raise
    except Exception as problem:
        reason = " ".join(f"{type(problem).__name__}: {problem}".split())
        raise CheckpointError(f"pretrained={pretrained!r}: {what} cannot be loaded: {reason}") from problem


@dataclass(frozen=True)
class Shape:
    """Properties of a checkpoint that are known before its weights are read.

    Attributes:
        pretrained: Its hub id or folder, or `demo`.
        layers: Number of layers of the text model.
        heads: Number of attention heads per layer.
        config: The stored config.json.
        family: The family that loads it, for messages that name a command.
    """

    pretrained: str
    layers: int
    heads: int
    config: dict[str, Any]
    family: str = "llava"


def locate(pretrained: str) -> str:
    """Return the folder or hub id that transformers can load."""
    return str(WEIGHTS) if pretrained == DEMO else pretrained


def read_json(pretrained: str, revision: str | None, name: str) -> dict[str, Any] | None:
    """Read a JSON file of a checkpoint folder or hub repository; None if it has no such file.

    Raises:
        CheckpointError: The file or the repository cannot be read, or the file holds no JSON object.
    """
    path = path_of(pretrained, revision, name)
    if path is None:
        return None
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(stored, dict):
            raise ValueError(f"it holds a {type(stored).__name__}, a JSON object is expected")
    except (OSError, ValueError, RecursionError) as problem:
        raise CheckpointError(f"pretrained={pretrained!r}: {name} cannot be read: {problem}") from problem
    return stored


def path_of(pretrained: str, revision: str | None, name: str) -> Path | None:
    """Path of a file in a checkpoint folder, or in a hub repository after fetching it; None if there is no such file.

    Raises:
        CheckpointError: There is neither such a folder nor such a repository, or the file cannot be read.
    """
    place = locate(pretrained)
    folder = Path(place)
    if not folder.is_dir() and (folder.is_absolute() or len(folder.parts) > 2 or place.startswith(("~", "."))):
        raise CheckpointError(_not_here(pretrained, revision))
    try:
        path = folder / name if folder.is_dir() else Path(hf_hub_download(place, name, revision=revision))
        return path if path.is_file() else None
    except LocalEntryNotFoundError as problem:
        if name != "config.json" and isinstance(try_to_load_from_cache(place, "config.json", revision=revision), str):
            return None  # offline: the repository is cached, and this file is not part of it
        raise CheckpointError(_not_here(pretrained, revision)) from problem
    except GatedRepoError as problem:
        raise CheckpointError(
            f"pretrained={pretrained!r}: the repository is gated: accept its terms on https://huggingface.co/{place}, then "
            "log in with: hf auth login (or set HF_TOKEN)"
        ) from problem
    except RepositoryNotFoundError as problem:
        raise CheckpointError(
            f"pretrained={pretrained!r}: neither a folder here nor a repository on the hub that you may read; "
            "check the spelling, or log in with: hf auth login"
        ) from problem
    except HfHubHTTPError as problem:
        if getattr(problem.response, "status_code", None) == 404:
            return None
        raise CheckpointError(_not_here(pretrained, revision)) from problem
    except (OSError, ValueError) as problem:
        raise CheckpointError(f"pretrained={pretrained!r}: {name} cannot be read: {problem}") from problem


def _not_here(pretrained: str, revision: str | None) -> str:
    at = f" --revision {revision}" if revision else ""
    return (
        f"pretrained={pretrained!r}: no such folder, not in the local hub cache, and the hub cannot be reached; allowed "
        f"is a checkpoint folder, a hub id, or 'demo'. To fetch it on a machine with a network: hf download {pretrained}{at}"
    )


def explicit(pretrained: str) -> str:
    """Return the name, or `./owner/name` if a folder here hides the hub's repository owner/name, which is logged."""
    if not _is_hub_id(pretrained) or not Path(pretrained).is_dir():
        return pretrained
    logger.info(f"pretrained={pretrained!r} is the folder {Path(pretrained).resolve()}, not the hub's repository")
    return f"./{pretrained}"


def _is_hub_id(pretrained: str) -> bool:
    return re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", pretrained) is not None


def read_config(pretrained: str, revision: str | None = None) -> dict[str, Any]:
    """Read config.json as it is stored.

    Raises:
        CheckpointError: There is none, or it cannot be read.
    """
    config = read_json(pretrained, revision, "config.json")
    if config is None:
        refuse_adapter(pretrained, revision)  # whose folder has no config.json as a rule
        name = pretrained.removeprefix("./")
        hidden = Path(pretrained).is_dir() and _is_hub_id(name)
        raise CheckpointError(
            f"pretrained={pretrained!r}: no config.json there; is it a checkpoint folder?"
            + (f" The hub's repository {name} is read only where no folder ./{name} hides it" if hidden else "")
        )
    return config


def refuse_adapter(pretrained: str, revision: str | None) -> None:
    """Refuse an adapter: it would be added only if peft is installed.

    Raises:
        CheckpointError: There is an adapter_config.json; the message says how to merge the adapter.
    """
    adapter = read_json(pretrained, revision, "adapter_config.json")
    if adapter is not None:
        raise CheckpointError(
            f"pretrained={pretrained!r}: adapter_config.json makes this an adapter of "
            f"{adapter.get('base_model_name_or_path')!r}; allowed is a whole model: merge it first "
            "(peft: PeftModel.from_pretrained(...).merge_and_unload().save_pretrained(FOLDER))"
        )


def shape_of(pretrained: str, revision: str | None = None) -> Shape:
    """Read layers and heads of the text model from config.json alone.

    Raises:
        CheckpointError: config.json is not there, or states no layers or heads of a text model.
    """
    config = read_config(pretrained, revision)
    text = config.get("text_config", config)
    with reading(pretrained, "config.json"):
        known = config.get("model_type") in CONFIG_MAPPING
        if known and not {"num_hidden_layers", "num_attention_heads"} <= text.keys():
            # the file holds only what differs from the defaults
            text = CONFIG_MAPPING[config["model_type"]].from_dict(config).get_text_config().to_dict()
        missing = [name for name in ("num_hidden_layers", "num_attention_heads") if name not in text]
        if missing:
            raise CheckpointError(f"pretrained={pretrained!r}: config.json has no {missing[0]} of a text model")
        return Shape(pretrained, int(text["num_hidden_layers"]), int(text["num_attention_heads"]), config)
