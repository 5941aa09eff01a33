"""What is sent to a board to ask its NVML runs on what boards have, and its answers fit the questions."""

import ast
import inspect

import pytest

from power.onboard import nvml_helper
from power.onboard.nvml_board import BoardNvml, NotSupported, NvmlFault
from power.testing import Replay


class Board:
    """A machine whose program answers this."""

    def __init__(self, *answers: bytes) -> None:
        self.port = Replay(list(answers), asks=lambda _: True)

    def program(self, words):
        assert words[:3] == ["python3", "-u", "-c"]
        return self.port


def asked(*answers: bytes) -> BoardNvml:
    """One that was opened; its next question is the second."""
    nvml = BoardNvml(Board(b"1 0 2\n", *answers))
    nvml.nvmlInit()
    return nvml


def test_what_runs_on_the_board_is_python_3_5() -> None:
    tree = ast.parse(inspect.getsource(nvml_helper), feature_version=(3, 5))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert imported == {"ctypes", "sys"}


def test_millijoules_are_more_than_32_bits() -> None:
    assert asked(b"2 0 5000000000\n").nvmlDeviceGetTotalEnergyConsumption(0) == 5_000_000_000


def test_a_late_answer_is_not_taken_for_the_next_ones() -> None:
    assert asked(b"1 0 999\n2 0 50123\n").nvmlDeviceGetPowerUsage(0) == 50123


@pytest.mark.parametrize(
    ("answer", "fault", "told"),
    [
        (b"2 3 Not Supported\n", NotSupported, "Not Supported"),
        (b"2 15 GPU is lost\n", NvmlFault, "GPU is lost"),
        (b"", NvmlFault, "no answer within 5 s"),
        (b"2 0 501", NvmlFault, "half an answer"),
        (b"2 0 -5\n", NvmlFault, "is answered '-5'"),
        (b"2 what\n", NvmlFault, "half an answer"),
    ],
)
def test_what_is_no_number_is_never_one(answer, fault, told) -> None:
    with pytest.raises(fault, match=told):
        asked(answer).nvmlDeviceGetPowerUsage(0)
