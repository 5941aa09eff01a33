import pytest

from farm.pytest_plugin.by_board import board_of

IDS = ["tx2-01", "tx2-011", "any-jetson-tx2"]


@pytest.mark.parametrize(
    ("nodeid", "board"),
    [
        ("test_a.py::test_it[tx2-01]", "tx2-01"),
        ("test_a.py::test_it[tx2-011]", "tx2-011"),
        ("test_a.py::test_it[fast-tx2-01-4]", "tx2-01"),
        ("test_a.py::TestAll::test_it[any-jetson-tx2]", "any-jetson-tx2"),
        ("test_a.py::test_it", None),
        ("tx2-01/test_a.py::test_it[3]", None),
    ],
)
def test_a_tests_id_tells_its_board(nodeid, board):
    assert board_of(nodeid, IDS) == board
