"""What one line of NVIDIA's ``tegrastats`` says. Pure: text in, numbers out.

The grammar is that of public lines of TX1, TX2, Nano, Xavier, Orin and Thor, L4T 28 to JetPack 7. Rails are milliwatts,
with or without a unit: one value, or a value and its average since the start of tegrastats, or a third behind them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_RAM = re.compile(r"\bRAM (\d+)/(\d+)MB")
_SWAP = re.compile(r"\bSWAP (\d+)/(\d+)MB")
_CPU = re.compile(r"\b(?:CPU|cpu) \[([^\]]*)\](?:@(\d+))?")
_CORE = re.compile(r"(?:(\d+)%(?:@(\d+))?|off)", re.IGNORECASE)
_ENGINE = re.compile(r"(?<![\w@])([A-Za-z]\w*) (\d+)%(?:@(?:(\d+)|\[(\d+(?:,\d+)*)\]))?(?=\s|$)")
_TEMPERATURE = re.compile(r"(?<!\S)([A-Za-z][\w.-]*)@(-?\d+(?:\.\d+)?)C?(?:/-?\d+(?:\.\d+)?)?C(?=\s|$)")
_RAIL = re.compile(
    r"(?<!\S)([A-Za-z][A-Za-z0-9_.+-]*) "
    r"(\d+)(mW)?(?:/(\d+)(?:mW)?)?(?:/(\d+)(?:mW)?)?(?=\s|$)"
)
_RAIL_NAME = re.compile(r"(?:VDD|VIN|POM|SYS)\w*|GPU|CPU|SOC|CV")
"""What a bare number must stand behind to be a power: behind other words it is an engine's clock in MHz."""
_HALF_A_RAIL = re.compile(r"(?:^|\s)(?:VDD|VIN|POM|SYS)\w*$")
_STAMP = re.compile(r"^\s*(\d{2}-\d{2}-\d{4}) (\d{2}:\d{2}:\d{2})\b")
_ABSENT_CELSIUS = -255.0
"""A sensor that is powered down is shown at -256 °C."""


@dataclass(frozen=True, slots=True)
class Rail:
    """Power of one rail."""

    watts: float
    watts_average: float | None = None
    """Since tegrastats began; None where the line has one value only."""


@dataclass(frozen=True, slots=True)
class Engine:
    """Load and clock of one engine: the memory controller, the GPU, a codec."""

    percent: float
    mhz: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """What one line says; what it does not say is None or absent."""

    rails: dict[str, Rail]
    celsius: dict[str, float] = field(default_factory=dict[str, float])
    cores: tuple[Engine | None, ...] = ()
    """One a core; None for a core that is off: that is not a load of 0 %."""
    engines: dict[str, Engine] = field(default_factory=dict[str, Engine])
    ram_mb: tuple[int, int] | None = None
    """Used, of."""
    swap_mb: tuple[int, int] | None = None
    stamp: str | None = None
    """Its date and time, in the board's own zone, which the line does not tell."""


def parse(line: str) -> Line:
    """Return what a line of tegrastats says; ValueError when it is none. Boards without sensors have no rails.

    A line that was cut off is refused where that can be seen: a rail without its number, a bracket that is open.
    """
    text = line.strip()
    ram = _RAM.search(text)
    if ram is None:
        raise ValueError(f"no line of tegrastats: {text[:60]!r}")
    if (
        text.count("[") != text.count("]")
        or text.count("(") != text.count(")")
        or text.endswith(("/", "@", "m"))
        or _HALF_A_RAIL.search(text)
    ):
        raise ValueError(f"a line that is cut off: it ends in {text[-20:]!r}")
    rails = {found[1]: _rail(found) for found in _RAIL.finditer(_after_cores(text)) if _is_power(found)}
    swap, stamp, cpu = _SWAP.search(text), _STAMP.match(text), _CPU.search(text)
    return Line(
        rails=rails,
        celsius={n: float(c) for n, c in _TEMPERATURE.findall(text) if float(c) > _ABSENT_CELSIUS},
        cores=_cores(cpu) if cpu else (),
        engines={n: Engine(float(load), _first(mhz or of)) for n, load, mhz, of in _ENGINE.findall(text)},
        ram_mb=(int(ram[1]), int(ram[2])),
        swap_mb=(int(swap[1]), int(swap[2])) if swap else None,
        stamp=f"{stamp[1]} {stamp[2]}" if stamp else None,
    )


def _after_cores(text: str) -> str:
    """Return the part in which rails may stand: what comes before has numbers of other kinds."""
    cpu = _CPU.search(text)
    return text[cpu.end() :] if cpu else text


def _rail(found: re.Match[str]) -> Rail:
    return Rail(int(found[2]) / 1e3, None if found[4] is None else int(found[4]) / 1e3)


def _is_power(found: re.Match[str]) -> bool:
    return found[3] is not None or found[4] is not None or _RAIL_NAME.fullmatch(found[1]) is not None


def _cores(cpu: re.Match[str]) -> tuple[Engine | None, ...]:
    shared_mhz = _first(cpu[2] or "")
    cores: list[Engine | None] = []
    for said in cpu[1].split(","):
        found = _CORE.fullmatch(said.strip())
        if found is None:
            raise ValueError(f"no load of a core: {said!r}")
        cores.append(Engine(float(found[1]), _first(found[2] or "") or shared_mhz) if found[1] else None)
    return tuple(cores)


def _first(mhz: str) -> float | None:
    """Return the clock; of several (one a graphics cluster) the first."""
    return float(mhz.split(",")[0]) if mhz else None


def decode(text: str) -> Iterator[dict[str, Any]]:
    """Yield what each line of a capture says, as plain values; empty lines are skipped.

    Raises:
        ValueError: a line is no line of tegrastats; names it.
    """
    said = False
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            yield _plain(parse(line))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
        said = True
    if not said:
        raise ValueError("not one line of tegrastats")


def _plain(line: Line) -> dict[str, Any]:
    known: dict[str, Any] = {
        "rails": {n: {"watts": rail.watts, "watts_average": rail.watts_average} for n, rail in line.rails.items()},
        "celsius": line.celsius,
        "cores": [None if core is None else {"percent": core.percent, "mhz": core.mhz} for core in line.cores],
        "engines": {n: {"percent": engine.percent, "mhz": engine.mhz} for n, engine in line.engines.items()},
    }
    for name, memory in (("ram", line.ram_mb), ("swap", line.swap_mb)):
        if memory is not None:
            known[name] = {"used_mb": memory[0], "of_mb": memory[1]}
    if line.stamp is not None:
        known["stamp"] = datetime.strptime(line.stamp, "%m-%d-%Y %H:%M:%S").replace(tzinfo=UTC).isoformat()[:-6]
    return known
