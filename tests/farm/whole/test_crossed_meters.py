"""Two meters whose cables were swapped: the classic wrong watt, found by the trial itself."""

from copy import deepcopy

import yaml

from .conftest import lab_of, lent


def two_atoms():
    """Return a lab of two alike boards, each with a meter and a switch of its own."""
    lab = lab_of("atom-01")
    board = deepcopy(lab["boards"]["atom-01"])
    lab["boards"]["atom-01"]["tags"] = ["crossed"]
    lab["boards"]["atom-02"] = board | {"meters": ["wall-2"], "switch": "relay-2"}
    lab["meters"]["wall-2"] = deepcopy(lab["meters"]["wall-1"])
    lab["switches"]["relay-2"] = deepcopy(lab["switches"][board["switch"]])
    return lab


def test_meters_of_two_boards_that_were_swapped_decide_nothing(tmp_path):
    with lent(tmp_path, "atom-01", two_atoms()) as lab:
        resolved = lab.folder / ".farm/lab/inventory.yaml"
        wired = yaml.safe_load(resolved.read_text())
        meters = wired["meters"]
        one, other = meters["wall-1"]["options"], meters["wall-2"]["options"]
        one["resource"], other["resource"] = other["resource"], one["resource"]
        resolved.write_text(yaml.safe_dump(wired, sort_keys=False))
        source = lab.trial(check="max_mean_watts=14").replace("board()", 'board(tags=["crossed"])')
        session = lab.decided(source, about="before the frames does not show")
    assert session.exit == 3, session.output
    assert "burst of load before the frames does not show" in session.output
    assert "is it this board's meter" in session.output
