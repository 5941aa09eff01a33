"""How warm a trial begins: the model runs beforehand, the board cools, and who waits too long says for what."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from devices.board import plausible

from ..artifact.deploy import Deployment
from ..errors import LabFault
from ..lab.bench import Bench
from ..store.record import StartFacts
from .remote import run_on_board
from .scenario import Scenario, soaking
from .signs import Signs
from .state.demands import NotAsDemanded

_LOOK_EVERY_S = 5.0
"""Boards take minutes to cool; a look costs a command."""
_AMBIENT_S = 10.0
"""For the ambient sensor's command, assumed: a 1-wire sensor converts for 0.75 s."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What was done before a trial."""

    facts: StartFacts
    soaked_ns: int | None
    """When the model had run beforehand, on the controller's monotonic clock; None where it did not."""

    def until(self, first_ns: int) -> StartFacts:
        """Return it with how long the board rested until the first frame."""
        rested_s = None if self.soaked_ns is None else (first_ns - self.soaked_ns) / 1e9
        return self.facts.model_copy(update={"rested_s": rested_s})


def settle(
    bench: Bench,
    deployment: Deployment,
    scenario: Scenario,
    progress: Callable[[str], None],
    heed: Callable[[], object] = lambda: None,
) -> Settled | None:
    """Bring the board to the temperature that the scenario wants; None where it wants nothing.

    ``heed`` is called while the model runs; what it raises ends that.

    Raises:
        NotAsDemanded: it is too cold, or tells no temperature.
        LabFault: it stays too warm.
        devices.errors.DeviceError: the board or its link.
    """
    if scenario.start_celsius is None and not scenario.soak_s:
        return None
    soaked_ns = None
    if scenario.soak_s:
        progress(f"the model runs for {scenario.soak_s:g} s, to warm the board")
        run_on_board(
            bench.shell,
            deployment,
            soaking(scenario),
            quiet_s=0.0,
            progress=lambda _: None,
            watch=heed,
            signs=Signs.of(bench, bench.board.boot_id()),
        )
        soaked_ns = time.monotonic_ns()
    facts = StartFacts(soak_s=scenario.soak_s)
    if scenario.start_celsius is not None:
        facts = _wait(bench, scenario, scenario.start_celsius, progress).model_copy(update={"soak_s": scenario.soak_s})
    return Settled(facts, soaked_ns)


def _wait(bench: Bench, scenario: Scenario, wanted: tuple[float, float], progress: Callable[[str], None]) -> StartFacts:
    """Look again and again until the temperature is right."""
    (least, most), begun_ns = wanted, time.monotonic_ns()
    while True:
        zone, celsius = _zone(bench.name, bench.board.state().celsius, scenario.start_zone)
        waited_s = (time.monotonic_ns() - begun_ns) / 1e9
        if least <= celsius <= most:
            return StartFacts(zone=zone, celsius=celsius, wanted_celsius=wanted, waited_s=waited_s)
        is_at = f"{zone} is at {celsius:.1f} °C"
        if celsius < least:
            hint = f"let the model run longer beforehand: soak_s is {scenario.soak_s:g}"
            raise NotAsDemanded(bench.name, f"{is_at}, and a trial begins at {least:g} °C at least", hint=hint)
        left_s = scenario.start_timeout_s - waited_s
        if left_s <= 0:
            what = f"{is_at} after {waited_s:.0f} s, and a trial begins at {most:g} °C at most"
            hint = "look at its fan and at the air around it; start_timeout_s says how long to wait"
            raise LabFault(bench.name, what, hint=hint)
        progress(f"{is_at}: waits for {most:g} °C, {left_s:.0f} s at most")
        time.sleep(min(_LOOK_EVERY_S, left_s))


def _zone(board: str, told: Mapping[str, float], wanted: str | None) -> tuple[str, float]:
    """Return the sensor that counts, and what it tells."""
    if not told:
        raise NotAsDemanded(board, "tells no temperature", hint="leave start_celsius out for this model")
    zone = wanted or max(told, key=lambda name: told[name])
    if zone not in told:
        raise NotAsDemanded(board, f"tells nothing of {zone!r}", hint=f"start_zone is one of {', '.join(told)}")
    return zone, told[zone]


def ambient(bench: Bench) -> float | None:
    """Return the temperature of the air, °C, by the inventory's command; None where it names none.

    Raises:
        LabFault: what it says is no temperature: a sensor that is named must be there.
        devices.errors.DeviceError: the command fails.
    """
    command = bench.entry.ambient
    if command is None:
        return None
    said = bench.shell.run(command, timeout_s=_AMBIENT_S).text.strip()
    try:
        celsius = float(said)
    except ValueError:
        celsius = float("nan")
    if not plausible(celsius):
        hint = f"run `{command}` there; boards.{bench.name}.ambient must print °C"
        raise LabFault(bench.name, f"its ambient sensor says {said[:80]!r}, which is no temperature", hint=hint)
    return celsius
