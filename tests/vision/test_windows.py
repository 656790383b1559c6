from __future__ import annotations

import numpy as np
import pytest

from lmms_vg._util.error_codes import BadImage
from lmms_vg.vision.windows import WINDOWS, GreyWindow, grey, percentile_window, window_of


def test_the_ends_of_a_window_are_black_and_white_and_its_centre_is_in_the_middle():
    # centre 40, width 400: -160 to 240
    values = np.array([-2000, -160, -60, 40, 140, 240, 3000])
    assert grey(values, GreyWindow(40, 400)).tolist() == [0, 0, 64, 128, 191, 255, 255]


def test_a_file_may_state_a_window_in_four_ways():
    assert window_of("lung") == WINDOWS["lung"] == GreyWindow(-600, 1500)
    assert window_of([40, 400.0]) == GreyWindow(40, 400)
    assert window_of(2) == 2
    assert window_of(None) is None


@pytest.mark.parametrize(
    "value", ["lungs", [40], [40, 0], [40, -1], [True, 4], ["40", "400"], {}, -1, True, [1, 1e999]]
)
def test_other_windows_are_refused_with_what_is_allowed(value):
    with pytest.raises(BadImage, match="allowed is \\[centre, width\\]"):
        window_of(value)


def test_a_misspelt_name_gets_a_suggestion():
    with pytest.raises(BadImage, match="did you mean lung"):
        window_of("lungs")


def test_percentiles_leave_out_a_few_bright_voxels_and_what_is_no_number():
    values = np.append(np.arange(1001.0), [np.nan, np.inf])
    assert percentile_window(values) == GreyWindow(500, 990)  # 5 to 995


def test_a_volume_of_one_value_has_a_window_and_one_without_numbers_has_none():
    window = percentile_window(np.full(9, 7.0))
    assert grey(np.full(9, 7.0), window).tolist() == [128] * 9
    with pytest.raises(BadImage, match="none of its values is a finite number"):
        percentile_window(np.full(9, np.nan))


def test_pixels_that_are_no_number_are_refused():
    with pytest.raises(BadImage, match="1 of 3 pixels are NaN or infinite"):
        grey(np.array([1, np.nan, 3]), GreyWindow(0, 1))
