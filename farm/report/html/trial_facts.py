"""What a section says below its figures: the board before and after, and all that it takes to do a trial again."""

from collections.abc import Mapping
from typing import Any

from farm.store.record import Record, StateFacts

from . import words
from .words import figure


def state_texts(state: StateFacts) -> dict[str, str]:
    """Return what a board said of itself, by what it is."""
    texts = {f"{sensor}, °C": f"{celsius:.1f}" for sensor, celsius in state.celsius.items()}
    if state.ambient_celsius is not None:
        texts["ambient, °C"] = f"{state.ambient_celsius:.1f}"
    texts |= {f"clock {name}": words.clock(hz) for name, hz in state.clock_hz.items()}
    plain: Mapping[str, object] = {
        "governor": state.governor,
        "power mode": state.power_mode,
        "throttled": None if state.throttled is None else "yes" if state.throttled else "no",
        "throttle detail": state.throttle_detail,
        "load, 1 min": state.load1,
        "other load": None if state.other_load is None else f"{state.other_load:.1%}".replace("%", " %"),
        "memory free": None if state.memory_free_bytes is None else words.size(state.memory_free_bytes),
        "disk free": None if state.disk_free_bytes is None else words.size(state.disk_free_bytes),
    }
    for one in state.accelerators:
        link = "" if one.link_mbps is None else f", {one.link_mbps} Mbit/s"
        texts[f"{one.kind} {one.serial_number or ''}".strip()] = f"port {one.port}{link}"
    return texts | {name: str(value) for name, value in plain.items() if value is not None}


def facts_of(record: Record) -> list[tuple[str, str]]:
    """Return names and values of what is known."""
    facts: list[tuple[str, object]] = [("record", record.id), ("run", record.run_id), ("lab", record.lab)]
    facts += [(f"board {name}".replace("_", " "), value) for name, value in _known(record.board).items()]
    facts += [(f"artifact {name}".replace("_", " "), value) for name, value in _known(record.artifact).items()]
    facts += [(f"data set {name}", value) for name, value in _known(record.dataset).items()]
    facts += [("lease (fencing token)", record.lease), ("warm-up frames", record.scenario.warmup_frames)]
    facts += _start(record)
    for power in record.power:
        who = " ".join(filter(None, (power.maker, power.instrument)))
        facts.append((f"meter {power.meter}", f"{who or power.driver}, driver {power.driver}, {power.made}"))
        facts.append((f"meter {power.meter}, serial number", power.serial_number))
        facts.append((f"meter {power.meter}, firmware", power.firmware))
        facts.append((f"meter {power.meter}, accuracy", power.accuracy_source))
        if power.calibration is not None and power.calibration.warning:
            facts.append((f"meter {power.meter}, calibration", power.calibration.warning))
        rate = f"{figure(power.rate_hz)} readings/s of {figure(power.nominal_rate_hz)}, aperture {power.aperture_s:g} s"
        facts.append((f"meter {power.meter}, sampling", rate))
        for burst in power.bursts:
            seen = f"{burst.lag_s * 1e3:+.0f} ms of ± {burst.allowed_s * 1e3:.0f} ms, {figure(burst.step_watts)} W"
            facts.append((f"meter {power.meter}, burst {burst.where} the frames", seen))
    clock = f"board to controller known to ± {record.clock.bound_ns / 1e3:.0f} µs"
    drift = "" if record.clock.drift_ppm is None else f", drift {record.clock.drift_ppm:+.1f} ppm"
    facts += [("clocks", clock + drift)]
    facts += [("controller", f"farm {record.host.farm_version}, Python {record.host.python}")]
    facts += [("controller late at most", f"{record.host.lateness_max_ms:.1f} ms")]
    return [(name, str(value)) for name, value in facts if value is not None]


def _start(record: Record) -> list[tuple[str, object]]:
    """Return how warm the trial began, where that was asked for."""
    if (start := record.start) is None:
        return []
    facts: list[tuple[str, object]] = []
    if start.wanted_celsius is not None:
        between = " to ".join(f"{celsius:g}" for celsius in start.wanted_celsius)
        told = f"{start.zone} {figure(start.celsius, 3)} °C, wanted {between} °C, waited {start.waited_s:.0f} s"
        facts.append(("start temperature", told))
    if start.rested_s is not None:
        facts.append(("soak", f"{start.soak_s:g} s of the model, {start.rested_s:.1f} s before the first frame"))
    return facts


def _known(part: Any) -> dict[str, object]:  # noqa: ANN401
    """Return a part's fields that are known."""
    return part.model_dump(exclude_none=True)
