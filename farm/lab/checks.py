"""Everything that can be wrong with an inventory, found in one go: shapes, drivers' options, wiring, twins.

Each check walks the plain values and says nothing about what another check has already refused, so that one
wrong line hides no other.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from pydantic import BaseModel

from devices.accelerator import KINDS
from devices.flash.registry import known_flashers, load_flasher
from devices.registry import known_boards, known_shells, load_shell
from power.registry import known_meters, known_switches, load_meter, load_switch

from .fields import TWIN, is_reference
from .inventory import Lab
from .pair_checks import pairs
from .plain import SHELVES, Tree, at, entries, wired_to
from .rail_checks import measured
from .secret import secret_fields
from .sensor_checks import is_on_board, sensors
from .shapes import against
from .supply_checks import board_class, supplies
from .twin_checks import twins
from .words import kind_of, unknown
from .yaml_lines import Fault, Where

_SSH_PORT = 22
_ADDRESS = {
    *("resource", "channel", "url", "relay", "host", "port", "mib", "outlet", "hostname", "location"),
    *("address", "root", "rail", "zone", "gpu"),
}
"""Options that say where a device is; the others say what is wanted of it."""
_WITH_PASSWORD = re.compile(r"(//|^(?!file:|env:))[^/@:\s]+:[^/@\s]+@")
"""``user:password@host``, of a URL or of a gateway."""


def check(value: Any) -> list[Fault]:  # noqa: ANN401 -- whatever the file holds
    """Return every fault of an inventory's plain values; empty when it is right."""
    if value is None:
        return [Fault((), "is empty; begin with `lab:` and `boards:`")]
    if not isinstance(value, dict):
        return [Fault((), f"wants keys such as `lab:` and `boards:` at the top, not {kind_of(value)}")]
    tree = cast("Tree", value)
    passwords = list(_passwords(tree, ()))
    told = {fault.where for fault in passwords}  # an address with one is no address to its driver either
    return [*passwords, *(fault for fault in _all_but_passwords(tree) if fault.where not in told)]


def _all_but_passwords(tree: Tree) -> list[Fault]:
    return [
        *against(Lab, tree, ()),
        *_devices(tree),
        *_boards(tree),
        *supplies(entries(tree, "boards"), entries(tree, "switches")),
        *measured(entries(tree, "boards"), entries(tree, "meters")),
        *pairs(entries(tree, "boards"), entries(tree, "meters")),
        *sensors(entries(tree, "meters"), entries(tree, "switches")),
        *_accelerators(tree),
        *_flashers(tree),
        *_reached(tree),
        *_names(tree),
        *_shared_addresses(tree),
        *twins(tree),
    ]


# what stands on the shelves


def _devices(tree: Tree) -> Iterator[Fault]:
    yield from _drivers(tree, "meters", "meter driver", known_meters(), lambda name: load_meter(name).Config)
    yield from _drivers(tree, "switches", "switch driver", known_switches(), lambda name: load_switch(name).Config)


def _drivers(
    tree: Tree, section: str, what: str, known: Mapping[str, str], config: Callable[[str], type[BaseModel]]
) -> Iterator[Fault]:
    for name, entry in entries(tree, section).items():
        yield from _driver(entry, (section, name), what, known, config)


def _driver(
    entry: Tree, where: Where, what: str, known: Mapping[str, str], config: Callable[[str], type[BaseModel]]
) -> Iterator[Fault]:
    driver = entry.get("driver")
    if not isinstance(driver, str) or not driver:
        return  # refused by its shape
    if driver not in known:
        yield Fault((*where, "driver"), f"no {what} '{driver}'; {unknown(driver, known)}")
        return
    try:
        model = config(driver)
    except ImportError as error:
        yield Fault((*where, "driver"), f"'{driver}' does not load: {error}; install what it needs")
        return
    yield from _options(model, entry, (*where, "options"))


def _options(model: type[BaseModel], entry: Tree, where: Where) -> Iterator[Fault]:
    options = entry.get("options", {})
    if not isinstance(options, dict):
        return  # refused by its shape
    given = cast("dict[str, Any]", options)
    for key in sorted(secret_fields(model) & given.keys()):
        if isinstance(given[key], str) and not is_reference(given[key]):
            yield Fault((*where, key), "a secret must not stand here; write env:NAME or file:PATH")
    # what `farm lab up` fills in is not for the driver to judge yet
    open_fields = {(*where, key) for key, value in given.items() if value == TWIN}
    yield from (fault for fault in against(model, given, where) if fault.where not in open_fields)


# what is wired to what


def _boards(tree: Tree) -> Iterator[Fault]:
    measured: dict[str, str] = {}
    switched: dict[str, str] = {}
    for name, board in entries(tree, "boards").items():
        model = board.get("model")
        if isinstance(model, str) and model and model not in known_boards():
            text = f"no board model '{model}'; {unknown(model, known_boards())}"
            yield Fault(("boards", name, "model"), text)
        elif (why := board_class(model)[1]) is not None:
            yield Fault(("boards", name, "model"), f"'{model}' does not load: {why}; install what it needs")
        switch = board.get("switch")
        if isinstance(switch, str):
            yield from _wire(tree, "switches", switch, name, switched, ("boards", name, "switch"))
        meters = board.get("meters")
        for n, meter in enumerate(cast("list[Any]", meters) if isinstance(meters, list) else []):
            if isinstance(meter, str):
                yield from _wire(tree, "meters", meter, name, measured, ("boards", name, "meters", n))


def _reached(tree: Tree) -> Iterator[Fault]:
    """A board is reached one way, and a twin by SSH and console."""
    for name, board in entries(tree, "boards").items():
        where, shell = ("boards", name), board.get("shell")
        if "ssh" not in board and shell is None:
            yield Fault(where, "is reached by nothing; add `ssh:`, or `shell:` with the driver of a package")
        if "ssh" in board and shell is not None:
            yield Fault((*where, "shell"), "`ssh:` stands there too; remove one of them")
        if board.get("twin") is not None:
            if "console" not in board:
                yield Fault(where, "a twin has a console; add `console:`")
            if shell is not None:
                yield Fault((*where, "shell"), "a twin is reached over SSH; write `ssh:` instead")
        if isinstance(shell, dict):
            entry = cast("Tree", shell)
            yield from _driver(entry, (*where, "shell"), "shell driver", known_shells(), lambda n: load_shell(n).Config)


def _flashers(tree: Tree) -> Iterator[Fault]:
    for name, board in entries(tree, "boards").items():
        if not isinstance(entry := board.get("flash"), dict):
            continue
        where = ("boards", name, "flash")
        if board.get("twin") == "process":
            yield Fault(where, "a process twin has no medium that could be written; remove it")
        known = known_flashers()
        yield from _driver(cast("Tree", entry), where, "way of flashing", known, lambda n: load_flasher(n).Config)


def _accelerators(tree: Tree) -> Iterator[Fault]:
    for name, board in entries(tree, "boards").items():
        model, listed = board.get("model"), board.get("accelerators")
        if not isinstance(listed, list) or not listed:
            continue
        host, _ = board_class(model)
        for n, entry in enumerate(cast("list[Any]", listed)):
            kind = KINDS.get(str(at(entry, "kind")))
            where = ("boards", name, "accelerators", n)
            if kind is None:
                if isinstance(wrong := at(entry, "kind"), str):
                    yield Fault((*where, "kind"), f"no accelerator '{wrong}'; {unknown(wrong, KINDS)}")
                continue
            link = at(entry, "link")
            if kind.link is None and link is not None:
                yield Fault((*where, "link"), f"a {kind.name} has no USB link; remove it")
            elif host is not None and host.usb == 2 and (link or kind.link) == "usb3":
                text = f"a {host.model} has USB 2 only, some ten times slower; write `link: usb2` if so meant"
                yield Fault(where, text)


def _wire(tree: Tree, section: str, device: str, board: str, taken: dict[str, str], where: Where) -> Iterator[Fault]:
    shelf = tree.get(section)
    names = list(cast("Tree", shelf)) if isinstance(shelf, dict) else []
    noun, verb = ("meter", "measures") if section == "meters" else ("switch", "switches")
    if device not in names:
        yield Fault(where, f"no {noun} '{device}'; {unknown(device, names)}")
    elif device in taken:
        yield Fault(where, f"'{device}' already {verb} '{taken[device]}'; one {noun} serves one board, once")
    taken.setdefault(device, board)


def _names(tree: Tree) -> Iterator[Fault]:
    """A name must tell one thing: faults, locks and traces are filed under it."""
    first: dict[str, str] = {}
    for section in (*SHELVES, "boards"):
        for name in entries(tree, section):
            if name in first:
                yield Fault((section, name), f"'{name}' stands under {first[name]} too; give it a name of its own")
            first.setdefault(name, section)


def _shared_addresses(tree: Tree) -> Iterator[Fault]:
    """Two entries at one address are one device: a slip of copy and paste."""
    seen: dict[tuple[Any, ...], str] = {}
    places: list[tuple[tuple[Any, ...], str, Where]] = []
    for name, board in entries(tree, "boards").items():
        places.append((("serial port", at(board, "console", "port")), name, ("boards", name, "console", "port")))
        host = at(board, "ssh", "host"), at(board, "ssh", "port") or _SSH_PORT, at(board, "ssh", "gateway")
        places.append((("ssh", *host), name, ("boards", name, "ssh", "host")))
    named_by = {meter: name for name, board in entries(tree, "boards").items() for meter in wired_to(tree, board)}
    for section in SHELVES:
        for name, entry in entries(tree, section).items():
            options = at(entry, "options")
            if isinstance(port := at(entry, "options", "port"), str) and at(entry, "options", "host") is None:
                # of a relay board, whose others are other boards' switches
                channel = at(entry, "options", "channel") or _defaults(section, entry).get("channel")
                channels = () if channel is None else (str(channel),)
                places.append((("serial port", port, *channels), name, (section, name, "options", "port")))
            elif isinstance(options, dict) and TWIN not in options.values():
                given: Tree = {**_defaults(section, entry), **cast("Tree", options)}
                keys = _ADDRESS & given.keys() or given.keys()
                address = tuple(sorted((key, str(given[key])) for key in keys))
                if is_on_board(entry):  # each board has a rail of that name
                    address = (*address, ("board", named_by.get(name)))
                places.append(((section, entry.get("driver"), *address), name, (section, name, "options")))
    for address, name, where in places:
        if TWIN in address or None in address[:2]:
            continue
        if address in seen:
            yield Fault(where, f"is the address of '{seen[address]}' already; correct one of them")
        seen.setdefault(address, name)


def _defaults(section: str, entry: Tree) -> dict[str, Any]:
    """Return what a device's address is where its options do not say: channel 1 is meant by who writes none."""
    known, load = (known_meters(), load_meter) if section == "meters" else (known_switches(), load_switch)
    driver = entry.get("driver")
    if not isinstance(driver, str) or driver not in known:
        return {}
    try:
        fields = load(driver).Config.model_fields
    except ImportError:
        return {}
    return {name: field.default for name, field in fields.items() if name in _ADDRESS and not field.is_required()}


def _passwords(value: Any, where: Where) -> Iterator[Fault]:  # noqa: ANN401 -- any YAML value
    """No address may hold a password: inventories are shared, and addresses are printed."""
    if isinstance(value, str) and _WITH_PASSWORD.search(value):
        yield Fault(where, "a secret must not stand here; write the address without the password")
    elif isinstance(value, dict):
        for key, inner in cast("Tree", value).items():
            yield from _passwords(inner, (*where, key))
    elif isinstance(value, list):
        for n, inner in enumerate(cast("list[Any]", value)):
            yield from _passwords(inner, (*where, n))
