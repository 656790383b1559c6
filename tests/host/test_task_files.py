"""lmms-eval's index of tasks is the same whichever parser reads its files."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lmms_eval.tasks
import pytest
import yaml
from lmms_eval import utils

from lmms_vg.host import task_files

WRITTEN = """
task: one
doc_to_text: !function code.text
prompt: {a: "x: y", b: [1, 2.5, yes, ~, 2026-01-02, 0x1F, 1e3, '1_000']}
text: |
  two
   lines
folded: >-
  a
  b
base: &base {k: v}
other: {<<: *base, n: null}
"""


def index() -> dict[str, Any]:
    manager = object.__new__(lmms_eval.tasks.TaskManager)
    manager.logger = lmms_eval.tasks.eval_logger
    return dict(manager._get_task_and_group(str(Path(lmms_eval.tasks.__file__).parent)))


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="this PyYAML was built without libyaml")
def test_index_is_the_same() -> None:
    plainly = index()
    with task_files.fast(lmms_eval.tasks):
        assert utils.yaml is not yaml
        fast = index()
    assert utils.yaml is yaml
    assert len(plainly) > 1000
    assert fast == plainly


@pytest.mark.parametrize("mode", ["simple", "full"])
def test_values_are_the_same(tmp_path: Path, mode: str) -> None:
    (tmp_path / "code.py").write_text("def text(document): return 'asked'\n")
    (tmp_path / "base.yaml").write_text(WRITTEN)
    file = tmp_path / "task.yaml"
    file.write_text("include: base.yaml\nmore: 1\n")
    plainly = utils.load_yaml_config(str(file), mode=mode)
    with task_files.fast(lmms_eval.tasks):
        fast = utils.load_yaml_config(str(file), mode=mode)
    function, expected = fast.pop("doc_to_text"), plainly.pop("doc_to_text")
    if mode == "full":
        assert function({}) == expected({}) == "asked"
    else:  # nodes, which compare by identity
        assert (function.tag, function.value) == (expected.tag, expected.value) == ("!function", "code.text")
    assert fast == plainly
    assert fast["prompt"]["b"][:3] == [1, 2.5, True]


@pytest.mark.parametrize("mode", ["simple", "full"])
def test_what_is_included_again_is_what_it_was(tmp_path: Path, mode: str) -> None:
    """A file that includes a list of others, of which the last is overruled by the first, is included by two."""
    (tmp_path / "first.yaml").write_text("a: first\nb: [1, {c: 2}]\n")
    (tmp_path / "last.yaml").write_text("a: last\nd: 3\n")
    (tmp_path / "both.yaml").write_text("include: [first.yaml, last.yaml]\ne: 4\n")
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(f"include: both.yaml\ntask: {name}\n")
    files = [str(tmp_path / f"{name}.yaml") for name in ("one", "two", "one")]
    plainly = [utils.load_yaml_config(file, mode=mode) for file in files]
    with task_files.fast(lmms_eval.tasks):
        assert [utils.load_yaml_config(file, mode=mode) for file in files] == plainly
    assert [config["a"] for config in plainly] == ["first"] * 3


def test_a_second_run_reads_a_file_again_only_if_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A joint run or a sweep in one process indexes all files once per method or setting."""
    loaded: list[str] = []
    load = yaml.load
    monkeypatch.setattr(yaml, "load", lambda stream, loader: loaded.append(stream.name) or load(stream, loader))
    file = tmp_path / "task.yaml"

    def read(text: str) -> Any:
        if not file.exists() or file.read_text() != text:
            file.write_text(text)
        with task_files.fast(lmms_eval.tasks):
            return utils.load_yaml_config(str(file), mode="simple")

    assert [read("task: one\n"), read("task: one\n")] == [{"task": "one"}] * 2
    assert loaded == [str(file)]
    assert read("task: another\n") == {"task": "another"}
    assert loaded == [str(file)] * 2


def test_refuses_what_full_load_refuses(tmp_path: Path) -> None:
    file = tmp_path / "task.yaml"
    file.write_text("a: !!python/object/apply:os.system ['exit 1']\n")
    with task_files.fast(lmms_eval.tasks), pytest.raises(yaml.constructor.ConstructorError):
        utils.load_yaml_config(str(file))


def test_restored_after_an_error() -> None:
    with pytest.raises(KeyError), task_files.fast(lmms_eval.tasks):
        raise KeyError
    assert utils.yaml is yaml


@pytest.mark.parametrize("tasks", [SimpleNamespace(), SimpleNamespace(utils=SimpleNamespace(yaml=SimpleNamespace()))])
def test_without_libyaml(tasks: Any) -> None:
    before = dict(vars(tasks))
    with task_files.fast(tasks):
        assert vars(tasks) == before
