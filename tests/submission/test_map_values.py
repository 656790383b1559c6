"""What maps give a bundle, against plain loops: no map stands in for one of the same patient."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from looks import asked, blind, run_of

from lmms_vg.journal import read_records
from lmms_vg.metrics.alignment import attention_ratio, js_divergence, kl_divergence
from lmms_vg.runs.kept_maps import kept_maps
from lmms_vg.submission.map_values import map_values


@pytest.mark.parametrize("patients", [0, 4])
def test_excess_is_over_all_images_of_others(tmp_path: Path, patients: int) -> None:
    """Twelve images, one question each, so that all others are swapped in: 11 images, or the 9 of other patients."""
    maps = asked(blind, 24)[::2]
    of = {one.image: f"own/patient {number % patients}" for number, one in enumerate(maps)} if patients else {}
    run_of(tmp_path, maps, patient=lambda one: of.get(one.image, ""))
    records = list(read_records([tmp_path / "rank0.jsonl"]))
    (kept,) = groups = kept_maps(tmp_path, records)
    found = map_values(groups, records)
    assert len(found) == 12
    about = [records[place] for place in kept.places]
    for i, record in enumerate(about):
        others = [j for j, other in enumerate(about) if j != i and not (patients and other.patient == record.patient)]
        assert len(others) == (9 if patients else 11)
        excess = found[record.uid].excess
        assert excess is not None
        for layer in range(2):
            values = np.array([_three(kept.maps[j, layer], kept.masks[i]) for j in [i, *others]])
            assert excess[:, layer] == pytest.approx(values[0] - values[1:].mean(axis=0), abs=1e-4)


def _three(look: np.ndarray, mask: np.ndarray) -> tuple[float, float, float]:
    look = np.asarray(look, dtype=np.float64)
    return (
        float(np.log(attention_ratio(look, mask))),
        float(kl_divergence(look, mask)),
        float(js_divergence(look, mask)),
    )
