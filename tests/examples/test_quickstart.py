"""The notebook runs, and the script holds the same cells."""

from __future__ import annotations

import ast
import json
import re
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import warm

FOLDER = Path(__file__).parents[2] / "examples"
NOTEBOOK = json.loads((FOLDER / "quickstart.ipynb").read_text(encoding="utf-8"))


def cells_of_script() -> list[tuple[str, str]]:
    """Kind and text of each cell of the script, which begins one with `# %%`, and writes its prose as comments."""
    cells = []
    for part in re.split(r"^# %%", (FOLDER / "quickstart.py").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n")
        kind, body = ("markdown" if head.strip() == "[markdown]" else "code"), body.strip("\n")
        cells.append((kind, re.sub(r"^# ?", "", body, flags=re.MULTILINE) if kind == "markdown" else body))
    return cells


def shown(code: str, names: dict[str, Any]) -> str:
    """Run a cell as Jupyter does: the value of a last expression is shown, as HTML if it has any."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    if last is None:
        return ""
    value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    return str(value._repr_html_()) if hasattr(value, "_repr_html_") else repr(value)


def test_the_script_and_the_notebook_are_the_same() -> None:
    assert cells_of_script() == [(cell["cell_type"], "".join(cell["source"])) for cell in NOTEBOOK["cells"]]
    assert NOTEBOOK["nbformat"] == 4
    assert not any(cell.get("outputs") for cell in NOTEBOOK["cells"]), "outputs would grow old"


@pytest.mark.e2e
def test_every_cell_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """From the notebook's folder, as Jupyter starts it. Jupyter itself is no dependency: its rule of showing is above."""
    monkeypatch.chdir(FOLDER)
    monkeypatch.setattr(sys, "executable", str(warm.programs() / "python"))
    names: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        pages = [shown("".join(cell["source"]), names) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
    assert names["look"].answer == "left", "the box is at pixels 7 to 18 of 64"
    assert "data:image/png;base64," in pages[1]
    assert "<td>0.50</td>" in pages[1], "placement by chance"
    assert capsys.readouterr().out.startswith("left\n[")
    assert pages[3].count("<th>plain</th>") == pages[3].count("<th>vgrefine</th>") == 1
    assert "blind" not in pages[3], "no box, no values"
    table = names["questions"]
    assert table.task.value_counts().to_dict() == {"vqa_demo_hard": 12, "vgmed_demo": 12}
    assert table.ar.notna().sum() == table.score.notna().sum() == 12
    assert "<table" in pages[4]
