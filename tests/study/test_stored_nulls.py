"""Stored nulls: the same bits as measured ones, for the same maps only, and from whole files only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from loguru import logger
from looks import asked, run_of, seeing, with_hidden
from safetensors.numpy import load_file, save_file

from lmms_vg import journal
from lmms_vg.metrics import nulls
from lmms_vg.metrics.donors import MapOwner
from lmms_vg.runs.kept_maps import KeptMaps
from lmms_vg.study import measured_maps, stored_nulls
from lmms_vg.study.collect import collect
from lmms_vg.study.measured_maps import MeasuredMaps

COUNT, LAYERS, GRID = 14, 2, (4, 4)


def kept_of(maps: np.ndarray[Any, Any]) -> KeptMaps:
    rng = np.random.default_rng(1)
    masks = np.zeros((COUNT, 16), bool)
    masks[np.arange(COUNT), rng.integers(0, 16, COUNT)] = True
    return KeptMaps(
        np.arange(COUNT),
        tuple(range(LAYERS)),
        GRID,
        maps,
        masks,
        np.ones((COUNT, 16), bool),
        np.ones((COUNT, LAYERS), np.float32),
        (None,) * COUNT,
    )


@pytest.fixture
def kept() -> KeptMaps:
    return kept_of(np.random.default_rng(0).random((COUNT, LAYERS, 16), np.float32))


def owners_of(kept: KeptMaps, unit: str = "") -> list[MapOwner]:
    """Two questions per image; an image is a unit of its own, but the last two images may be of one."""
    images = [f"image {i // 2}" for i in range(COUNT)]
    units = [unit or image if i >= COUNT - 4 else image for i, image in enumerate(images)]
    return [MapOwner(f"q{i}", images[i], units[i], kind) for i, kind in enumerate(kept.kinds)]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many questions were measured, and not read, at each time."""
    seen: list[int] = []
    measure = measured_maps.measure

    def counted(kept: KeptMaps, *args: Any) -> MeasuredMaps:
        seen.append(len(kept.maps))
        return measure(kept, *args)

    monkeypatch.setattr(measured_maps, "measure", counted)
    return seen


@pytest.fixture
def said() -> Iterator[list[str]]:
    lines: list[str] = []
    number = logger.add(lambda line: lines.append(line.record["message"]), level="WARNING")
    yield lines
    logger.remove(number)


def files() -> list[Path]:
    return sorted((journal.home() / "nulls").glob("*"))


def same(left: MeasuredMaps, right: MeasuredMaps) -> bool:
    """Bit by bit, type and NaN included."""
    return all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in zip(left, right, strict=True))


def test_stored_values_are_the_measured_ones_to_the_bit(kept: KeptMaps, calls: list[int]) -> None:
    truth = measured_maps.measure(kept, owners_of(kept), 0)
    first = stored_nulls.measured(kept, owners_of(kept), 0)
    second = stored_nulls.measured(kept, owners_of(kept), 0)
    assert same(first, truth)
    assert same(second, truth)
    assert len(calls) == 2  # the truth and the first
    assert np.isfinite(truth.excess).all()


def test_a_changed_map_is_measured(kept: KeptMaps, calls: list[int]) -> None:
    stored_nulls.measured(kept, owners_of(kept), 0)
    maps = kept.maps.copy()
    maps[-1, -1, -1] = np.nextafter(maps[-1, -1, -1], np.float32(2))
    changed = kept._replace(maps=maps)
    assert same(stored_nulls.measured(changed, owners_of(kept), 0), measured_maps.measure(changed, owners_of(kept), 0))
    assert len(calls) == 3


@pytest.mark.parametrize("field", ["masks", "visible"])
def test_a_changed_mask_is_measured(kept: KeptMaps, calls: list[int], field: str) -> None:
    before = stored_nulls.measured(kept, owners_of(kept), 0)
    marked = getattr(kept, field).copy()
    free = int(np.flatnonzero(~kept.masks[3])[0])
    marked[3, free] = not marked[3, free]
    changed = kept._replace(**{field: marked})
    after = stored_nulls.measured(changed, owners_of(kept), 0)
    assert same(after, measured_maps.measure(changed, owners_of(kept), 0))
    assert not same(after, before)
    assert len(calls) == 3


def test_another_unit_is_measured(kept: KeptMaps, calls: list[int]) -> None:
    before = stored_nulls.measured(kept, owners_of(kept), 0)
    after = stored_nulls.measured(kept, owners_of(kept, "patient"), 0)
    assert same(after, measured_maps.measure(kept, owners_of(kept, "patient"), 0))
    assert not same(after, before)
    assert len(calls) == 3


@pytest.mark.parametrize("part", ["uid", "image"])
def test_another_name_is_measured(kept: KeptMaps, calls: list[int], part: str) -> None:
    stored_nulls.measured(kept, owners_of(kept), 0)
    other = [one._replace(**{part: f"other {getattr(one, part)}"}) for one in owners_of(kept)]
    stored_nulls.measured(kept, other, 0)
    assert len(calls) == 2


def test_another_seed_is_measured(calls: list[int]) -> None:
    """With more images than are drawn, the seed decides which."""
    count, rng = 30, np.random.default_rng(2)
    masks = np.zeros((count, 16), bool)
    masks[:, 3] = True
    seen, shares = np.ones((count, 16), bool), np.ones((count, LAYERS), np.float32)
    maps = rng.random((count, LAYERS, 16), np.float32)
    many = KeptMaps(np.arange(count), (0, 1), GRID, maps, masks, seen, shares, (None,) * count)
    owners = [MapOwner(f"q{i}", f"image {i}", f"image {i}", "") for i in range(count)]
    first, second = (stored_nulls.measured(many, owners, seed) for seed in (0, 1))
    assert len(calls) == 2
    assert not same(first, second)
    assert same(stored_nulls.measured(many, owners, 1), second)
    assert len(calls) == 2


def test_another_rule_is_measured(kept: KeptMaps, calls: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    stored_nulls.measured(kept, owners_of(kept), 0)
    monkeypatch.setattr(nulls, "LEAST_AR", 0.5)
    stored_nulls.measured(kept, owners_of(kept), 0)
    assert len(calls) == 2


def test_other_code_is_measured(
    kept: KeptMaps, calls: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stored_nulls.measured(kept, owners_of(kept), 0)
    (tmp_path / "nulls.py").write_text("# another rule")
    monkeypatch.setattr(nulls, "__file__", str(tmp_path / "nulls.py"))
    stored_nulls.measured(kept, owners_of(kept), 0)
    assert len(calls) == 2


def damaged(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "empty":
        path.write_bytes(b"")
    elif how == "cut":
        path.write_bytes(data[:-8])
    elif how == "flipped":
        path.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    elif how == "foreign":
        path.write_bytes(b"\x80\x04 not tensors at all")
    else:
        tensors = load_file(path)
        tensors = {"other": tensors["level"]} if how == "other names" else tensors | {"level": tensors["level"][:, :5]}
        save_file({name: np.ascontiguousarray(one) for name, one in tensors.items()}, path)


@pytest.mark.parametrize("how", ["empty", "cut", "flipped", "foreign", "other names", "other shapes"])
def test_a_broken_file_is_said_in_one_line_and_replaced(
    kept: KeptMaps, calls: list[int], said: list[str], how: str
) -> None:
    truth = stored_nulls.measured(kept, owners_of(kept), 0)
    (path,) = files()
    whole = path.read_bytes()
    damaged(path, how)
    assert same(stored_nulls.measured(kept, owners_of(kept), 0), truth)
    (line,) = said
    assert str(path) in line
    assert "measured again" in line
    assert "\n" not in line
    assert path.read_bytes() == whole
    assert len(calls) == 2


def test_a_file_of_other_maps_under_this_name_is_no_answer(kept: KeptMaps, said: list[str]) -> None:
    """A file that was copied to another name has the right layout, and names what it was measured of."""
    stored_nulls.measured(kept, owners_of(kept), 0)
    (first,) = files()
    other = kept_of(kept.maps[::-1].copy())
    truth = stored_nulls.measured(other, owners_of(other), 0)
    (second,) = [path for path in files() if path != first]
    second.write_bytes(first.read_bytes())
    assert same(stored_nulls.measured(other, owners_of(other), 0), truth)
    assert len(said) == 1


def test_a_folder_that_cannot_be_written_is_said(kept: KeptMaps, said: list[str]) -> None:
    journal.home().mkdir(parents=True)
    (journal.home() / "nulls").write_text("no folder")
    truth = measured_maps.measure(kept, owners_of(kept), 0)
    assert same(stored_nulls.measured(kept, owners_of(kept), 0), truth)
    assert said
    assert all("\n" not in line for line in said)


def test_nothing_half_written_is_left(kept: KeptMaps, monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        stored_nulls.measured(kept, owners_of(kept), 0)
    assert files() == []
    assert "No space left on device" in said[0]


def test_a_study_in_another_folder_finds_them(tmp_path: Path, calls: list[int]) -> None:
    run = run_of(tmp_path / "journal", asked(with_hidden, n=30))
    (first,), (second,) = (collect([run]).tasks for _ in range(2))
    assert calls == [30]
    for name in ("level", "excess", "steered"):
        for measure, table in getattr(first, name).items():
            assert table.tobytes() == getattr(second, name)[measure].tobytes()
    assert first.values["placement"].tobytes() == second.values["placement"].tobytes()
    assert first.hidden.tolist() == second.hidden.tolist()
    assert second.hidden.any()


def test_patients_of_a_run_are_part_of_it(tmp_path: Path, calls: list[int]) -> None:
    maps = asked(seeing, n=30)
    collect([run_of(tmp_path / "a", maps)])
    collect([run_of(tmp_path / "b", maps)])
    assert calls == [30]
    collect([run_of(tmp_path / "c", maps, patient=lambda one: f"patient {int(one.image.split()[1]) // 2}")])
    assert calls == [30, 30]
