"""Layer ranges of PAI, VAF and Attention Lens: defaults adapt to the checkpoint, given values must fit it."""

from __future__ import annotations

import pytest

from lmms_vg.methods.attention_lens import AttentionLens
from lmms_vg.methods.layer_range import LayerRange
from lmms_vg.methods.pai import PAI
from lmms_vg.methods.vaf import VAF
from lmms_vg.models.checkpoint import Shape


@pytest.mark.parametrize(
    ("method", "depth", "first", "last"),
    [
        (PAI, 32, 2, 31),
        (PAI, 28, 2, 27),
        (PAI, 60, 2, 31),
        (VAF, 32, 9, 14),
        (VAF, 12, 9, 11),
        (AttentionLens, 32, 5, 18),
        (AttentionLens, 6, 5, 5),
    ],
)
def test_the_default_range_stops_at_the_last_layer(method: type[LayerRange], depth: int, first: int, last: int) -> None:
    made = method.for_checkpoint(Shape("somewhere", depth, 4, {}))
    assert isinstance(made, LayerRange)
    assert (made.layers[0], made.layers[-1]) == (first, last)
    assert f"end={last + 1}" in repr(made)


def test_a_given_range_is_taken_as_it_is() -> None:
    made = VAF.for_checkpoint(Shape("somewhere", 6, 4, {}), start=0, end=6)
    assert isinstance(made, VAF)
    assert list(made.layers) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("method", [PAI, VAF, AttentionLens])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"start": 0, "end": 7}, r"end=7: 'somewhere' has 6 layers; allowed is .* up to 6 .*start=0,end=6"),
        ({"start": 0, "end": 32}, r"end=32: 'somewhere' has 6 layers"),
        ({"start": 6}, r"start=6: 'somewhere' has 6 layers; allowed is .* up to 5"),
        ({"start": 6, "end": 7}, r"start=6: 'somewhere' has 6 layers"),
        ({"start": 3, "end": 3}, r"start=3: allowed is .* below end=3"),
        ({"start": 40}, r"start=40: allowed is .* below end=(32|15|19)"),
        ({"start": -1}, r"start=-1: allowed is an integer of at least 0"),
        ({"start": 1.0}, r"start=1.0: "),
        ({"start": True}, r"start=True: "),
        ({"end": 0}, r"end=0: "),
        ({"end": "six"}, r"end='six': "),
    ],
)
def test_ranges_are_checked(method: type[LayerRange], given: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        method.for_checkpoint(Shape("somewhere", 6, 4, {}), **given)


def test_a_default_range_above_the_model_says_what_to_give() -> None:
    with pytest.raises(ValueError, match=r"start=9: 'demo' has 6 layers; allowed is .* up to 5 .*start=0,end=6"):
        VAF.for_checkpoint(Shape("demo", 6, 4, {}))
