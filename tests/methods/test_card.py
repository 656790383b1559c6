"""The table of methods: every method has a row, and every line of the card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from lmms_vg.cli.main import main
from lmms_vg.methods import METHODS
from lmms_vg.methods.card import LINES, card, defaults, table
from lmms_vg.methods.plain import Plain


@dataclass(frozen=True)
class Sharpen(Plain):
    """Sharpen (Nobody, Nowhere 2020): sharpens | blunts.

    Text: with a colon.

    Paper: One, "A title:
        with two lines", 2020
    Source: a/b
    Layers: all
    Heads: 1 | 2
    Rows: last
    Softmax: before
    Phase: prefill

    Attributes:
        weight: Source of nothing.
    """

    name: ClassVar[str] = "sharpen"

    heads: tuple[int, ...]
    weight: float = 0.5
    end: int | None = None
    exact: bool = False
    kind: str = "soft"


def test_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert card(Sharpen)["Paper"] == 'One, "A title: with two lines", 2020'
    assert defaults(Sharpen) == "heads, weight=0.5, end, exact=false, kind=soft"
    _, rule, row = table({"sharpen": Sharpen})
    assert rule.count("---") == 9
    assert row == (
        "| sharpen | heads, weight=0.5, end, exact=false, kind=soft | all | 1 \\| 2 | last | before | prefill "
        '| One, "A title: with two lines", 2020 | a/b |'
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Heads: 1 | 2", "", "it has Paper, Source, Layers, Rows, Softmax, Phase"),
        ("Rows: last", "Rows:", "it has Paper, Source, Layers, Heads, Softmax, Phase"),
        ("Layers: all", "", "Sharpen"),
    ],
)
def test_a_missing_line_is_named(monkeypatch: pytest.MonkeyPatch, old: str, new: str, said: str) -> None:
    assert Sharpen.__doc__
    monkeypatch.setattr(Sharpen, "__doc__", Sharpen.__doc__.replace(old, new))
    with pytest.raises(ValueError, match=said):
        card(Sharpen)
    monkeypatch.setattr(Sharpen, "__doc__", None)
    with pytest.raises(ValueError, match="it has none"):
        card(Sharpen)


def test_a_method_without_a_card_has_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sharpen, "__doc__", "Sharpens.")
    rows = list(table({"sharpen": Sharpen, "plain": Plain}))[2:]
    assert [row.split(" | ")[0] for row in rows] == ["| plain"]


@pytest.mark.parametrize("name", list(METHODS))
def test_every_method_has_a_card_of_its_own(name: str) -> None:
    method = METHODS[name]
    assert tuple(card(method)) == LINES
    documentation = method.__doc__ or ""
    assert "__doc__" in vars(method), "not inherited"
    first = documentation.splitlines()[0]
    assert first.endswith(".")
    assert ": " in first
    assert all(word in ("before", "after", "as", "-") for word in [card(method)["Softmax"].split()[0]])
    assert card(method)["Phase"] in ("prefill", "decoding", "prefill and decoding", "-")
    missing = [option for option in method.options() if option not in documentation.split("Attributes:")[-1]]
    assert not missing, "hyper-parameters that the docstring does not explain"


def test_every_method_has_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods"]) == 0
    table, _, controls = capsys.readouterr().out.partition("\n\n")
    head, rule, *rows = table.splitlines()
    assert "blank_image" in controls
    assert head.startswith("| method | hyper-parameters |")
    assert [row.split(" | ")[0] for row in rows] == [f"| {name}" for name in METHODS]
    assert {line.replace("\\|", "").count("|") for line in [head, rule, *rows]} == {10}


def test_one_method_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", "vcd"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("vcd\n\nVCD (Leng et al., CVPR 2024)")
    assert "noise_step: step t" in shown


@pytest.mark.parametrize(
    ("name", "differs"),
    [
        (
            "vgrefine",
            ["p = 80", "one token", "16", "a space before the instruction", "Q", "norm", "magnitude_threshold"],
        ),
        ("pai", ["README runs alpha .2", "gamma 1.1", "prints none", "alpha=0.2,cfg=true"]),
    ],
)
def test_a_card_says_where_a_method_differs_from_its_source(name: str, differs: list[str]) -> None:
    text = " ".join((METHODS[name].__doc__ or "").split())
    assert [words for words in differs if words not in text] == []


def test_an_unknown_method_is_told_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", "vgrefin"]) == 2
    assert "did you mean vgrefine?" in capsys.readouterr().err
    assert main(["methods", "zzz"]) == 2
    assert "allowed is adaptvis, " in capsys.readouterr().err
