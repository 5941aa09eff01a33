"""What can be wrong with twins, and with what an inventory leaves to `farm lab up`."""

from collections.abc import Iterable, Iterator
from typing import Any, cast

from devices.flash.registry import known_flashers
from devices.registry import known_boards
from power.registry import known_meters, known_switches

from .fields import TWIN
from .plain import SHELVES, Tree, at, entries, wired_to
from .sensor_checks import is_on_board
from .yaml_lines import Fault, Where

_TWIN_FILLS = (("console", "port"), ("console", "password"), ("ssh", "host"), ("ssh", "key"))
"""What a twin board may leave to `farm lab up`."""
_TWIN_HAS_NOT = (("root",), ("ssh", "port"), ("ssh", "gateway"), ("ssh", "host_key"))
"""What `farm lab up` adds, or what a twin cannot have."""


def twins(tree: Tree) -> Iterator[Fault]:
    """Tell what of twins cannot be, and where an address is left open that nobody fills in."""
    boards = entries(tree, "boards")
    resolved = "resolved" in tree
    for name, board in boards.items():
        flash = [("flash", *field) for field in _option_fields(board.get("flash"))]
        yield from _open_fields(board, ("boards", name), [*_TWIN_FILLS, *flash], resolved=resolved)
        if board.get("twin") is not None and not resolved:
            yield from _twin_board(board, ("boards", name))
        yield from _mixed(tree, name, board)
    wired = {name for board in boards.values() for name in wired_to(tree, board)}
    for section in SHELVES:
        for name, entry in entries(tree, section).items():
            yield from _open_fields(entry, (section, name), _option_fields(entry), resolved=resolved)
            if entry.get("twin") is not None and not resolved:
                yield from _twin_device(entry, (section, name), name in wired)


def _option_fields(entry: Any) -> list[tuple[str, ...]]:  # noqa: ANN401 -- any YAML value
    options = cast("Tree", entry).get("options") if isinstance(entry, dict) else None
    return [("options", key) for key in cast("Tree", options)] if isinstance(options, dict) else []


def _open_fields(entry: Tree, where: Where, fields: Iterable[tuple[str, ...]], *, resolved: bool) -> Iterator[Fault]:
    """``twin`` as a value is an address that is still open."""
    for keys in fields:
        if at(entry, *keys) == TWIN and (resolved or entry.get("twin") is None):
            text = "'twin' is filled in by `farm lab up` only where the entry has a `twin:`; write the address"
            yield Fault((*where, *keys), text)


def _twin_board(board: Tree, where: Where) -> Iterator[Fault]:
    from .twins import profiles  # the twins' libraries load only for a lab that has some

    model = board.get("model")
    kind = "qemu" if board["twin"] == "qemu" else "process"
    if isinstance(model, str) and model in known_boards() and model not in profiles(kind):
        there = ", ".join(sorted(profiles(kind)))
        yield Fault((*where, "model"), f"no {kind} twin of '{model}'; there are twins of {there}")
    for keys in _TWIN_FILLS:
        if isinstance(value := at(board, *keys), str) and value != TWIN:
            yield Fault((*where, *keys), "`farm lab up` fills it in for a twin; write `twin`")
    for keys in _TWIN_HAS_NOT:
        if at(board, *keys) is not None:
            yield Fault((*where, *keys), "`farm lab up` sets it for a twin; remove it")
    user = at(board, "console", "user")
    if isinstance(user, str) and user != at(board, "ssh", "user"):
        yield Fault((*where, "console", "user"), "a twin has one user; write the same as in `ssh:`")
    if kind == "qemu" and isinstance(flash := board.get("flash"), dict) and isinstance(model, str):
        yield from _twin_flash(cast("Tree", flash), model, (*where, "flash"))


def _twin_flash(flash: Tree, model: str, where: Where) -> Iterator[Fault]:
    from .twins import flashers

    known, driver, options = flashers(model), flash.get("driver"), flash.get("options")
    if not known:
        yield Fault(where, f"a qemu twin of '{model}' has no medium that could be written; remove it")
    elif driver in known_flashers() and driver not in known:
        there = ", ".join(sorted(known))
        yield Fault((*where, "driver"), f"no qemu twin is flashed by '{driver}'; there are {there}")
    elif not isinstance(options, dict) or TWIN not in cast("Tree", options).values():
        yield Fault((*where, "options"), "a twin's address is not known beforehand; write `twin` for it")


def _twin_device(entry: Tree, where: Where, wired: bool) -> Iterator[Fault]:
    from .twins import instruments

    driver = entry.get("driver")
    known = instruments()
    if isinstance(driver, str) and driver in {**known_meters(), **known_switches()} and driver not in known:
        yield Fault((*where, "driver"), f"no twin of '{driver}'; there are twins of {', '.join(sorted(known))}")
    options = at(entry, "options")
    if isinstance(options, dict) and TWIN not in options.values():
        yield Fault((*where, "options"), "a twin's address is not known beforehand; write `twin` for it")
    if not wired:
        yield Fault(where, "a twin that no board uses; name it under a board's `meters:` or `switch:`")


def _mixed(tree: Tree, name: str, board: Tree) -> Iterator[Fault]:
    """Volts of a twin come from a twin board's load: neither end of that wire can be real."""
    twin = board.get("twin") is not None
    for device in wired_to(tree, board):
        for section in SHELVES:
            entry = entries(tree, section).get(device)
            if entry is not None and (entry.get("twin") is not None) != twin and not is_on_board(entry):
                ends = ("a twin", "a real board") if not twin else ("real", "a twin")
                yield Fault(("boards", name), f"'{device}' is {ends[0]} and the board is {ends[1]}; make them the same")
