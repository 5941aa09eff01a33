"""What the product asks of its boards."""

import pytest


@pytest.mark.board  # every board of the lab, a test each: test_it_boots[zero-01], test_it_boots[atom-01]
def test_it_boots(bench):
    assert bench.power_cycle().stages[-1] == "login"


@pytest.mark.board(any="atom-e3930")  # whichever is free: test_fast_clocks[any-atom-e3930]
def test_fast_clocks(fast_clocks):
    assert fast_clocks.state().governor == "performance"


@pytest.mark.board(tags=["window"])  # the boards that have all of these tags
def test_idle_draw(board, meter):
    assert meter.read().watts[0] < 2.5


@pytest.mark.board(model="jetson-tx2")  # the lab has none: skipped, and the reason says so
def test_on_a_jetson(board):
    assert board.identity().boot_id


def test_the_frame_rate_leaves_time_for_a_frame():  # no board: runs wherever pytest does
    assert 1 / 20 > 0.012
