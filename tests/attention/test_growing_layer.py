"""Decoding appends keys and values in place, and what a cache started from stays as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny
import torch
from checkpoints import load
from torch import Tensor

from lmms_vg.attention import self_check
from lmms_vg.attention.decoder import ROOM, GrowingLayer, KeyValue, cache_of, layers_of
from lmms_vg.vision.images import open_picture


def tokens(count: int, seed: int, batch: int = 2) -> KeyValue:
    """Random keys and values, (batch, 3, count, 4)."""
    drawn = torch.Generator().manual_seed(seed)
    keys, values = (torch.randn(batch, 3, count, 4, generator=drawn) for _ in range(2))
    return keys, values


@pytest.mark.parametrize(
    "start", [None, tokens(7, 0), tuple(one.expand(2, -1, -1, -1) for one in tokens(7, 0, batch=1))]
)
def test_equals_concatenation_beyond_its_room(start: KeyValue | None) -> None:
    before = None if start is None else tuple(one.clone() for one in start)
    growing, concatenating = cache_of([start], growing=True), cache_of([start])
    for step, count in enumerate([5, *[1] * (2 * ROOM + 3)]):
        new = tokens(count, step + 1)
        for given, expected in zip(growing.update(*new, 0), concatenating.update(*new, 0), strict=True):
            assert torch.equal(given, expected)
    for given, expected in zip(layers_of(growing)[0] or (), layers_of(concatenating)[0] or (), strict=True):
        assert torch.equal(given, expected)
    if start is not None and before is not None:
        assert all(torch.equal(*pair) for pair in zip(start, before, strict=True)), "others started from it too"


def test_tokens_are_copied_once_and_not_at_every_step() -> None:
    cache = cache_of([tokens(7, 0)], growing=True)
    addresses = [cache.update(*tokens(1, step), 0)[0].data_ptr() for step in range(ROOM + 2)]
    assert len(set(addresses[: ROOM + 1])) == 1
    assert addresses[-1] != addresses[0]


def test_two_caches_from_the_same_tokens_do_not_meet() -> None:
    start = tokens(7, 0)
    one, other = cache_of([start], growing=True), cache_of([start], growing=True)
    for cache, seed in ((one, 1), (other, 2), (one, 3)):
        cache.update(*tokens(1, seed), 0)
    layer = one.layers[0]
    assert isinstance(layer, GrowingLayer)
    expected = torch.cat([start[0], tokens(1, 1)[0], tokens(1, 3)[0]], dim=2)
    assert torch.equal(layer.keys, expected)


def test_our_passes_and_the_stock_pass_of_the_load_check_leave_cudnn_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = load("huatuo", tiny.save(tmp_path / "tiny"))
    before = torch.backends.cuda.cudnn_sdp_enabled()
    seen: list[bool] = []
    forward = torch.nn.functional.scaled_dot_product_attention

    def watched(*args: Tensor, **kwargs: Tensor) -> Tensor:
        seen.append(torch.backends.cuda.cudnn_sdp_enabled())
        return forward(*args, **kwargs)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", watched)
    self_check.compare(family, family.prompt([open_picture(tiny.picture()), "Is it bright?"]))
    assert len(seen) > 2 * len(family.text_model.layers)
    assert not any(seen)
    assert torch.backends.cuda.cudnn_sdp_enabled() == before
