"""Which poll shows a new value, and when it was new."""

import math

from power.block import Flag
from power.usb.updates import Update, UpdateWatch

MS = 1_000_000


def polls(watch: UpdateWatch, *seen: tuple[int, float]) -> list[Update]:
    """Feed (milliseconds, value) pairs and keep the updates."""
    updates = [watch.see((value,), ms * MS) for ms, value in seen]
    return [u for u in updates if u is not None]


def test_the_first_value_is_of_unknown_age_and_no_update() -> None:
    assert polls(UpdateWatch(10), (0, 1.0)) == []


def test_a_change_is_placed_half_way_between_the_polls() -> None:
    assert polls(UpdateWatch(10), (0, 1.0), (20, 2.0)) == [Update(10 * MS, Flag(0))]


def test_each_update_is_given_once_however_often_it_is_read() -> None:
    seen = [(t, float(t // 100)) for t in range(0, 1000, 20)]
    updates = polls(UpdateWatch(10), *seen)
    assert [u.t_ns // MS for u in updates] == list(range(90, 990, 100))
    assert not any(u.flags for u in updates)


def test_a_value_that_stays_is_given_when_it_was_due_and_flagged() -> None:
    updates = polls(UpdateWatch(10), (0, 1.0), (20, 2.0), *((t, 2.0) for t in range(40, 200, 20)))
    assert updates == [Update(10 * MS, Flag(0)), Update(110 * MS, Flag.STALE)]


def test_a_value_that_never_changes_comes_at_the_meters_rate() -> None:
    updates = polls(UpdateWatch(10), *((t, 5.0) for t in range(0, 1020, 20)))
    assert [u.t_ns // MS for u in updates] == [100, 200, 300, 400, 500, 600, 700, 800, 900]


def test_no_value_at_all_does_not_count_as_a_change() -> None:
    assert polls(UpdateWatch(10), (0, math.nan), (20, math.nan)) == []


def test_a_poller_held_up_places_the_update_in_rhythm_and_flags_the_loss() -> None:
    updates = polls(UpdateWatch(10), (0, 1.0), (20, 2.0), (40, 2.0), (330, 9.0))
    assert updates[-1] == Update(310 * MS, Flag.LOST_BEFORE)


def test_a_poller_held_up_for_less_than_a_refresh_loses_nothing() -> None:
    updates = polls(UpdateWatch(10), (0, 1.0), (20, 2.0), (90, 2.0), (170, 3.0))
    assert updates[-1].flags == Flag(0)


def test_after_a_pause_the_rhythm_is_taken_up_anew() -> None:
    updates = polls(UpdateWatch(10), (0, 1.0), (20, 2.0), (5000, 3.0), (5020, 4.0))
    assert updates == [Update(10 * MS, Flag(0)), Update(4950 * MS, Flag.LOST_BEFORE), Update(5010 * MS, Flag(0))]


def test_a_refresh_without_a_known_rhythm_is_at_most_one_period_old() -> None:
    assert polls(UpdateWatch(10), (0, 1.0), (600, 2.0)) == [Update(550 * MS, Flag(0))]


def test_time_never_goes_back_from_one_update_to_the_next() -> None:
    watch = UpdateWatch(10)
    seen = [(t, float(t % 130 > 60)) for t in range(0, 5000, 23)]
    updates = [u.t_ns for u in polls(watch, *seen)]
    assert updates == sorted(set(updates))
