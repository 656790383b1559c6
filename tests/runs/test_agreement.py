"""Every difference besides the method is refused by name, and allowed only by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from saved_run import IDENTITY, closed, save, spec

from lmms_vg.runs.agreement import agree, check_names
from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.results import Run

VGREFINE = IDENTITY | {"method": spec("vgrefine", k=5)}


def saved(folder: Path, run: dict[str, Any] | None) -> Run:
    return read_run(save(folder, {"t": [closed("q1", 1)]}, run=run))


@pytest.fixture
def base(tmp_path: Path) -> Run:
    return saved(tmp_path / "base", IDENTITY)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("weights", "0123456789abcdef", r"weights is 0123456789ab\.\.\., but f11c28524bde\.\.\. in"),
        ("config", "x", "config is x, but 5105ec96 in"),
        ("tokenizer", "x", "tokenizer is x, but 4b14c97b in"),
        ("image_processor", "x", "image_processor is x, but 44fbbc74 in"),
        ("prompt", "x", "prompt is x, but 88b9caa1 in"),
        ("options", {"max_pixels": 50_176}, "options is max_pixels=50176, but None in"),
        ("dtype", "bfloat16", "dtype is bfloat16, but float32 in"),
        ("device", "cuda", "device is cuda, but cpu in"),
        ("batch_size", 1, "batch_size is 1, but 8 in"),
    ],
)
def test_differences_that_are_not_the_methods(tmp_path: Path, base: Run, name: str, value: Any, message: str) -> None:
    other = saved(tmp_path / "other", VGREFINE | {name: value})
    with pytest.raises(ValueError, match=rf"other.*: {message} .*base.*--allow {name}$"):
        agree(base, [other])
    with pytest.raises(ValueError, match=message):
        agree(base, [other], ["questions"])
    (note,) = agree(base, [other], [name])
    assert note.startswith(f"Allowed to differ: {name} (plain: ")


def test_all_differences_are_named_at_once(tmp_path: Path, base: Run) -> None:
    other = saved(tmp_path / "other", VGREFINE | {"dtype": "float16", "batch_size": 1, "device": "cuda"})
    with pytest.raises(ValueError, match=r"dtype is .*; batch_size is .*: --allow dtype --allow batch_size$"):
        agree(base, [other], ["device"])
    assert agree(base, [other], ["device", "dtype", "batch_size"]) == [
        "Allowed to differ: dtype (plain: float32; vgrefine (k=5): float16)",
        "Allowed to differ: device (plain: cpu; vgrefine (k=5): cuda)",
        "Allowed to differ: batch_size (plain: 8; vgrefine (k=5): 1)",
    ]


def test_every_run_is_checked(tmp_path: Path, base: Run) -> None:
    same, other = saved(tmp_path / "same", VGREFINE), saved(tmp_path / "other", VGREFINE | {"dtype": "float16"})
    assert agree(base, [same]) == []
    with pytest.raises(ValueError, match="dtype"):
        agree(base, [same, other])


def test_code_and_versions_are_said(tmp_path: Path, base: Run) -> None:
    versions = {"lmms_vg": "0.1.0", "torch": "2.7.0"}
    other = saved(tmp_path / "other", VGREFINE | {"code": "new", "versions": versions, "rows": "all"})
    assert agree(base, [other]) == [
        "Differs too: versions (plain: torch 2.6.0; vgrefine (k=5): torch 2.7.0)",
        "Differs too: code (plain: ba7a875c; vgrefine (k=5): new)",
        "Differs too: rows (plain: last; vgrefine (k=5): all)",
    ]


def test_where_it_ran_and_how_it_was_asked_for_is_no_difference(tmp_path: Path, base: Run) -> None:
    assert agree(base, [saved(tmp_path / "b", VGREFINE | {"settings": {"pretrained": "copy"}, "per_head": True})]) == []


def test_runs_that_say_nothing_are_named(tmp_path: Path, base: Run) -> None:
    foreign = saved(tmp_path / "other", None)
    (note,) = agree(base, [foreign])
    assert note.startswith("Not checked: huatuo_plain (pretrained=demo) ")
    assert agree(foreign, []) == [], "nothing is compared"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("batchsize", "--allow batchsize: did you mean batch_size.*weights, config, .*, questions"),
        ("limit", "--allow limit: "),
        ("rule", "--allow rule: .*two rules"),
    ],
)
def test_names_that_cannot_be_allowed(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_names(["dtype", name])
    check_names(["dtype", "questions"])
