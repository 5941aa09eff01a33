"""How far stamps and windows may be apart."""

from types import SimpleNamespace

import pytest

from farm.trial.measured import Measured
from farm.trial.watts import Window

S = 1_000_000_000
IDLE = Window(0, S)


@pytest.mark.parametrize(("quiet_s", "late_ns"), [(0.3, 0), (7.7, 5_000_000)])
def test_a_late_stamp_counts_as_near_to_an_edge_as_the_slowest_meter_reads(quiet_s, late_ns):
    def late(start_ns, end_ns):
        return 5_000_000 if start_ns <= 93 * S <= end_ns else 0

    beat, times = SimpleNamespace(lateness_max_ns=late), SimpleNamespace(bound_ns=1000)
    measured = Measured(SimpleNamespace(), {}, times, IDLE, IDLE, quiet_s, beat)
    assert measured.bound_ns(Window(100 * S, 160 * S)) == 1000 + late_ns
