"""The terms of an uncertainty, added by drawing them."""

import numpy as np
import pytest

from power.budget import Term, expanded


def test_one_rectangular_term_is_stated_at_95_percent_of_its_bound():
    assert expanded([Term("amps", 2.0, "rectangular")]) == pytest.approx(1.9, rel=0.01)


def test_one_normal_term_is_stated_at_two_standard_deviations_or_nearly():
    assert expanded([Term("sampling", 2.0, "normal")]) == pytest.approx(1.96 * 2, rel=0.02)


def test_many_terms_add_up_as_a_normal_distribution():
    terms = [Term(str(n), 1.0, "rectangular") for n in range(30)]
    assert expanded(terms) == pytest.approx(1.96 * np.sqrt(30 / 3), rel=0.02)


def test_a_full_term_is_never_averaged_away():
    assert expanded([Term("edges", 3.0, "full"), Term("amps", 0.1, "rectangular")]) > 3.0
    assert expanded([Term("edges", 3.0, "full")]) == 3.0


def test_no_term_is_no_uncertainty_and_the_same_terms_are_always_the_same():
    assert expanded([]) == 0
    terms = [Term("volts", 1.0, "rectangular"), Term("sampling", 0.5, "normal")]
    assert expanded(terms) == expanded(terms)


def test_the_standard_uncertainty_of_a_bound_is_smaller_than_the_bound():
    assert Term("volts", 3.0, "rectangular").u_joules == pytest.approx(3 / np.sqrt(3))
    assert Term("stamps", 3.0, "normal").u_joules == 3
