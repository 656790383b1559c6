"""Third-party names next to ours: which are registered, and which are left out because an id would not be unique."""

from __future__ import annotations

from pathlib import Path

import pytest
from distributions import found, install

from lmms_vg.extensions import registered as module
from lmms_vg.extensions.entries import Extension
from lmms_vg.extensions.registered import add_method, families, methods, model_ids, registered


@pytest.fixture(scope="module")
def ours() -> dict[str, tuple[str, str]]:
    return model_ids()


def test_a_method_of_others_is_one_of_every_family(tmp_path: Path, ours: dict[str, tuple[str, str]]) -> None:
    install(tmp_path, "theirs", {"methods:top_heavy": "theirs:TopHeavy"})
    with found(tmp_path):
        assert {**model_ids()} == ours | {
            f"{family}_top_heavy": (family, "top_heavy") for family in {name for name, _ in ours.values()}
        }
        assert registered().problems == []
    assert model_ids() == ours


def test_names_with_underscores(tmp_path: Path) -> None:
    install(tmp_path, "theirs", {"families:llava_next": "theirs:Next", "methods:top_heavy": "theirs:TopHeavy"})
    with found(tmp_path):
        assert model_ids()["llava_next_random_mask"] == ("llava_next", "random_mask")
        assert model_ids()["llava_next_top_heavy"] == ("llava_next", "top_heavy")
        assert model_ids()["llava_top_heavy"] == ("llava", "top_heavy")
        assert "llava_next" not in model_ids()


CLASHES = {
    "a method of ours": ({"theirs": {"methods:pai": "theirs:PAI"}}, {"theirs", "lmms_vg"}, {"huatuo_pai"}),
    "a family of ours": ({"theirs": {"families:llava": "theirs:Llava"}}, {"theirs", "lmms_vg"}, {"llava_plain"}),
    "two of one name": (
        {"theirs": {"methods:sharpen": "theirs:A"}, "others": {"methods:sharpen": "others:B"}},
        {"theirs", "others"},
        set(),
    ),
    "two pairs of one id": (
        {"theirs": {"families:llava_fine": "theirs:Fine"}, "others": {"methods:fine_plain": "others:Plain"}},
        {"theirs", "others", "lmms_vg"},
        set(),
    ),
    "a pair of theirs and one of ours": (
        {"theirs": {"families:llava_random": "theirs:Random"}, "others": {"methods:mask": "others:Mask"}},
        {"theirs", "others", "lmms_vg"},
        {"llava_random_mask"},
    ),
}


@pytest.mark.parametrize("case", CLASHES)
def test_a_clash_is_left_out_and_all_else_works(case: str, tmp_path: Path, ours: dict[str, tuple[str, str]]) -> None:
    installed, named, kept = CLASHES[case]
    for distribution, entry_points in installed.items():
        install(tmp_path, distribution, entry_points)
    install(tmp_path, "innocent", {"methods:blunt": "innocent:Blunt"})
    with found(tmp_path):
        assert model_ids() == ours | {
            f"{family}_blunt": (family, "blunt") for family in {name for name, _ in ours.values()}
        }
        assert kept <= model_ids().keys()
        (problem,) = registered().problems
        assert {name for name in ("theirs", "others", "lmms_vg", "innocent") if f" of {name}" in problem} == named


def test_an_innocent_family_of_others_stays(tmp_path: Path) -> None:
    """Only the names in which clashing pairs differ are left out."""
    install(tmp_path, "theirs", {"families:qwen": "theirs:Qwen"})
    for distribution in ("a", "b"):
        install(tmp_path, distribution, {"methods:sharpen": f"{distribution}:Sharpen"})
    with found(tmp_path):
        assert ("qwen" in families(), "sharpen" in methods()) == (True, False)


@pytest.mark.parametrize(
    ("entry_points", "taken"),
    [
        ({"methods:hf": "theirs:Hf"}, "internvl_hf"),
        ({"families:qwen2_5": "theirs:Q", "methods:vl": "theirs:V"}, "qwen2_5_vl"),
    ],
)
def test_a_model_of_lmms_eval_is_not_replaced(
    entry_points: dict[str, str], taken: str, tmp_path: Path, ours: dict[str, tuple[str, str]]
) -> None:
    install(tmp_path, "theirs", entry_points | {"methods:blunt": "theirs:Blunt"})
    with found(tmp_path):
        assert model_ids() == ours | {f"{family}_blunt": (family, "blunt") for family, _ in ours.values()}
        (problem,) = registered().problems
        assert f"{taken}, and lmms-eval has a model" in problem


def test_nor_by_a_method_of_this_process() -> None:
    with pytest.raises(ValueError, match=r"method hf of mine\.py form the model id \w+_hf, and lmms-eval has a model"):
        add_method(Extension("method", "hf", "mine:Hf", "mine.py"))
    assert "hf" not in methods()


@pytest.mark.parametrize("name", ["sharp-en", "a,b", "a.b", "2x"])
def test_a_name_that_is_none_is_left_out(name: str, tmp_path: Path, ours: dict[str, tuple[str, str]]) -> None:
    install(tmp_path, "theirs", {f"methods:{name}": "theirs:Sharpen"})
    with found(tmp_path):
        assert model_ids() == ours
        assert [name in problem for problem in registered().problems] == [True]


def test_metadata_older_than_the_code_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "entries", list)
    made = registered.__wrapped__()
    assert (made.families, made.methods) == ({}, {})
    assert ["pip install" in problem for problem in made.problems] == [True]


@pytest.mark.parametrize("name", ["plain", "sharpen"])
def test_a_method_for_this_process(name: str, tmp_path: Path) -> None:
    install(tmp_path, "theirs", {"methods:sharpen": "theirs:Sharpen"})
    with found(tmp_path):
        with pytest.raises(ValueError, match=rf"method {name} of .* method {name} of .*huatuo_{name}"):
            add_method(Extension("method", name, "mine:Mine", "mine.py"))
        add_method(Extension("method", "mine", "mine:Mine", "mine.py"))
        assert model_ids()["llava_mine"] == ("llava", "mine")
