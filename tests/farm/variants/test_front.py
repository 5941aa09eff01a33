"""Who is worth having."""

from farm.verdict.variants.contrast import OPPOSITE
from farm.verdict.variants.front import Place, places


def table(**states):
    """``table(ba="better worse")``: of b beside a; what is not given is the opposite."""
    letters = sorted({letter for pair in states for letter in pair})

    def beside(b, a):
        given = states.get(letters[b] + letters[a])
        if given is not None:
            return given.split()
        return [OPPOSITE[state] for state in states[letters[a] + letters[b]].split()]

    return places(len(letters), beside)


def test_better_in_one_and_equal_in_the_rest_dominates():
    assert table(ba="better equal equal") == [Place("dominated", (1,)), Place("front")]


def test_a_trade_keeps_both():
    assert table(ba="better worse") == [Place("front"), Place("front")]


def test_equals_keep_each_other():
    assert table(ba="equal equal") == [Place("front"), Place("front")]


def test_what_is_open_dominates_nobody_and_may():
    assert table(ba="better open") == [Place("maybe", (1,)), Place("front")]
    assert table(ba="open equal") == [Place("maybe", (1,)), Place("maybe", (0,))]


def test_what_is_lost_somewhere_decides_whatever_is_open():
    assert table(ba="worse open open")[0] == Place("front")


def test_small_losses_in_a_circle_leave_nobody_without_a_place():
    circle = table(ab="better equal equal", bc="equal better equal", ca="equal equal better")
    assert circle == [Place("front")] * 3


def test_who_is_dominated_from_outside_a_circle_is_dominated():
    placed = table(
        ab="better equal",
        bc="equal better",
        ca="better equal",
        da="better better",
        db="better better",
        dc="better equal",
    )
    assert [place.verdict for place in placed] == ["dominated"] * 3 + ["front"]
    assert placed[0].by == (3,)
