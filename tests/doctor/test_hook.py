"""How lmms-eval sees this package: as it is, and with conflicting entry points, models and tasks."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lmms_eval.models
import lmms_eval.tasks
import pytest
from lmms_eval.models.registry_v2 import ModelManifest, ModelRegistryV2

from lmms_vg import plugin
from lmms_vg.doctor import hook
from lmms_vg.doctor.check_result import CheckResult
from lmms_vg.extensions.registered import model_ids
from lmms_vg.host import entry_points as points

OURS = EntryPoint("lmms_vg", "lmms_vg.plugin:manifests", "lmms_eval.models")
STEMS = sorted(file.stem for file in plugin.TASK_FOLDER.rglob("*.yaml"))


def marks(findings: Iterable[CheckResult]) -> list[str]:
    return [finding.mark for finding in findings]


@pytest.fixture
def others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, EntryPoint]:
    """Plugins of others: one that works, and three that do not."""
    (tmp_path / "of_others.py").write_text(
        "from lmms_eval.models.registry_v2 import ModelManifest\n"
        "works = ModelManifest(model_id='theirs', chat_class_path='a.b')\n"
        "wrong = 5\n"
        "def raises(): raise ValueError('boom\\nmore')\n"
        "def leaves(): raise SystemExit('left')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return {
        name: EntryPoint(name, f"of_others:{name}", points.GROUP) for name in ("works", "wrong", "raises", "leaves")
    }


def installed(monkeypatch: pytest.MonkeyPatch, *entries: EntryPoint) -> list[CheckResult]:
    monkeypatch.setattr(points.metadata, "entry_points", lambda group: entries if group == points.GROUP else ())
    return list(hook.entry_points())


def test_our_entry_point_is_there_and_loads() -> None:
    (ours,) = [finding for finding in hook.entry_points() if " lmms_vg " in finding.text]
    assert (ours.mark, ours.text) == ("ok", "entry point lmms_vg of lmms-vg loads")


def test_none_of_ours(monkeypatch: pytest.MonkeyPatch, others: dict[str, EntryPoint]) -> None:
    works, ours = installed(monkeypatch, others["works"])
    assert works.mark == "ok"
    assert (ours.mark, ours.text[:27]) == ("PROBLEM", "lmms-vg has no entry point ")
    assert "pip install " in ours.remedy


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("raises", "ValueError: boom"),
        ("leaves", "SystemExit: left"),
        ("wrong", "TypeError: Entry point payload must be "),
    ],
)
def test_one_that_fails_before_ours_switches_ours_off(
    name: str, reason: str, monkeypatch: pytest.MonkeyPatch, others: dict[str, EntryPoint]
) -> None:
    findings = installed(monkeypatch, others["works"], others[name], OURS)
    assert marks(findings) == ["ok", "PROBLEM", "ok"]
    assert findings[1].text.startswith(
        f"entry point {name} of of_others fails, and lmms-eval skips all after it, including ours: {reason}"
    )
    assert "-m pip uninstall of_others " in findings[1].remedy


def test_lmms_eval_does_skip_those_behind(monkeypatch: pytest.MonkeyPatch, others: dict[str, EntryPoint]) -> None:
    """The finding says so about lmms-eval."""
    registry = ModelRegistryV2()
    monkeypatch.setattr(registry, "_select_entry_points", lambda group: [others["raises"], OURS])
    with pytest.raises(ValueError, match="boom"):
        registry.load_entrypoint_manifests(overwrite=True)
    assert registry.list_canonical_model_ids() == []


def test_one_that_fails_behind_ours_is_a_note(monkeypatch: pytest.MonkeyPatch, others: dict[str, EntryPoint]) -> None:
    assert marks(installed(monkeypatch, OURS, others["raises"])) == ["ok", "note"]


def test_the_distribution_is_named_where_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    entry: Any = SimpleNamespace(name="n", value="v:w", dist=SimpleNamespace(name="of-others"), load=lambda: 5)
    finding = installed(monkeypatch, entry, OURS)[0]
    assert finding.text.startswith("entry point n of of-others fails")
    assert "-m pip uninstall of-others " in finding.remedy


def test_ours_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def manifests() -> list[ModelManifest]:
        raise ImportError("no loguru")

    monkeypatch.setattr(plugin, "manifests", manifests)
    (finding,) = installed(monkeypatch, OURS)
    assert (finding.mark, finding.text) == (
        "PROBLEM",
        "our entry point fails, so lmms-eval knows none of our models: ImportError: no loguru",
    )


def test_our_models_are_found() -> None:
    (finding,) = hook.models()
    assert finding.mark == "ok"
    assert finding.text.startswith(f"{len(model_ids())} models are found: huatuo_adaptvis, huatuo_attention_lens, ")


def test_our_models_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lmms_eval.models, "MODEL_REGISTRY_V2", ModelRegistryV2())
    (finding,) = hook.models()
    assert finding.mark == "PROBLEM"
    assert finding.text.startswith("lmms-eval does not know huatuo_adaptvis, huatuo_attention_lens, ")
    assert finding.text.endswith(f" and {len(model_ids()) - 3} more")


def test_another_plugin_has_our_names(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = ModelRegistryV2()
    for manifest in [*plugin.manifests(), ModelManifest("llava_plain", chat_class_path="theirs.models.Plain")]:
        registry.register_manifest(manifest, overwrite=True)
    monkeypatch.setattr(lmms_eval.models, "MODEL_REGISTRY_V2", registry)
    (finding,) = hook.models()
    assert (finding.mark, finding.text) == (
        "PROBLEM",
        "another plugin has taken llava_plain: llava_plain is theirs.models.Plain",
    )
    assert "pip uninstall theirs " in finding.remedy


def index(monkeypatch: pytest.MonkeyPatch, paths: dict[str, str | int]) -> None:
    """The tasks that lmms-eval would find; the path of a tag is -1."""
    entries = {name: {"yaml_path": path} for name, path in paths.items()}
    monkeypatch.setattr(lmms_eval.tasks, "TaskManager", lambda: SimpleNamespace(task_index=entries))


def ours() -> dict[str, str | int]:
    return {file.stem: str(file) for file in plugin.TASK_FOLDER.rglob("*.yaml")}


def test_the_hook_is_in_force() -> None:
    """In this environment lmms-eval indexes our tasks with our content, slake among them."""
    (finding,) = hook.tasks()
    assert (finding.mark, finding.text) == ("ok", f"{len(STEMS)} tasks and groups are found: the hook is in force")
    assert {"slake", "vgmed_demo"} <= set(STEMS)


def test_the_hook_is_not_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    index(monkeypatch, {"slake": "/host/slake.yaml", "mme": "/host/mme.yaml"})
    absent, taken = hook.tasks()
    assert (absent.mark, taken.mark) == ("PROBLEM", "PROBLEM")
    assert absent.text.endswith(f" and {len(STEMS) - 4} more")
    assert '--include_path "$(lmms-vg tasks --path)"' in absent.remedy
    assert taken.text == "other tasks have the names of ours: slake (/host/slake.yaml)"
    assert "vg_slake" in taken.remedy


def test_one_task_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    index(monkeypatch, {name: path for name, path in ours().items() if name != "vgmed_demo"})
    (finding,) = hook.tasks()
    assert finding.text == "the hook is not in force: lmms-eval does not know our tasks vgmed_demo"


@pytest.mark.parametrize(("kept", "mark"), [("1", "ok"), ("0", "PROBLEM")])
def test_one_task_is_another(monkeypatch: pytest.MonkeyPatch, kept: str, mark: str) -> None:
    """A task that is kept on request is no problem; a tag of lmms-eval has no path."""
    index(monkeypatch, ours() | {"slake": "/host/slake.yaml", "vgmed": -1})
    monkeypatch.setenv("LMMS_VG_KEEP_BUILTIN", kept)
    (finding,) = hook.tasks()
    assert finding.mark == mark
    assert ("slake (/host/slake.yaml), vgmed (-1)" in finding.text) == (mark == "PROBLEM")
    assert ("; lmms-eval's own slake, vgmed is kept: the hook is in force" in finding.text) == (mark == "ok")
