"""Third-party classes are imported on first use; an unusable one is named with its distribution, and all others work."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import warm
from distributions import environment, found, install, method

from lmms_vg.cli.main import main
from lmms_vg.doctor import hook
from lmms_vg.extensions.classes import ExtensionError
from lmms_vg.methods import METHODS
from lmms_vg.models import FAMILIES

BROKEN = {
    "raises": ("raise RuntimeError('boom')", "RuntimeError: boom"),
    "leaves": ("raise SystemExit('bye')", "SystemExit: bye"),
    "wants": ("import nowhere_to_be_found", "ModuleNotFoundError"),
    "lacks": ("", "AttributeError"),
    "number": ("Number = 5", "is not a subclass of lmms_vg.methods.base.Method"),
    "other_name": (method("another").replace("class Another", "class OtherName"), "has name = 'another'"),
    "undecorated": (
        method("undecorated").replace("@dataclass(frozen=True)\n", ""),
        "is not a frozen dataclass",
    ),
    "melted": (method("melted").replace("(frozen=True)", ""), "TypeError: cannot inherit non-frozen"),
    "abstract": (
        method("abstract").replace("methods.plain import Plain", "methods import Method as Plain"),
        "does not define prefill",
    ),
}


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A working method, one from a missing module, and one of each unusable kind."""
    install(tmp_path, "works", {"methods:sharpen": "sharpen_code:Sharpen"}, {"sharpen_code": method("sharpen")})
    install(tmp_path, "gone", {"methods:absent": "gone_code:Absent"})
    for name, (code, _) in BROKEN.items():
        cls = name.title().replace("_", "")
        install(tmp_path, f"of_{name}", {f"methods:{name}": f"{name}_code:{cls}"}, {f"{name}_code": code})
    return tmp_path


def test_names_are_known_without_importing(theirs: Path) -> None:
    with found(theirs):
        assert {"sharpen", "absent", *BROKEN} < set(METHODS)
        assert "raises" in METHODS
        assert len(METHODS) == len(set(METHODS))
        assert not {f"{name}_code" for name in ("sharpen", *BROKEN)} & sys.modules.keys()


@pytest.mark.parametrize("name", [*BROKEN, "absent"])
def test_what_cannot_be_used_is_named(name: str, theirs: Path) -> None:
    reason = BROKEN.get(name, ("", "ModuleNotFoundError: No module named 'gone_code'"))[1]
    with found(theirs), pytest.raises(ExtensionError) as caught:
        METHODS[name]
    distribution = "gone" if name == "absent" else f"of_{name}"
    assert str(caught.value).startswith(f"method {name} of {distribution}")
    assert reason in str(caught.value)


def test_an_unknown_name_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        METHODS["nothing"]


def test_the_table_of_methods_has_the_others(theirs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with found(theirs):
        assert main(["methods"]) == 0
        rows = [row.split(" | ")[0] for row in capsys.readouterr().out.splitlines()]
        assert "| sharpen" in rows
        assert "| vgrefine" in rows
        assert not {f"| {name}" for name in (*BROKEN, "absent")} & set(rows)
        assert main(["methods", "sharpen"]) == 0
        assert "Nowhere 2020" in capsys.readouterr().out
        assert main(["methods", "raises"]) == 2
        assert "method raises of of_raises" in capsys.readouterr().err


def test_doctor_names_each(theirs: Path) -> None:
    with found(theirs):
        problems = [finding.text for finding in hook.extensions() if finding.mark == "PROBLEM"]
    assert sorted(text.split(" of ")[0] for text in problems) == sorted(f"method {n}" for n in (*BROKEN, "absent"))
    assert [finding.mark for finding in hook.extensions()] == ["ok"]


def test_a_family_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    install(
        tmp_path, "others", {"families:upside": "upside_code:Upside"}, {"upside_code": "raise RuntimeError('boom')"}
    )
    with found(tmp_path):
        assert {"upside", "huatuo"} < set(FAMILIES)
        with pytest.raises(ExtensionError, match=r"^family upside of others.*RuntimeError: boom"):
            FAMILIES["upside"]
        assert FAMILIES["huatuo"].__name__ == "Huatuo"
        problems = [finding.text for finding in hook.extensions() if finding.mark == "PROBLEM"]
        assert [text.split(" of ")[0] for text in problems] == ["family upside"]


LISTED = """
import json, sys
from lmms_eval.models import MODEL_REGISTRY_V2
known = set(MODEL_REGISTRY_V2.list_canonical_model_ids())
imported = sorted(name for name in sys.modules if name.endswith("_code") or name in ("lmms_vg.methods", "torch"))
print(json.dumps([sorted(known & {"huatuo_plain", "huatuo_sharpen", "llava_raises", "huatuo_pai"}), imported]))
"""
LOADED = """
import json
from lmms_eval.models import get_model
print(json.dumps([get_model(name).method for name in ("huatuo_plain", "llava_sharpen", "llava_raises")]))
"""


@pytest.mark.e2e
def test_lmms_eval_knows_them_and_imports_none(theirs: Path) -> None:
    install(theirs, "impostor", {"methods:pai": "impostor:PAI"})

    def told(program: str | Path, code: str) -> tuple[Any, list[str]]:
        """What a program prints last, as JSON, and every line that it prints."""
        command = [program, "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, env=environment(theirs), check=True)
        return json.loads(done.stdout.splitlines()[-1]), (done.stdout + done.stderr).splitlines()

    (known, imported), lines = told(sys.executable, LISTED)
    assert known == ["huatuo_pai", "huatuo_plain", "huatuo_sharpen", "llava_raises"]
    assert imported == []
    assert ["lmms_vg" in line for line in lines if "impostor" in line] == [True]
    methods, lines = told(warm.programs() / "python", LOADED)
    assert methods == ["plain", "sharpen", "raises"]
    assert ["lmms_vg" in line for line in lines if "impostor" in line] == [True]
