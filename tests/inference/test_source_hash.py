"""The journal's key contains the hash of the source that an answer depends on, and of nothing else."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import grimp
import pytest

import lmms_vg
from lmms_vg.inference import source_hash
from lmms_vg.inference.source_hash import ENGINE, NEUTRAL, closure, engine_hash, method_hash
from lmms_vg.methods import METHODS
from lmms_vg.models import FAMILIES

Hashes = dict[str, str]


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("lmms_vg")


def walked(graph: grimp.ImportGraph, modules: list[str]) -> set[str]:
    """Compute the closure with a library's import graph."""
    found: set[str] = set()
    waiting = set(modules)
    while waiting:
        module = waiting.pop()
        if module not in NEUTRAL:
            found.add(module)
            waiting |= graph.find_modules_directly_imported_by(module) - found
    return found


@pytest.mark.parametrize("cls", [*FAMILIES.values(), *METHODS.values()], ids=lambda cls: cls.__name__)
def test_closure_is_that_of_the_import_graph(graph: grimp.ImportGraph, cls: type) -> None:
    start = [*ENGINE, cls.__module__] if cls in FAMILIES.values() else [cls.__module__]
    assert closure(start) == walked(graph, start)


def test_neutral_modules_are_reached(graph: grimp.ImportGraph) -> None:
    """Otherwise an outdated name would hide a later module of the same name."""
    start = [*ENGINE, *(cls.__module__ for cls in [*FAMILIES.values(), *METHODS.values()])]
    reached = walked(graph, start)
    imported = {name for module in reached for name in graph.find_modules_directly_imported_by(module)}
    assert imported >= NEUTRAL


def test_nothing_of_the_benchmark_side_is_hashed() -> None:
    hashed = closure([*ENGINE, *(cls.__module__ for cls in [*FAMILIES.values(), *METHODS.values()])])
    rooms = {module.split(".")[1] for module in hashed}
    assert rooms == {"attention", "inference", "methods", "metrics", "models", "vision"}
    measured = {"lmms_vg.metrics.alignment", "lmms_vg.metrics.placement"}  # the latter of every head
    assert {module for module in hashed if ".metrics." in module} == measured


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Hashes]]:
    """Return the hashes of all families and methods of a copied package, in which a file ends in a comment."""
    root = tmp_path_factory.mktemp("copied") / "lmms_vg"
    shutil.copytree(Path(lmms_vg.__file__).parent, root, ignore=shutil.ignore_patterns("*.safetensors", "__pycache__"))

    def hashes(file: str = "") -> Hashes:
        before = (root / file).read_text() if file else ""
        if file:
            (root / file).write_text(before + "\n# a comment\n")
        source_hash._source.cache_clear()  # and a comment imports nothing
        families = {name: engine_hash(cls) for name, cls in FAMILIES.items()}
        methods = {name: method_hash(cls) for name, cls in METHODS.items()}
        if file:
            (root / file).write_text(before)
        return families | methods

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source_hash, "_ROOT", root)
        source_hash._imports.cache_clear()
        yield hashes
    source_hash._source.cache_clear()
    source_hash._imports.cache_clear()


@pytest.fixture(scope="module")
def unedited(edited: Callable[[str], Hashes]) -> Hashes:
    return edited("")


@pytest.mark.parametrize(
    ("file", "changed"),
    [
        ("attention/edits.py", {*FAMILIES}),
        ("inference/question.py", {*FAMILIES}),
        ("vision/images.py", {*FAMILIES}),
        ("models/huatuo.py", {"huatuo"}),
        ("models/llava.py", {"huatuo", "llava", "llava_med"}),
        ("models/image_text.py", {*FAMILIES}),
        ("models/qwen_vl.py", {"lingshu", "qwen_vl"}),
        ("models/lingshu.py", {"lingshu"}),
        ("methods/pai.py", {"pai"}),
        ("methods/scalingvis.py", {"scalingvis"}),
        *((file, set()) for file in ("cli/main.py", "metrics/bertscore.py", "metrics/closed.py", "methods/card.py")),
        *((file, set()) for file in ("models/elsewhere.py", "models/fields.py", "inference/question_maps.py")),
        *(
            (file, set())
            for file in ("harness.py", "journal/store.py", "plugin.py", "runs/report.py", "tasks/registry.py")
        ),
    ],
)
def test_what_a_changed_file_changes(
    edited: Callable[[str], Hashes], unedited: Hashes, file: str, changed: set[str]
) -> None:
    after = edited(file)
    assert {name for name in unedited if unedited[name] != after[name]} == changed


def test_a_method_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The source of its module and of the modules of its base classes counts."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "others_base.py").write_text(
        "from dataclasses import dataclass\nfrom lmms_vg.methods.plain import Plain\n\n"
        "@dataclass(frozen=True)\nclass Base(Plain): ...\n"
    )
    (tmp_path / "others_method.py").write_text("from others_base import Base\n\nclass Sharpen(Base): ...\n")
    cls = importlib.import_module("others_method").Sharpen
    seen = set()
    for file in ("others_method.py", "others_base.py"):
        source_hash._source.cache_clear()
        seen.add(method_hash(cls))
        (tmp_path / file).write_text((tmp_path / file).read_text() + "# changed\n")
    source_hash._source.cache_clear()
    seen.add(method_hash(cls))
    assert len(seen) == 3
    assert method_hash(METHODS["plain"]) not in seen


def test_a_package_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All modules of the package that the method imports count, however it imports them, and nothing else."""
    monkeypatch.syspath_prepend(tmp_path)
    root = tmp_path / "others_package"
    (root / "deep").mkdir(parents=True)
    files = {
        "__init__.py": "",
        "method.py": "import others_package.one\nfrom .two import value\nfrom .deep import three\n\nclass Sharpen: ...\n",
        "one.py": "from others_package import four\n",
        "two.py": "value = 2\n",
        "deep/__init__.py": "",
        "deep/three.py": "from ..five import *\n",
        "four.py": "",
        "five.py": "",
        "unrelated.py": "",
    }
    for name, code in files.items():
        (root / name).write_text(code)
    cls = importlib.import_module("others_package.method").Sharpen
    changing = set()
    for name in files:
        before = method_hash(cls)
        (root / name).write_text((root / name).read_text() + "# changed\n")
        source_hash._source.cache_clear()
        changing |= {name} if method_hash(cls) != before else set()
    assert changing == {"method.py", "one.py", "two.py", "deep/three.py", "four.py", "five.py"}


def test_a_method_without_a_file() -> None:
    namespace: dict[str, object] = {"__name__": "typed_in"}
    exec("class Typed: ...", namespace)
    with pytest.raises(ValueError, match=r"'typed_in' has no source file"):
        method_hash(namespace["Typed"])  # type: ignore[arg-type]
