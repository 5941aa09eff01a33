"""A curve in one line."""

from math import nan

from farm.report.sparkline import sparkline


def test_the_lowest_value_is_the_lowest_block_and_the_highest_the_highest():
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8) == "▁▂▃▄▅▆▇█"


def test_a_peak_between_two_columns_is_not_lost():
    assert "█" in sparkline([1.0] * 500 + [9.0] + [1.0] * 500, 10)


def test_what_has_no_value_is_a_space_and_never_the_lowest():
    assert sparkline([1, nan, 3], 3) == "▁ █"
    assert sparkline([nan, nan], 2) == "  "
    assert sparkline([], 5) == ""


def test_a_constant_is_flat():
    assert sparkline([5.0] * 4, 4) == "▁▁▁▁"


def test_an_encoding_without_blocks_gets_ascii():
    for encoding in ("ascii", "latin-1", None, "no-such"):
        line = sparkline([0, 7], 2, encoding=encoding)
        assert line == "_#"
