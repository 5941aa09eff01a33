"""A calibration that has expired is a warning of a look, and no fault of the board."""

from farm.cli.health_table import show
from farm.health import BoardHealth


def test_a_warning_is_told_below_the_table_and_makes_no_board_faulty(capsys):
    health = BoardHealth("one", "coral-dev", "board", powered=True, up=True)
    health.warnings = ["um25c-1: its calibration of 2024-01-10 has expired on 2025-01-09; have it calibrated"]
    show([health])
    assert (health.state, health.bad) == ("ok", False)
    assert capsys.readouterr().err == f"warning: {health.warnings[0]}\n"
