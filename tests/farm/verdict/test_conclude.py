"""Seats, lab faults and reasons into one verdict."""

import pytest

from farm.store.run import GateFault, GateVerdict
from farm.verdict.gate import conclude, judge_seat

FAULT = GateFault(board="zero-01", what="zero-01: no answer for 30 s")
MADE_UP_FOR = FAULT.model_copy(update={"retried_on": "zero-02"})


@pytest.fixture
def policy(a_policy):
    return a_policy(limits={"max_p99_ms": 50})


@pytest.fixture
def seat_verdict(policy, one_seat, a_record):
    def make(p99_ms):
        records = [] if p99_ms is None else [a_record(role="candidate", latency__p99_ms=p99_ms)]
        return judge_seat(policy, one_seat(policy), records, final=True)

    return make


@pytest.mark.parametrize(
    ("p99_ms", "faults", "reasons", "outcome"),
    [
        (9.0, [], [], "pass"),
        (9.0, [MADE_UP_FOR], [], "pass"),
        (9.0, [FAULT], [], "no verdict"),
        (9.0, [], ["time was up"], "no verdict"),
        (None, [], [], "no verdict"),
        (90.0, [FAULT], ["time was up"], "regression"),
    ],
)
def test_regression_outweighs_a_fault_and_a_fault_a_pass(policy, seat_verdict, p99_ms, faults, reasons, outcome):
    verdict = conclude(policy, [seat_verdict(p99_ms)], faults, reasons)
    assert verdict.outcome == outcome
    assert verdict.faults == faults
    assert GateVerdict.model_validate_json(verdict.model_dump_json(exclude_none=True)) == verdict


def test_a_board_that_was_never_judged_is_no_pass(policy):
    verdict = conclude(policy, [])
    assert verdict.outcome == "no verdict"
    assert verdict.reasons == ["0 of 1 boards were judged"]
