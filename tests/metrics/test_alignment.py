from __future__ import annotations

import doctest
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon
from scipy.special import rel_entr

from lmms_vg.metrics import alignment
from lmms_vg.metrics.alignment import (
    align,
    align_heads,
    attention_ratio,
    best_layer,
    head_entropy,
    js_divergence,
    kl_divergence,
    normalise,
    printed_attention_ratio,
    signature,
)

LAYERS, HEADS, ROWS, COLS = 3, 4, 5, 6
MEASURES = [
    attention_ratio,
    printed_attention_ratio,
    kl_divergence,
    js_divergence,
]


def naive(attention: list[float], mask: list[float]) -> tuple[float, float, float, float]:
    """AR, printed AR, KL, JS of a flattened map, term by term from the paper (Sec. 2.2), KL and JS guarded as in its code."""
    n, a_sum, m_sum = len(mask), math.fsum(attention), math.fsum(mask)
    inside = math.fsum(a * m for a, m in zip(attention, mask, strict=True))
    kl = js = 0.0
    for a, m in zip(attention, mask, strict=True):
        a_hat, m_hat = a / a_sum, m / m_sum
        clipped_a, clipped_m = min(max(a_hat, 1e-12), 1.0), min(max(m_hat, 1e-12), 1.0)
        kl += clipped_m * math.log(clipped_m / clipped_a)
        r = (a_hat + m_hat) / 2
        js += 0.5 * m_hat * math.log((m_hat + 1e-8) / (r + 1e-8))
        js += 0.5 * a_hat * math.log((a_hat + 1e-8) / (r + 1e-8))
    return n * inside / (a_sum * m_sum), inside / (a_sum * m_sum), kl, js


@pytest.fixture
def maps() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Question and reference (layers, heads, rows, cols) like parts of a softmax over more tokens; a mask (rows, cols)."""
    rng = np.random.default_rng(0)
    question, reference = 0.2 * rng.dirichlet(np.ones(ROWS * COLS), (2, LAYERS, HEADS))
    mask = np.zeros((ROWS, COLS), dtype=bool)
    mask[1:3, 2:6] = True
    grid = (LAYERS, HEADS, ROWS, COLS)
    return question.reshape(grid), reference.reshape(grid), mask


def test_align_per_layer_equals_plain_loops(maps):
    question, reference, mask = maps
    result = align(question, reference, mask, "a")
    for layer in range(LAYERS):
        ratio = []
        for row, col in np.ndindex(ROWS, COLS):
            asked = sum(question[layer, head, row, col] for head in range(HEADS)) / HEADS
            described = sum(reference[layer, head, row, col] for head in range(HEADS)) / HEADS
            ratio.append(asked / described)
        expected = naive(ratio, [float(m) for m in mask.ravel()])
        assert [values[layer] for values in result] == pytest.approx(expected, rel=1e-9)
    assert all(values.shape == (LAYERS,) and values.dtype == np.float64 for values in result)


def test_align_per_head_equals_plain_loops(maps):
    question, reference, mask = maps
    result = align_heads(question, reference, mask, "a")
    for layer, head in np.ndindex(LAYERS, HEADS):
        q, r = question[layer, head].ravel().tolist(), reference[layer, head].ravel().tolist()
        expected = naive([a / b for a, b in zip(q, r, strict=True)], [float(m) for m in mask.ravel()])
        assert [values[layer, head] for values in result] == pytest.approx(expected, rel=1e-9)


def test_without_a_reference_the_questions_own_map_is_measured(maps):
    question, _, mask = maps
    per_layer, per_head = align(question, None, mask, "a"), align_heads(question, None, mask, "a")
    for layer in range(LAYERS):
        mean = question[layer].mean(axis=0).ravel().tolist()
        assert [v[layer] for v in per_layer] == pytest.approx(naive(mean, mask.ravel().tolist()), rel=1e-9)
    alone = naive(question[1, 2].ravel().tolist(), mask.ravel().tolist())
    assert [v[1, 2] for v in per_head] == pytest.approx(alone, rel=1e-9)


def test_functions_agree_with_align(maps):
    question, reference, mask = maps
    ratio = normalise(question, reference)
    for measure, values in zip(MEASURES, align_heads(question, reference, mask, "a"), strict=True):
        np.testing.assert_array_equal(measure(ratio, mask), values)


def test_flattened_and_grid_inputs_are_the_same(maps):
    question, _, mask = maps
    flat = question.reshape(LAYERS, HEADS, -1)
    for measure in MEASURES:
        expected = measure(question, mask)
        np.testing.assert_array_equal(measure(flat, mask.ravel()), expected)
        np.testing.assert_array_equal(measure(flat, mask), expected)
        np.testing.assert_array_equal(measure(question[1, 2], mask), expected[1, 2])


def test_against_scipy(maps):
    question, _, mask = maps
    p, q = mask.ravel() / mask.sum(), question.reshape(LAYERS, HEADS, -1)
    q_hat = q / q.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(kl_divergence(q, p), rel_entr(p, q_hat).sum(axis=-1), rtol=0, atol=1e-8)
    np.testing.assert_allclose(js_divergence(q, p), jensenshannon(p, q_hat, axis=-1) ** 2, rtol=0, atol=1e-6)


def test_by_hand():
    attention, mask = [0.4, 0.1, 0.3, 0.2], [1, 1, 0, 0]
    assert attention_ratio(attention, mask) == pytest.approx(1.0)  # half the attention in half the patches
    assert printed_attention_ratio(attention, mask) == pytest.approx(0.25)
    assert kl_divergence(attention, mask) == pytest.approx(0.5 * math.log(0.5 / 0.4) + 0.5 * math.log(0.5 / 0.1))
    disjoint = [0, 0, 0.5, 0.5]
    assert attention_ratio(disjoint, mask) == 0
    assert kl_divergence(disjoint, mask) == pytest.approx(math.log(0.5e12), abs=1e-6)
    assert js_divergence(disjoint, mask) == pytest.approx(math.log(2), abs=1e-6)
    assert kl_divergence([0.5, 0.5, 0, 0], mask) == pytest.approx(0, abs=1e-9)
    assert js_divergence([0.5, 0.5, 0, 0], mask) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("side", [1, 14, 24, 32])
def test_uniform_attention_has_ratio_one_on_any_grid(side):
    mask = np.zeros((side, side))
    mask[: side // 2 + 1, 0] = 1
    uniform = np.full((side, side), 0.1 / side**2)
    assert attention_ratio(uniform, mask) == pytest.approx(1, abs=1e-6)
    assert printed_attention_ratio(uniform, mask) == pytest.approx(1 / side**2, abs=1e-6)
    assert kl_divergence(uniform, mask) == pytest.approx(math.log(side**2 / mask.sum()), abs=1e-6)


def test_a_mask_over_everything_is_finite(maps):
    question, reference, mask = maps
    result = align(question, reference, np.ones_like(mask), "a")
    np.testing.assert_allclose(result.ar, 1, atol=1e-9)
    assert (result.kl > 0).all()
    assert np.isfinite(result).all()


def test_attention_zero_everywhere_is_finite_and_no_alignment():
    mask, nothing = [1, 1, 0, 0, 0, 0], np.zeros((2, 3, 6))
    for result in (align(nothing, nothing, mask, "a"), align(nothing, None, mask, "a")):
        np.testing.assert_array_equal(result.ar, [0, 0])
        np.testing.assert_array_equal(result.printed_ar, [0, 0])
        np.testing.assert_allclose(result.kl, math.log(0.5e12))
        np.testing.assert_allclose(result.js, math.log(2) / 2, atol=1e-7)


def test_normalise_is_the_plain_ratio_and_finite_at_zero():
    assert normalise([3e-9, 1e-3], [2e-9, 4e-3]).tolist() == pytest.approx([1.5, 0.25], rel=1e-14)
    assert normalise([3e-40, 3e-300], [2e-40, 2e-300]).tolist() == pytest.approx([1.5, 1.5], rel=1e-14)
    assert normalise([0.0, 0.5], [0.0, 0.0]).tolist() == [0, 0.5 * 2.0**149]
    tiny = np.array([0, 2.0**-149], dtype=np.float32)
    assert normalise(tiny, tiny).tolist() == [0, 1]
    assert normalise(tiny, np.zeros_like(tiny)).tolist() == [0, 1]  # one step above underflow over one below


@pytest.mark.parametrize(
    ("dtype", "smallest"), [(torch.float16, 2**-24), (torch.bfloat16, 2**-133), (torch.float32, 2**-149)]
)
def test_a_reference_that_underflowed_counts_as_the_smallest_number_of_its_type(dtype, smallest):
    zero = torch.zeros(1, dtype=dtype)
    assert torch.tensor([smallest], dtype=torch.float64).to(dtype) > 0
    assert torch.tensor([smallest / 4], dtype=torch.float64).to(dtype) == 0
    assert normalise(torch.ones(1), zero).tolist() == [1 / smallest]


@pytest.mark.parametrize("mass", [10.0**-power for power in range(31)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("function", [align, align_heads])
def test_values_do_not_depend_on_how_much_attention_the_image_gets(function, dtype, mass, maps):
    """The ratio, and AR with it, does not depend on whether the image has all of the attention or almost none."""
    question, reference, mask = maps
    for other in (None, reference):
        scaled = [(mass * one).astype(dtype) for one in (question, reference)]
        result = function(scaled[0], None if other is None else scaled[1], mask, "a")
        for values, expected in zip(result, function(question, other, mask, "a"), strict=True):
            np.testing.assert_allclose(values, expected, rtol=1e-6)


@pytest.mark.parametrize("mass", [1e-38, 1e-41, 1e-44])
def test_subnormal_attention_is_finite_and_within_its_precision(mass, maps):
    """Below 2^-126 float32 has only multiples of 2^-149: a map of such numbers is as exact as their rounding."""
    question, reference, mask = maps
    scaled = [(mass / 0.2 * one).astype(np.float32) for one in (question, reference)]
    result = align(*scaled, mask, "a")
    exact = align(*(one.astype(np.float64) for one in scaled), mask, "a")
    assert np.isfinite(result).all()
    np.testing.assert_allclose(result.ar, exact.ar, rtol=1e-12)
    if mass > 1e-40:
        np.testing.assert_allclose(result.ar, align(question, reference, mask, "a").ar, rtol=1e-2)


def test_a_ratio_that_no_float_holds_is_refused():
    with pytest.raises(ValueError, match=r"mr-1: .*not finite"):
        align([[[0.5, 0.5]]], [[[1e-310, 0.5]]], [1, 0], "mr-1")


@pytest.mark.parametrize("mask", [[[1, 0, 0]], [1, 0, 0], [[1], [0], [0]]])
def test_one_head_and_one_row_of_patches(mask):
    """Flat maps of one head are not a grid of one row: layers are never averaged."""
    question = [[[0.1, 0.2, 0.3]], [[0.3, 0.2, 0.1]]]
    for function, shape in ((align, (2,)), (align_heads, (2, 1))):
        for reference in (None, np.ones_like(question)):
            result = function(question, reference, mask, "a")
            assert result.ar.shape == result.kl.shape == shape
            assert result.ar.ravel().tolist() == pytest.approx([0.5, 1.5])


@pytest.mark.parametrize("shape", [(1, 6), (6, 1), (1, 1), (2, 3)])
@pytest.mark.parametrize("heads", [1, 2, 6])
def test_grids_of_any_shape_are_read_like_flat_maps(shape, heads):
    rng = np.random.default_rng(1)
    flat = rng.random((3, heads, shape[0] * shape[1]))
    mask = np.zeros(shape)
    mask[0, 0] = 1
    for function in (align, align_heads):
        expected = function(flat, flat[::-1], mask.ravel(), "a")
        grid = flat.reshape(3, heads, *shape)
        for result in (function(flat, flat[::-1], mask, "a"), function(grid, grid[::-1], mask, "a")):
            np.testing.assert_array_equal(result, expected)


def test_a_grid_needs_a_mask_of_its_shape():
    grid = np.ones((2, 3, 1, 4))
    for mask in (np.ones(4), np.ones((4, 1)), np.ones((2, 2))):
        with pytest.raises(ValueError, match=r"ct-3: .*\(2, 3, 1, 4\)"):
            align(grid, None, mask, "ct-3")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_torch_of_any_dtype_is_measured_in_float64(maps, dtype):
    question, reference, mask = (torch.from_numpy(m) for m in maps)
    question, reference = question.to(dtype).requires_grad_(), reference.to(dtype)
    result = align(question, reference, mask, "a")
    same = align(question.detach().double().numpy(), reference.double().numpy(), mask.numpy(), "a")
    for values, expected in zip(result, same, strict=True):
        assert isinstance(values, np.ndarray)
        assert values.dtype == np.float64
        np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -0.1])
def test_unusable_attention_and_masks_name_the_sample(measure, bad):
    with pytest.raises(ValueError, match="xray-7: the attention has NaN"):
        measure([0.5, bad], [1, 0], name="xray-7")
    with pytest.raises(ValueError, match="xray-7: the mask has NaN"):
        measure([0.5, 0.5], [1, bad], name="xray-7")
    with pytest.raises(ValueError, match=r"xray-7: the mask is empty"):
        measure([0.5, 0.5], [0, 0], name="xray-7")
    with pytest.raises(ValueError, match=r"xray-7: attention .*\(3,\) .*mask.* \(2,\)"):
        measure([0.5, 0.5, 0.5], [1, 0], name="xray-7")


@pytest.mark.parametrize("function", [align, align_heads])
def test_align_names_the_sample(function, maps):
    question, reference, mask = maps
    with pytest.raises(ValueError, match=r"ct-3: the mask is empty"):
        function(question, reference, mask & False, "ct-3")
    with pytest.raises(ValueError, match=r"ct-3: the attention has NaN"):
        function(question, np.where(mask, reference, np.nan), mask, "ct-3")
    with pytest.raises(ValueError, match=r"ct-3: .*\(3, 4, 5, 6\) and \(4, 5, 6\)"):
        function(question, reference[0], mask, "ct-3")
    with pytest.raises(ValueError, match="ct-3: question and reference"):
        function(question[0, 0], None, mask, "ct-3")


POSITIVE = st.lists(st.floats(1e-6, 1), min_size=2, max_size=30)


@pytest.mark.slow
@given(POSITIVE, st.data())
def test_values_stay_in_range_and_do_not_depend_on_scale(attention, data):
    mask = data.draw(st.lists(st.booleans(), min_size=len(attention), max_size=len(attention)).filter(any))
    a = np.array(attention)
    assert [float(m(a, mask)) for m in MEASURES] == pytest.approx(naive(attention, mask), rel=1e-9, abs=1e-12)
    assert 0 <= attention_ratio(a, mask) <= len(mask) / sum(mask) + 1e-9
    assert -1e-9 <= kl_divergence(a, mask) <= 12 * math.log(10) + 1e-6
    assert -1e-9 <= js_divergence(a, mask) <= math.log(2) + 1e-6
    assert kl_divergence(1000 * a, mask) == pytest.approx(float(kl_divergence(a, mask)), abs=1e-9)


def test_best_layer_is_the_lowest_mean_and_the_first_on_ties():
    assert best_layer([[3.0, 1.0, 2.0], [3.0, 2.0, 0.5]]) == 2
    assert best_layer([[1.0, 0.0, 0.0]]) == 1
    # The same three values in another order: 0.3 + 0.2 + 0.1 < 0.1 + 0.2 + 0.3 in floating point.
    assert best_layer([[0.1, 0.3], [0.2, 0.2], [0.3, 0.1]]) == 0
    for bad in ([1.0, 2.0], np.zeros((0, 3)), [[1.0, math.nan]]):
        with pytest.raises(ValueError, match="finite KL values"):
            best_layer(bad)


def test_signature():
    assert signature() == "alignment|norm:reference|layer:min-kl|log:e|v:2"
    known = signature(rows="question", geometry="stretch", version=1)
    assert known == "alignment|rows:question|geometry:stretch|norm:reference|layer:min-kl|log:e|v:1"


def test_docstring_examples():
    assert doctest.testmod(alignment) == (0, 4)


def test_entropy_of_heads_is_that_of_their_ratio() -> None:
    rng = np.random.default_rng(4)
    question, reference = rng.random((2, 3, 5, 16)), rng.random((2, 3, 5, 16))[:, :, :]
    question, reference = question[0], reference[0]
    expected = stats.entropy(question / reference, axis=-1)
    np.testing.assert_allclose(head_entropy(question, reference), expected, rtol=1e-12)
    even, one = np.ones((1, 1, 16)), np.eye(16)[None, :1]
    assert head_entropy(even, even)[0, 0] == pytest.approx(np.log(16))
    assert head_entropy(one, even)[0, 0] == 0
    assert head_entropy(np.zeros((1, 1, 16)), even)[0, 0] == 0
