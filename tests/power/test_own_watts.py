"""An instrument that measures power as such: its watts go all the way, its volts stay unknown."""

import numpy as np
import pytest

from farm.store.pieces import pack, unpack
from power.block import Block
from power.energy import energy
from power.meter import Accuracy, Tolerance
from power.sampler import Sampler

LIMITS = Accuracy(None, None, "made up", watts=Tolerance(0.01, 0.05))


def watts_only(watts: float = 7.0, n: int = 101) -> Block:
    nothing = np.full(n, np.nan)
    return Block(
        np.arange(n, dtype=np.int64) * 10**8, nothing, nothing, np.zeros(n, np.uint8), own_watts=np.full(n, watts)
    )


def test_the_instruments_own_watts_go_before_volts_times_amps() -> None:
    assert Block.one(0, 230.0, 0.5, watts=57.0).watts.tolist() == [57.0]
    assert Block.one(0, 230.0, 0.5).watts.tolist() == [115.0]


def test_joined_blocks_keep_them_and_a_plain_one_among_them_has_its_product() -> None:
    joined = Block.join([Block.one(0, 230.0, 0.5, watts=57.0), Block.one(1, 5.0, 2.0)])
    assert joined.watts.tolist() == [57.0, 10.0]
    assert Block.join([Block.one(0, 5.0, 1.0)]).own_watts is None
    assert Block.join([]).own_watts is None


def test_picked_readings_keep_them() -> None:
    assert watts_only().pick(slice(2, 5)).watts.tolist() == [7.0] * 3


def test_a_column_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        Block(np.zeros(1, np.int64), np.zeros(1), np.zeros(1), np.zeros(1, np.uint8), np.zeros(2))


def test_joules_and_their_uncertainty_come_from_the_watts_and_no_volts_are_made_up() -> None:
    got = energy(watts_only(), 10**9, 6 * 10**9, rate_hz=10, aperture_s=0.1, accuracy=LIMITS)
    assert got.joules == pytest.approx(35.0)
    assert [term.joules for term in got.terms[:2]] == pytest.approx([5 * 0.07, 5 * 0.05])
    assert 5 * 0.07 < got.u_joules < 5 * (0.07 + 0.05)
    assert np.isnan(got.volts_mean)


def test_limits_that_say_nothing_of_the_watts_are_refused() -> None:
    with pytest.raises(ValueError, match="limits of error are wanted"):
        Accuracy(None, None, "nobody")


@pytest.mark.parametrize("block", [watts_only(), watts_only().pick(slice(0, 0)), Block.one(5, 5.0, 0.1)])
def test_a_stored_piece_comes_back_to_the_last_bit(block: Block) -> None:
    back = unpack(pack(block))
    assert (back.own_watts is None) == (block.own_watts is None)
    for name in ("t_ns", "volts", "amps", "watts", "flags"):
        assert np.array_equal(getattr(back, name), getattr(block, name), equal_nan=True)


class Seven:
    """As much of a meter as the sampler uses."""

    name, rate_hz, aperture_s, accuracy, bandwidth_hz, stamp_bound_s = "m1", 10.0, 0.1, LIMITS, None, 0.0

    def stream(self):
        yield watts_only(n=3)


def test_the_sampler_hands_them_on() -> None:
    sampler = Sampler(Seven())  # pyright: ignore
    sampler.start()
    read = sampler.stop().block
    assert read.watts.tolist() == [7.0] * len(read)
    assert len(read) >= 3
