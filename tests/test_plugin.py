"""lmms-eval finds our model names and tasks, and neither can do harm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import lmms_eval.models
import pytest
import warm
from lmms_eval.models import MODEL_REGISTRY_V2, get_model

from lmms_vg import plugin
from lmms_vg.extensions.registered import model_ids

#: Runs in a process of its own: the hook fires once a process.
PROBE = """
import functools, json, os, sys
from loguru import logger
import lmms_eval.models
lines = []
logger.remove()
logger.add(lambda line: lines.append(str(line).strip()), level="INFO", format="{level} {message}")
waiting = lambda: sum(type(finder).__name__ == "_WaitForTasks" for finder in sys.meta_path)
before = waiting()
import lmms_eval.tasks
after = waiting()
read = functools.cache(lmms_eval.tasks.utils.load_yaml_config)  # the files stay as they are from index to index
lmms_eval.tasks.utils.load_yaml_config = lambda *given, **named: dict(read(*given, **named))

def index():
    heard = len(lines)
    paths = {name: str(entry.get("yaml_path")) for name, entry in lmms_eval.tasks.TaskManager().task_index.items()}
    return {"paths": paths, "lines": [line for line in lines[heard:] if "lmms_vg" in line]}

ours = index()
os.environ["LMMS_VG_KEEP_BUILTIN"] = "1"
print(json.dumps({"before": before, "after": after, "ours": ours, "kept": index()}))
"""


def python(code: str, program: str | Path = sys.executable) -> Any:
    environment = {name: value for name, value in os.environ.items() if name != "LMMS_VG_KEEP_BUILTIN"}
    done = subprocess.run([program, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def probe(programs: None) -> dict[str, Any]:
    return python(PROBE, warm.programs() / "python")


def is_ours(path: str) -> bool:
    return Path(path).is_relative_to(plugin.TASK_FOLDER)


# --- models ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model_id", sorted(model_ids()))
def test_lmms_eval_resolves_every_model(model_id: str) -> None:
    found = get_model(model_id)
    assert f"{found.__module__}.{found.__name__}" == f"lmms_vg.harness.{model_id}"
    assert (found.family, found.method) == model_ids()[model_id]
    assert not found.is_simple
    assert get_model(model_id) is found


@pytest.mark.parametrize("name", ["huatuo", "huatuo_", "huatuo_none", "none_plain", "Huatuo_plain", "huatuo_plain_"])
def test_no_other_class_is_made_up(name: str) -> None:
    from lmms_vg import harness

    with pytest.raises(AttributeError, match=name):
        getattr(harness, name)


def test_aliases_and_builtin_models() -> None:
    assert MODEL_REGISTRY_V2.resolve("huatuo").class_path == "lmms_vg.harness.huatuo_plain"
    assert MODEL_REGISTRY_V2.resolve("llava").class_path == "lmms_eval.models.simple.llava.Llava"
    assert lmms_eval.models.MODEL_ALIASES["huatuo_plain"] == ("huatuo",)


@pytest.mark.e2e
def test_lmms_eval_models_lists_ours() -> None:
    command = [warm.programs() / "lmms-eval", "models", "--aliases"]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = {row.split()[0]: row.split()[1:] for row in listing.splitlines() if row.strip()}
    assert {name: rows[name] for name in model_ids()} == {
        **{model_id: ["chat"] for model_id in model_ids()},
        "huatuo_plain": ["chat", "huatuo"],
    }
    assert rows["llava"] == ["simple"]


@pytest.mark.e2e
def test_what_lmms_eval_loads_at_start_is_light() -> None:
    loaded = python("import json, sys, lmms_vg.plugin; print(json.dumps(sorted(sys.modules)))")
    assert "lmms_vg.plugin" in loaded
    assert not {"torch", "transformers", "numpy", "datasets", "lmms_eval", "lmms_vg.harness"} & set(loaded)


@pytest.mark.e2e
def test_listing_models_imports_no_family_and_no_method() -> None:
    loaded = python("import json, sys, lmms_eval.models; print(json.dumps(sorted(sys.modules)))")
    assert "lmms_vg.extensions.registered" in loaded
    assert not {"torch", "lmms_vg.methods", "lmms_vg.models", "lmms_vg.harness"} & set(loaded)


# --- tasks ----------------------------------------------------------------------------------------------------------


def test_the_hook_waits_for_the_tasks_and_is_gone_then(probe: dict[str, Any]) -> None:
    assert (probe["before"], probe["after"]) == (1, 0)


def test_our_tasks_are_indexed_beside_the_builtin_ones(probe: dict[str, Any]) -> None:
    paths = probe["ours"]["paths"]
    assert {name for name, path in paths.items() if is_ours(path)} == {
        file.stem for file in plugin.TASK_FOLDER.rglob("*.yaml")
    }
    assert "lmms_eval/tasks/mme" in Path(paths["mme"]).as_posix()
    assert probe["ours"]["paths"].keys() == probe["kept"]["paths"].keys()


def replaced(probe: dict[str, Any]) -> list[str]:
    ours, kept = probe["ours"]["paths"], probe["kept"]["paths"]
    return sorted(name for name in ours if ours[name] != kept[name])


def test_our_slake_wins_unless_the_builtin_is_kept(probe: dict[str, Any]) -> None:
    ours, kept = probe["ours"]["paths"], probe["kept"]["paths"]
    assert Path(ours["slake"]) == plugin.TASK_FOLDER / "slake" / "slake.yaml"
    assert not is_ours(kept["slake"])
    assert "lmms_eval/tasks/slake" in Path(kept["slake"]).as_posix()
    assert is_ours(ours["vg_slake"])
    assert is_ours(kept["vg_slake"])
    assert all(is_ours(ours[name]) and not is_ours(kept[name]) for name in replaced(probe))


def test_one_line_says_so(probe: dict[str, Any]) -> None:
    count = len(list(plugin.TASK_FOLDER.rglob("*.yaml")))
    said = f"INFO lmms_vg: {count} tasks added; "
    assert probe["ours"]["lines"] == [f"{said}slake in place of lmms-eval's own (LMMS_VG_KEEP_BUILTIN=1 keeps those)"]
    assert probe["kept"]["lines"] == [f"{said}kept lmms-eval's own slake"]
