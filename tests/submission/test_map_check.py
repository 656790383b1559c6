"""Maps in bundles: what they give is what is stated, and whatever contradicts them is refused by question, field and values."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import few_phantoms
import mapped
import numpy as np
import pytest
import runs
from mapped import TASK

from lmms_vg.journal import Journal, LayerMaps, QuestionMap, Record, ReferenceMap, further_key
from lmms_vg.journal.map_lines import MAPS, block_of, maps_of, patches_of
from lmms_vg.metrics.alignment import align
from lmms_vg.submission import archive, map_check, map_masks, question_check
from lmms_vg.submission.findings import Finding
from lmms_vg.submission.submit import submit
from lmms_vg.submission.validate import check
from lmms_vg.tasks.registry import TASKS

N = 60  # questions, four per image


@pytest.fixture(autouse=True, scope="module")
def few() -> Iterator[None]:
    with few_phantoms.few(N):
        yield


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("mapped")
    with pytest.MonkeyPatch.context() as patch:
        made = submit([mapped.save_run(folder, patch)], runs.CARD, folder / "good.zip")
        assert made.maps == {TASK: "maps of all 2 layers"}
        yield folder / "good.zip"


@pytest.fixture(autouse=True, scope="module")
def drawn_once() -> Iterator[None]:
    """Drawing a phantom takes longer than anything else in a check."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(map_masks, "open_image", functools.cache(map_masks.open_image))
        yield


def errors(path: Path) -> list[Finding]:
    return list(check(path).errors)


def remade(data: bytes, change: Callable[[int, dict[str, Any]], Any]) -> bytes:
    """Write the blocks of questions and references anew; `change` gets number and parts, which it may alter or empty."""
    references: dict[str, ReferenceMap] = {}
    out = []
    for number, (_, end, line) in enumerate(MAPS.blocks(data)):
        assert line is not None
        maps = maps_of(line, data[end - line.size : end])
        parts: dict[str, Any] = {
            "maps": LayerMaps(*(values.copy() for values in maps)),
            "key": line.key,
            "grid": line.grid,
        }
        if line.question is not None:
            q = line.question
            parts |= {"image": q.image, "rows": q.rows, "reference": q.reference, "view": q.view}
            parts |= {name: patches_of(getattr(q, name), line.grid).copy() for name in ("mask", "visible")}
        change(number, parts)
        if not parts:
            continue
        if line.question is None:
            references[line.key] = ReferenceMap(parts["key"], parts["grid"], parts["maps"])
            out.append(block_of(references[line.key]))
        else:
            reference = references.get(parts.pop("reference"), ReferenceMap("gone", line.grid, maps))
            parts.pop("grid")
            out.append(block_of(QuestionMap(**parts, reference=reference)))
    return b"".join(out)


def test_it_is_recomputed(good: Path) -> None:
    checked = check(good)
    assert [finding.code for finding in checked.findings] == ["recomputed-alignment"]
    assert f"the maps of {N} questions in 2 layers, within 0.01" in str(checked.findings[0])
    assert checked.entry is not None
    scores = checked.entry.scores[TASK]
    assert scores.recomputed
    assert set(scores.further) == {"kl", "js", "excess_ar", "excess_kl", "excess_js", "placement"}


def test_stated_values_follow_from_the_maps_by_other_code(good: Path) -> None:
    """AR, KL, JS by `alignment`, placement by counting places, of the first question's map as the file has it."""
    data = mapped.member(good)
    (_, e0, r), (_, e1, q), *_ = MAPS.blocks(data)
    assert q is not None
    assert r is not None
    ratio = maps_of(q, data[e1 - q.size : e1]).restored() / maps_of(r, data[e0 - r.size : e0]).restored()
    assert q.question is not None
    mask = patches_of(q.question.mask, q.grid)
    first = json.loads(mapped.member(good, f"answers/{TASK}.jsonl").splitlines()[0])["alignment"]
    values = align(ratio[:, None], None, mask.ravel())
    for name in ("ar", "kl", "js"):
        assert getattr(values, name) == pytest.approx(first[name], abs=0.005)
    rows, cols = np.nonzero(mask)
    height, width = rows.max() - rows.min() + 1, cols.max() - cols.min() + 1
    grids = ratio.reshape(2, 8, 8)
    for layer in range(2):
        own = grids[layer, rows.min() :, cols.min() :][:height, :width].sum()
        held = [grids[layer, y : y + height, x : x + width].sum() for y in range(9 - height) for x in range(9 - width)]
        less = (
            np.mean([value < own - 1e-9 for value in held]) + np.mean([abs(value - own) <= 1e-9 for value in held]) / 2
        )
        assert first["placement"][layer] == pytest.approx(less, abs=1e-4)


def test_patients_that_the_questions_name_are_drawn_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run swaps no map within a patient, and its check does not either: without the patients, excess would be another."""
    task = TASKS[TASK]
    samples = [one.model_copy(update={"patient": f"{i % 7}"}) for i, one in enumerate(task.load())]
    monkeypatch.setitem(TASKS, TASK, task._replace(load=lambda: samples))
    question_check.local.cache_clear()
    made = submit([mapped.save_run(tmp_path, monkeypatch)], runs.CARD, tmp_path / "good.zip")
    assert made.maps == {TASK: "maps of all 2 layers"}
    checked = check(tmp_path / "good.zip")
    assert checked.errors == []
    assert checked.entry is not None
    assert len({*checked.entry.scores[TASK].images}) == 7
    with monkeypatch.context() as blind:
        blind.setattr(map_check, "Record", lambda patient, **values: Record(**values))
        assert "excess." in " ".join(str(one) for one in errors(tmp_path / "good.zip"))
    question_check.local.cache_clear()


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("ar", lambda a: a.__setitem__("ar", [value * 1.03 for value in a["ar"]])),
        ("kl", lambda a: a["kl"].__setitem__(1, a["kl"][1] + 0.03)),
        ("js", lambda a: a["js"].__setitem__(0, a["js"][0] + 0.02)),
        ("placement", lambda a: a["placement"].__setitem__(1, round(a["placement"][1] - 0.05, 4))),
        ("excess.log_ar", lambda a: a["excess"]["log_ar"].__setitem__(0, 3.0)),
        ("excess.kl", lambda a: a["excess"]["kl"].__setitem__(0, -3.0)),
        ("excess.js", lambda a: a["excess"]["js"].__setitem__(1, -0.3)),
    ],
)
def test_a_value_that_its_map_does_not_give(
    good: Path, tmp_path: Path, field: str, change: Callable[[Any], Any]
) -> None:
    stated: dict[str, Any] = {}

    def forge(lines: list[dict[str, Any]]) -> None:
        a = lines[7]["alignment"]
        change(a)
        if field == "ar":  # the printed AR goes with it, so that it is only the map that tells
            a["printed_ar"] = [value / 64 for value in a["ar"]]
        stated.update(a)

    found = [f for f in errors(mapped.rewrite(good, tmp_path / "b.zip", answers=forge)) if f.code == "maps"]
    (one,) = found
    assert one.where == f"{TASK} {json.loads(mapped.member(good, f'answers/{TASK}.jsonl').splitlines()[7])['uid']}"
    assert one.message.startswith(f"{field} of layer ")
    layer = int(one.message.split("layer ")[1].split()[0])
    name, _, part = field.partition(".")
    value = stated[name][part][layer] if part else stated[name][layer]
    assert f"is {value:.4f}, but its map gives " in one.message


def test_a_map_that_gives_other_values(good: Path, tmp_path: Path) -> None:
    def lower(number: int, parts: dict[str, Any]) -> None:
        if number == 1:
            parts["maps"].cells[:, parts["mask"].ravel()] /= 2

    found = errors(mapped.rewrite(good, tmp_path / "b.zip", maps=lambda data: remade(data, lower)))
    assert {f.where for f in found} >= {f"{TASK} demo/standard/100000/0"}
    assert all(f.code == "maps" for f in found)


CASES: dict[str, tuple[Callable[[bytes], bytes], str, str]] = {
    "cut off": (lambda data: data[:-100], "maps", "checksum does not match"),
    "damaged": (lambda data: data[:3000] + bytes(50) + data[3050:], "maps", "byte"),
    "text": (lambda data: b"maps of everything\n", "maps", "byte 0"),
    "empty": (lambda data: b"", "maps", "has values, but no map"),
    "twice": (lambda data: data + data, "maps", "appears twice"),
    "a question is missing": (
        lambda data: remade(data, lambda n, parts: parts.clear() if n == 2 else None), "maps", "has values, but no map"),
    "not its rows": (
        lambda data: remade(data, lambda n, parts: parts.update(rows="all") if n == 1 else None), "maps", "the run read last"),
    "a mask in the padding": (
        lambda data: remade(data, lambda n, parts: parts["visible"].fill(0) if n == 1 else None), "maps", "without image"),
    "NaN": (
        lambda data: remade(data, lambda n, parts: parts["maps"].cells.fill(np.nan) if n == 1 else None), "maps", "has NaN"),
    "an unknown question": (
        lambda data: remade(data, lambda n, parts: parts.update(key="x") if n == 1 else None), "maps", "no question"),
    "no reference": (
        lambda data: remade(data, lambda n, parts: parts.update(reference="x") if n == 1 else None), "maps", "no reference"),
    "another image": (
        lambda data: remade(data, lambda n, parts: parts.update(image="x") if n == 1 else None), "maps", "the same image"),
    "a box elsewhere": (
        lambda data: remade(data, lambda n, parts: parts.update(mask=parts["mask"][::-1, ::-1]) if n == 1 else None),
        "maps", "by the task's boxes"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_bad_files(case: str, good: Path, tmp_path: Path) -> None:
    change, code, words = CASES[case]
    found = errors(mapped.rewrite(good, tmp_path / "b.zip", maps=change))
    assert code in {f.code for f in found}
    assert any(words in str(f) for f in found), found


def test_too_large(good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_BLOCK", 100)
    (one,) = errors(good)
    assert (one.code, one.message) == ("too-large", "a map of 272 bytes, at most 100")
    monkeypatch.undo()
    monkeypatch.setattr(archive, "MAX_MEMBER", len(mapped.member(good)) * 6 // 10)
    (one,) = errors(mapped.rewrite(good, tmp_path / "b.zip", maps=lambda data: data * 2))
    assert one.code == "too-large"


def test_more_patches_than_allowed(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lmms_vg.submission.carried_maps.MOST_PATCHES", 63)
    (one,) = errors(good)
    assert one.message == "has 64 patches, at most 63"


def test_the_manifest_and_the_maps_agree(good: Path, tmp_path: Path) -> None:
    def layers(*given: int) -> Path:
        def state(manifest: dict[str, Any]) -> None:
            manifest["tasks"][TASK]["maps"]["layers"] = list(given)

        return mapped.rewrite(good, tmp_path / f"{given}.zip", manifest=state)

    assert [f.message for f in errors(layers(0))] == ["has 2 layers, but the manifest says 1"]
    assert errors(layers(1, 0))[0].message.endswith("allowed is each once, ascending")
    assert errors(layers(0, 5))[0].message == "has values of 2 layers, but maps of layer 5"

    def hide(manifest: dict[str, Any]) -> None:
        manifest["tasks"][TASK]["hidden"] = [0]

    (one,) = errors(mapped.rewrite(good, tmp_path / "h.zip", manifest=hide))
    assert one == Finding("maps", f"{TASK} hidden", "says [0], but in its maps patches have no attention in []")


def test_without_maps_it_is_accepted_and_marked(good: Path, tmp_path: Path) -> None:
    def drop(manifest: dict[str, Any]) -> None:
        del manifest["tasks"][TASK]["maps"]

    checked = check(mapped.rewrite(good, tmp_path / "b.zip", manifest=drop))
    assert [f.code for f in checked.findings] == ["unverified-alignment"]
    assert "grounding not recomputed" in checked.findings[0].message
    assert checked.entry is not None
    assert not checked.entry.scores[TASK].recomputed
    assert "excess_ar" in checked.entry.scores[TASK].further, "by the submitter's word"


def test_grids_that_differ_between_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions of one image share a grid; those of another grid lend no maps."""
    uids = {question.images[0]: number for number, question in enumerate(runs.questions(TASK))}
    order = sorted(uids, key=lambda uri: uids[uri])
    grids = {uri: (8, 8) if place % 2 else (6, 6) for place, uri in enumerate(order)}
    asked = runs.questions(TASK)
    run = mapped.save_run(tmp_path, monkeypatch, grid=lambda number: grids[asked[number].images[0]])
    submit([run], runs.CARD, tmp_path / "b.zip")
    assert errors(tmp_path / "b.zip") == []

    def swap(number: int, parts: dict[str, Any]) -> None:
        if number == 0:  # the reference of the first image, on another grid
            parts |= {"grid": (3, 3), "maps": LayerMaps(*(v[..., :9] if v.ndim == 2 else v for v in parts["maps"]))}

    found = errors(mapped.rewrite(tmp_path / "b.zip", tmp_path / "c.zip", maps=lambda data: remade(data, swap)))
    assert [f.message for f in found] == ["has no reference map on its grid before it"]


@pytest.mark.slow
def test_hidden_layers_get_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    submit([mapped.save_run(tmp_path, monkeypatch, look=mapped.hiding)], runs.CARD, tmp_path / "b.zip")
    entry = check(tmp_path / "b.zip").entry
    assert entry is not None
    scores = entry.scores[TASK]
    assert entry.manifest.tasks[TASK].hidden == [0, 1]
    assert scores.unjudged == {"excess_ar": "hidden", "excess_kl": "hidden"}
    assert {"excess_js", "placement"} <= set(scores.further)
    assert not {"excess_ar", "excess_kl"} & set(scores.further)


def test_why_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(values: list[dict[str, Any]]) -> None:
        values[3] = runs.looked(3, layers=2)

    made = submit([mapped.save_run(tmp_path, monkeypatch, changed=other)], runs.CARD, tmp_path / "b.zip")
    assert made.maps[TASK].endswith("holds other values than its results")
    assert [f.code for f in made.checked.findings] == ["unverified-alignment"]
    monkeypatch.setenv("LMMS_VG_HOME", str(tmp_path / "nowhere"))
    made = submit([*tmp_path.glob("run-*")], runs.CARD, tmp_path / "c.zip")
    assert made.maps == {TASK: "no maps: its journal is not on this machine"}


def test_one_layer_if_all_are_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = mapped.save_run(tmp_path, monkeypatch)
    submit([run], runs.CARD, tmp_path / "all.zip")
    monkeypatch.setattr("lmms_vg.submission.packing.MOST", len(mapped.member(tmp_path / "all.zip")) * 8 // 10)
    made = submit([run], runs.CARD, tmp_path / "b.zip")
    layer = json.loads(mapped.member(tmp_path / "b.zip", "manifest.json"))["tasks"][TASK]["metrics"]["best_layer"]
    assert made.maps[TASK].startswith(f"maps of layer {int(layer)} only")
    assert "in layer " in str(made.checked.findings[0])
    assert made.checked.entry is not None
    assert made.checked.entry.scores[TASK].recomputed
    monkeypatch.setattr("lmms_vg.submission.packing.MOST", 1_000)
    made = submit([run], runs.CARD, tmp_path / "c.zip")
    assert made.maps[TASK].endswith("bytes, and 1,000 are left")


def test_equal_runs_give_equal_bytes(good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMMS_VG_HOME", str(good.parent / "home"))
    run = next(good.parent.glob("run-*"))
    submit([run], runs.CARD, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == good.read_bytes()


def test_a_bundle_of_several_token_rows_is_about_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says which others were measured, and carries the maps that it would carry without them, byte for byte."""
    stated, members = [], []
    for name, identity in (("one", {}), ("several", {"further_rows": ["question", "all"]})):
        run = mapped.save_run(tmp_path / name, monkeypatch, identity=identity)
        (folder,) = (tmp_path / name / "home" / "journal").iterdir()
        if identity:
            other, _ = mapped.question_map(runs.questions(TASK)[0], 99, mapped.seeing, (8, 8))
            with Journal(folder, provenance=runs.PLAIN | identity) as made:
                made.write([], [replace(other, key=further_key("k0", "question"), rows="question")])
        submit([run], runs.CARD, tmp_path / f"{name}.zip")
        assert errors(tmp_path / f"{name}.zip") == []
        stated.append(json.loads(mapped.member(tmp_path / f"{name}.zip", "manifest.json"))["run"])
        members.append(mapped.member(tmp_path / f"{name}.zip"))
    assert members[0] == members[1]
    assert "further_rows" not in stated[0]
    assert stated[1] == stated[0] | {"further_rows": ["question", "all"]}
