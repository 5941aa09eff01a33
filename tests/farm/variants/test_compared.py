"""What is said of variants, from records alone."""

from itertools import islice
from math import sqrt
from statistics import stdev

import pytest

from farm.store.record import TurnFacts
from farm.verdict.variants.compared import compared
from farm.verdict.variants.order import pairs


@pytest.fixture
def trials(trial_of):
    """``trials(facts, 2)``: so many pairs of rounds on each board; ``change(name, board, n)`` says what each holds."""

    def make(facts, count, change=lambda _name, _board, n: {"factor": 1 + 0.001 * (n % 3 - 1)}, attempt=0):
        records = []
        for number, board in enumerate(facts.boards):
            for nth, first in enumerate(islice(pairs(len(facts.variants), facts.seed, number), count)):
                for half, order in enumerate((first, first[::-1])):
                    for place, variant in enumerate(order):
                        name = facts.variants[variant].name
                        turn = TurnFacts(round=2 * nth + half, place=place, attempt=attempt)
                        n = len(records)
                        records.append(trial_of(name, board, number=n, turn=turn, **change(name, board, n)))
        return records

    return make


def place_of(result, name):
    number = [variant.name for variant in result.facts.variants].index(name)
    place = result.places[number]
    return place.verdict, [result.facts.variants[by].name for by in place.by]


def test_who_is_worse_in_all_is_dominated_and_equals_are_told_apart_by_their_size(facts, trials):
    result = compared(facts(), trials(facts(), 3))
    assert place_of(result, "pruned") == ("front", [])
    assert place_of(result, "float")[0] == "dominated"
    assert place_of(result, "shared") == ("dominated", ["pruned"])
    joules = result.contrasts[1, 2]["joules_per_inference"]
    assert joules.state == "equal"
    assert joules.change == pytest.approx(0.0801 / 0.08 - 1, abs=2e-3)
    assert result.decided


def test_boards_that_differ_by_far_more_than_the_variants_change_nothing_but_the_absolute_figures(facts, trials):
    def apart(_name, board, n):
        return {"factor": (1 + 0.001 * (n % 3 - 1)) * (1.3 if board == "atom-02" else 1.0)}

    alike, unlike = compared(facts(), trials(facts(), 3)), compared(facts(), trials(facts(), 3, apart))
    one, other = (result.contrasts[0, 1]["joules_per_inference"] for result in (alike, unlike))
    assert other.high - other.low == pytest.approx(one.high - one.low)
    assert [result.values[0]["joules_per_inference"].u for result in (unlike,)] > [
        result.values[0]["joules_per_inference"].u for result in (alike,)
    ]


def test_absolute_figures_of_few_trials_are_as_unsure_as_few_trials_are(facts, trial_of):
    turns = [TurnFacts(round=n, place=0) for n in range(4)]
    for count, times in ((2, 12.71), (4, 3.18)):
        records = [
            trial_of("float", "atom-01", number=n, factor=0.9 + 0.2 * (n % 2), turn=turns[n]) for n in range(count)
        ]
        fps = compared(facts(boards=1), records).values[0]["fps"]
        got = [record.deadlines.fps for record in records]
        assert fps.u == pytest.approx(times * stdev(got) / sqrt(count))


def test_a_void_trial_and_one_that_ran_for_nothing_count_for_nobody(facts, trials, trial_of):
    records = trials(facts(), 2)
    before = trial_of("float", "atom-01", number=900, factor=5.0, turn=TurnFacts(round=-1, place=0))
    void = trial_of(
        "float", "atom-01", number=901, factor=5.0, turn=TurnFacts(round=0, place=0), voids=["host: stopped for 2 s"]
    )
    clean, result = compared(facts(), records), compared(facts(), [before, void, *records])
    assert result.contrasts == clean.contrasts
    assert result.values == clean.values
    assert result.voids == ("atom-01 00000000: host: stopped for 2 s",)


def test_rounds_that_are_not_whole_are_not_compared_nor_those_of_two_attempts_with_each_other(facts, trials):
    half = trials(facts(boards=1), 1)[:-1]
    assert compared(facts(boards=1), half).pairs == {"atom-01": 0}
    anew = trials(facts(boards=1), 1, attempt=1)[-1]
    assert compared(facts(boards=1), [*half, anew]).pairs == {"atom-01": 0}
    assert compared(facts(boards=1), [*half, *trials(facts(boards=1), 1, attempt=1)]).pairs == {"atom-01": 1}


def test_another_meter_midway_is_said_and_not_compared(facts, trials):
    def exchanged(_name, _board, n):
        return {"power__0__serial_number": "other"} if n == 2 else {}

    result = compared(facts(boards=1), trials(facts(boards=1), 1, exchanged))
    assert result.pairs == {"atom-01": 0}
    (note,) = result.notes
    assert "another meter midway" in note


def test_accuracy_is_compared_by_value_and_trials_that_disagree_decide_nothing(facts, trials):
    result = compared(facts(), trials(facts(), 1))
    assert result.contrasts[0, 1]["accuracy"].state == "better"
    assert result.contrasts[1, 2]["accuracy"].state == "equal"

    def shaky(name, _board, n):
        return {"accuracy": {"correct": 300 + n, "total": 360, "fraction": (300 + n) / 360}} if name == "float" else {}

    result = compared(facts(), trials(facts(), 1, shaky))
    assert result.contrasts[0, 1]["accuracy"].state == "open"
    assert "disagree" in result.values[0]["accuracy"].why


def test_what_no_meter_measures_is_open_and_never_a_number(facts, trials):
    result = compared(facts(), trials(facts(), 3, lambda *_: {"power": [], "supply_meter": None}))
    assert result.values[0]["joules_per_inference"].got is None
    assert result.contrasts[0, 1]["joules_per_inference"].state == "open"
    assert result.more_rounds is None
    assert place_of(result, "float")[0] == "maybe"


def test_without_any_trial_nothing_is_told(facts):
    result = compared(facts(), [])
    assert not result.told
    assert result.values[0]["size_bytes"].got == 240_000
    assert result.values[0]["fps"].got is None


def test_the_front_may_be_certain_long_before_every_pair_is(facts, trials):
    def loud_and_less_right(name, _board, n):
        right = 352 if name == "pruned" else 354
        accuracy = {"correct": right, "total": 360, "fraction": right / 360}
        return {"deadlines__fps": 100 * (1 + 0.2 * (n % 3 - 1)), "accuracy": accuracy}

    two = {"names": ("float", "pruned"), "figures": ["fps", "accuracy", "size_bytes"]}
    records = trials(facts(**two), 2, loud_and_less_right)
    assert not compared(facts(**two), records).decided
    assert compared(facts(**two, until="front"), records).decided


def test_accuracies_on_different_data_sets_do_not_stand_side_by_side(facts, trials):
    asked = facts(figures=["fps", "size_bytes"])
    variants = [one.model_copy(update={"dataset": one.id}) for one in asked.variants]
    result = compared(asked.model_copy(update={"variants": variants}), trials(asked, 2))
    assert all({"fps", "accuracy"} & by.keys() == {"fps"} for by in result.values)
    assert result.notes == ("accuracies are left out of the table: these variants' are of different data sets",)
    assert all("accuracy" in by for by in compared(asked, trials(asked, 2)).values)
