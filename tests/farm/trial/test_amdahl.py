"""What a faster stage would buy."""

from math import inf

import pytest

from farm.trial.amdahl import gain, line


def test_seventy_percent_twice_as_fast_buy_half_again_as_much():
    assert gain(0.7, 2) == pytest.approx(1.54, abs=0.005)
    assert gain(0.7, inf) == pytest.approx(3.33, abs=0.005)
    assert (gain(0.0, 10), gain(1.0, inf)) == (1, inf)


def test_the_line_is_of_the_stage_that_takes_longest():
    said = line({"acquire": 0.1, "convert": 2.0, "infer": 7.0, "decode": 0.9})
    assert said.startswith("infer is 70% of a frame's work: ")
    assert "1.54 times faster" in said
    assert "3.33 times at the very most" in said
    assert line({}) == ""
