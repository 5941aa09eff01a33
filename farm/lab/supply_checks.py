"""What can be wrong between a board and its supply: volts that it does not bear, a switch that nothing can confirm."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError

from devices.registry import known_boards, load_board
from power.registry import known_switches, load_switch
from power.switch import SwitchConfig

from .words import unknown
from .yaml_lines import Fault, Where

if TYPE_CHECKING:
    from devices.board import Board

Tree = Mapping[str, Any]

_OVP_ABOVE = 1.1
"""How far above a board's range its over-voltage protection may stand (assumed): beyond that it protects nothing."""


def supplies(boards: Mapping[str, Tree], switches: Mapping[str, Tree]) -> Iterator[Fault]:
    """Hold every board's switch against the board; entries whose options are wrong are left to their own faults."""
    for board, entry in boards.items():
        name = entry.get("switch")
        switch = switches.get(name) if isinstance(name, str) else None
        if not isinstance(name, str) or switch is None:
            continue
        where = ("switches", name)
        yield from _proven_by(entry, switch, where)
        config = _config(switch)
        if config is None:
            continue
        if not config.reads_back and switch.get("proof") is None:
            text = "cannot be asked for its state; add `proof:` with `meter:`, one on the board's rail"
            yield Fault(where, text)
        yield from _volts(board, entry.get("model"), config, (*where, "options"))


def _config(switch: Tree) -> SwitchConfig | None:
    """Return the options as the driver has them; None where that cannot be told."""
    driver = switch.get("driver")
    if not isinstance(driver, str) or driver not in known_switches():
        return None
    try:
        config = load_switch(driver).Config.model_validate(switch.get("options", {}))
    except (ImportError, ValidationError):
        return None
    return config if isinstance(config, SwitchConfig) else None


def _proven_by(board: Tree, switch: Tree, where: Where) -> Iterator[Fault]:
    proof, meters = switch.get("proof"), board.get("meters")
    meter = cast("Tree", proof).get("meter") if isinstance(proof, dict) else None
    on_rail = [str(name) for name in cast("list[Any]", meters)] if isinstance(meters, list) else []
    if isinstance(meter, str) and meter not in on_rail:
        text = f"'{meter}' is no meter of the board that it switches; {unknown(meter, on_rail)}"
        yield Fault((*where, "proof", "meter"), text)


def _volts(board: str, model: Any, config: SwitchConfig, where: Where) -> Iterator[Fault]:  # noqa: ANN401 -- any YAML
    volts = config.puts_out_volts
    found, _ = board_class(model)
    if found is None or found.supply_volts is None:
        return
    least, most = found.supply_volts
    takes = f"{board}, a {model}, takes {least:g} to {most:g} V"
    if volts is not None and not least <= volts <= most:
        yield Fault((*where, "volts"), f"{volts:g} V, and {takes}; correct it, or the board's `switch:`")
        return
    ovp_volts = config.cuts_above_volts
    if ovp_volts is not None and ovp_volts > most * _OVP_ABOVE:
        text = f"{ovp_volts:g} V protects nothing, for {takes}; set it to {most * _OVP_ABOVE:.3g} at most"
        yield Fault((*where, "ovp_volts"), text)


def board_class(model: Any) -> "tuple[type[Board] | None, str | None]":  # noqa: ANN401 -- any YAML value
    """Return a model's class; else None, and why it does not load where a package names it and it does not."""
    if not isinstance(model, str) or model not in known_boards():
        return None, None
    try:
        return load_board(model), None
    except (ImportError, AttributeError) as error:
        return None, str(error)
