"""Watts in characters."""

import pytest

from farm.tui.spark import plot, span, sparkline


def test_a_missing_reading_is_a_blank_and_never_a_low_bar():
    assert sparkline([1.0, None, 2.0], 3) == "▁ █"


def test_nothing_measured_is_blank():
    assert sparkline([None, None], 4) == "    "
    assert sparkline([], 4) == "    "
    assert span([None]) is None
    assert plot([None], 5, 2) == ["     "] * 2


def test_the_newest_stands_at_the_right_and_what_does_not_fit_goes():
    assert sparkline([9.0, 1.0, 2.0], 2) == "▁█"
    assert sparkline([1.0, 2.0], 4) == "  ▁█"


def test_the_noise_of_a_meter_is_no_news():
    assert len(set(sparkline([7.000, 7.002, 6.999, 7.001], 4))) == 1
    assert len(set(sparkline([0.0, -0.0003, 0.0002], 3))) == 1


def test_a_plot_puts_the_highest_at_the_top_and_the_lowest_still_shows():
    top, bottom = plot([1.0, 2.0, None, 2.0], 4, 2)
    assert (top, bottom) == (" █ █", "▁█ █")


@pytest.mark.parametrize("width", [0, 1, 40])
def test_a_line_is_as_wide_as_it_is_asked_for(width):
    assert len(sparkline([1.0, 2.0, 3.0], width)) == width
