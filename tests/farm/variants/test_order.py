"""Who runs when: nobody is favoured by place, by predecessor or by a drift."""

from collections import Counter
from itertools import islice, pairwise

import pytest

from farm.verdict.variants.order import pairs


def cycle(variants):
    """Pairs of rounds until every row of the square has run."""
    return variants // 2 if variants % 2 == 0 else variants


@pytest.mark.parametrize("variants", range(2, 9))
def test_over_a_cycle_each_variant_follows_each_equally_often_itself_too(variants):
    follows = Counter()
    for first in islice(pairs(variants, 3, 0), cycle(variants)):
        follows.update(pairwise([first[0], *first, *reversed(first)]))  # before a pair its first variant ran
    assert len(follows) == variants**2
    assert len(set(follows.values())) == 1


@pytest.mark.parametrize("variants", range(2, 7))
def test_a_drift_in_a_line_moves_no_variant_in_any_pair_of_rounds(variants):
    for first in islice(pairs(variants, 11, 1), 12):
        assert sorted(first) == list(range(variants))
        both = [*first, *reversed(first)]
        assert {sum(n for n, one in enumerate(both) if one == variant) for variant in range(variants)} == {
            2 * variants - 1
        }


def test_a_drift_that_bends_moves_nobody_over_two_cycles():
    for variants in (2, 3, 4, 5):
        places = Counter()
        for first in islice(pairs(variants, 5, 0), 2 * cycle(variants)):
            for place, variant in enumerate(first):
                places[variant] += place
        assert len(set(places.values())) == 1


def test_boards_begin_at_different_rows_and_the_seed_alone_decides():
    firsts = [next(pairs(4, 9, board)) for board in range(4)]
    assert len(set(firsts)) == 4
    assert list(islice(pairs(4, 9, 2), 9)) == list(islice(pairs(4, 9, 2), 9))
    assert list(islice(pairs(4, 9, 2), 9)) != list(islice(pairs(4, 10, 2), 9))
