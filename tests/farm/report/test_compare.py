"""Two records or runs, figure by figure."""

import pytest

from farm.errors import UsageFault
from farm.report.compare import compare


def figure(pairs, name):
    return next(one for one in pairs[0].figures if one.name == name)


def test_a_difference_inside_its_uncertainty_is_told_from_one_beyond(timed):
    near, _ = compare([timed()], [timed(power__0__mean__watts=1.22)])
    watts = figure(near, "mean_watts")
    assert watts.difference == pytest.approx(0.02)
    assert watts.u == pytest.approx((0.02**2 + 0.02**2) ** 0.5)
    assert watts.covered is True
    far, _ = compare([timed()], [timed(power__0__mean__watts=1.3)])
    assert figure(far, "mean_watts").covered is False
    assert figure(far, "mean_watts").relative == pytest.approx(0.1 / 1.2)


def test_a_figure_without_uncertainty_is_not_said_to_be_covered(timed):
    pairs, _ = compare([timed()], [timed()])
    assert figure(pairs, "latency_p99").covered is None


def test_accuracy_is_not_compared_across_data_sets(timed):
    pairs, _ = compare([timed()], [timed(dataset__id="e" * 64)])
    for name in ("accuracy", "accuracy_loss"):
        one = figure(pairs, name)
        assert (one.difference, one.covered, one.why) == (None, None, "different data sets")
    assert "data set differs: dddddddddddd / eeeeeeeeeeee" in pairs[0].remarks
    assert figure(pairs, "mean_watts").difference == 0


def test_frames_that_were_offered_otherwise_are_said_to_be(timed):
    pairs, _ = compare([timed(scenario__name="offline")], [timed(scenario__name="each image once")])
    assert "scenario differs: offline / each image once" in pairs[0].remarks
    drawn = {"acquire": 1.0, "infer": 2.0, "draw": 1.0}
    other = timed(scenario__late="drop", scenario__part=(0, 100), latency__stages_mean_ms=drawn)
    pairs, _ = compare([timed(latency__stages_mean_ms={"acquire": 1.0, "infer": 2.0})], [other])
    assert pairs[0].remarks == [
        "lateness policy differs: queue / drop",
        "part of the data set differs: all / 0 to 99",
        "pipeline differs: acquire, infer / acquire, infer, draw",
    ]


def test_a_part_of_the_data_set_is_no_accuracy_to_compare(timed):
    pairs, _ = compare([timed()], [timed(accuracy__total=100, accuracy__correct=90)])
    assert figure(pairs, "accuracy").why == "not in both"


def test_other_boards_and_meters_are_said_to_be_others(timed):
    b = timed(board__name="zero-02", supply_meter="um25c-2", power__0__meter="um25c-2", board__made="board")
    pairs, _ = compare([timed()], [b])
    remarks = pairs[0].remarks
    assert "board differs: zero-01 / zero-02" in remarks
    assert "supply meter differs: um25c-1 / um25c-2" in remarks


def test_void_trials_are_said_to_be_void(timed):
    pairs, _ = compare([timed(voids=["throttled: soc 91 °C"])], [timed()])
    assert "A is void: throttled: soc 91 °C" in pairs[0].remarks


def test_runs_are_compared_board_by_board_and_trials_by_their_mean(timed):
    a = [timed(power__0__mean__watts=w) for w in (1.0, 1.2)] + [timed(board__name="tx2-01")]
    b = [timed(power__0__mean__watts=w) for w in (1.1, 1.3)] + [timed(board__name="atom-01")]
    pairs, alone = compare(a, b)
    assert [pair.trials for pair in pairs] == [(2, 2)]
    watts = figure(pairs, "mean_watts")
    assert (watts.a, watts.b) == (pytest.approx(1.1), pytest.approx(1.2))
    assert watts.u > 2**0.5 * 0.02  # how far the trials spread is in it
    assert alone == ["only in A: tx2-01", "only in B: atom-01"]


def test_two_trials_a_side_tell_little_of_how_they_scatter(timed):
    a = [timed(id=f"a{n}", deadlines__fps=fps) for n, fps in enumerate((10.0, 10.1))]
    b = [timed(id=f"b{n}", deadlines__fps=fps) for n, fps in enumerate((10.3, 10.4))]
    (pair,), _ = compare(a, b)
    (fps,) = [figure for figure in pair.figures if figure.name == "fps"]
    assert fps.u == pytest.approx(12.71 * 0.05 * 2**0.5)
    assert fps.covered


def test_of_a_gate_the_candidates_are_compared(timed):
    a = [timed(role="baseline", power__0__mean__watts=9.0), timed(role="candidate")]
    pairs, _ = compare(a, [timed()])
    assert figure(pairs, "mean_watts").a == 1.2


def test_nothing_in_common_is_wrong_input(timed):
    two = [timed(board__name="a"), timed(board__name="b")]
    with pytest.raises(UsageFault, match="no board in both: A has a, b; B has zero-01"):
        compare(two, [timed()])
    with pytest.raises(UsageFault, match="B holds no record"):
        compare([timed()], [])


BUDGET = [
    {"name": "watts gain", "joules": 0.06, "shape": "rectangular"},
    {"name": "watts range", "joules": 0.05, "shape": "rectangular"},
    {"name": "stamps", "joules": 0.001, "shape": "normal"},
]


def measured_by(timed, serial_number, **changes):
    """A record of 6 J ± 0.1 J; 1.2 W ± 0.02 W."""
    known = {
        "board__serial_number": "42",
        "power__0__serial_number": serial_number,
        "power__0__joules": 6.0,
        "power__0__u_joules": 0.1,
        "power__0__budget": BUDGET,
    }
    return timed(**known | changes)


def test_on_one_unit_offsets_cancel_and_a_wrong_gain_only_stretches_the_difference(timed):
    b = measured_by(timed, "7", power__0__mean__watts=1.21)
    pairs, _ = compare([measured_by(timed, "7")], [b])
    watts = figure(pairs, "mean_watts")
    own = 1.96 * 0.001 / 0.1 * 0.02  # what is left of each side: when its readings were taken
    assert watts.u == pytest.approx((2 * own**2 + (0.01 * 0.01) ** 2) ** 0.5, rel=0.05)
    assert watts.covered is False


@pytest.mark.parametrize(
    "changes",
    [
        {"power__0__serial_number": "8"},
        {"power__0__serial_number": None},
        {"power__0__rail": "another"},
        {"power__0__accuracy_source": "another range"},
        {"power__0__budget": []},
        {"board__serial_number": "43"},
    ],
)
def test_where_it_is_not_known_to_be_one_unit_on_one_rail_nothing_cancels(timed, changes):
    pairs, _ = compare([measured_by(timed, "7")], [measured_by(timed, "7", **changes)])
    assert figure(pairs, "mean_watts").u == pytest.approx((2 * 0.02**2) ** 0.5)


def test_watts_at_the_wall_are_not_compared_with_those_of_a_rail_inside(timed):
    pairs, _ = compare([timed(power__0__kind="rail")], [timed(power__0__kind="wall")])
    for name in ("mean_watts", "peak_watts", "joules_per_inference"):
        one = figure(pairs, name)
        assert (one.difference, one.covered, one.why) == (None, None, "watts at the wall and one rail inside")
    assert figure(pairs, "fps").difference == 0
    assert "watts differs: one rail inside / at the wall" in pairs[0].remarks


def test_older_records_that_do_not_say_whose_watts_are_compared(timed):
    pairs, _ = compare([timed()], [timed(power__0__kind="inlet")])
    assert figure(pairs, "mean_watts").difference == 0


def test_an_estimate_beside_a_measurement_is_said_to_be_one(timed):
    pairs, _ = compare([timed()], [timed(power__0__how="estimated")])
    assert "how differs: measured / estimated" in pairs[0].remarks
