"""A board's switch as the inventory has it: secrets read, its state proven by a meter, the board's range kept."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from devices.registry import load_board
from power.guard import GuardedSwitch
from power.proof import ProvenSwitch
from power.registry import load_switch
from power.switch import Adjustable

from .inventory import Lab
from .secret import revealed

if TYPE_CHECKING:
    from power.meter import Meter
    from power.switch import PowerSwitch, Supply


def open_switch(lab: Lab, name: str) -> "PowerSwitch":
    """Open a switch by its name; nothing is switched.

    Raises:
        UsageFault: a secret of its options cannot be read.
        power.errors.SwitchOffline: it does not answer.
    """
    entry = lab.switches[name]
    driver = load_switch(entry.driver)
    options = revealed(driver.Config, entry.options, f"switches.{name}.options", lab.path)
    return driver.open(name, driver.Config.model_validate(options))


def supply_of(lab: Lab, board: str, switch: "PowerSwitch", meter: Callable[[str], "Meter"]) -> "Supply":
    """Return the board's open switch as it may be used: proven where there is a ``proof:``, and guarded.

    Args:
        lab: where the board is.
        board: its name.
        switch: of the board, open.
        meter: opens a meter of the board, or returns the one that is open.
    """
    supply: Supply = switch
    proof = lab.switches[switch.name].proof
    if proof is not None:
        supply = ProvenSwitch(supply, meter(proof.meter), off_below_watts=proof.off_below_watts)
    model = load_board(lab.boards[board].model)
    if model.supply_volts is not None and isinstance(switch, Adjustable):
        least_volts, most_volts = model.supply_volts
        what = f"{board}, a {model.model}"
        supply = GuardedSwitch(supply, switch, least_volts=least_volts, most_volts=most_volts, what=what)
    return supply
