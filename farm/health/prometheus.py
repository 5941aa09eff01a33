"""The boards' health in Prometheus' text format. What is not known is not there: never 0."""

import os
import tempfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from ..errors import LabFault, UsageFault
from .board_health import BoardHealth, State

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_PUBLIC = 0o644
"""The node exporter is another user."""


def text(found: Iterable[BoardHealth]) -> str:
    """Return what looks found.

    Raises:
        UsageFault: the extra is not installed.
    """
    try:
        from prometheus_client import CollectorRegistry, generate_latest
    except ImportError as error:
        raise UsageFault("--prometheus needs prometheus-client: pip install 'edge-test-farm[metrics]'") from error
    registry = CollectorRegistry()
    _Figures(registry).add(list(found))
    return generate_latest(registry).decode()


def write(path: Path, content: str) -> None:
    """Replace a file at once, for the node exporter's textfile collector: whoever reads sees the old or the new one.

    Raises:
        LabFault: it cannot be written.
    """
    try:
        descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(content)
            Path(beside).chmod(_PUBLIC)
            Path(beside).replace(path)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
    except OSError as error:
        hint = "is the disk full, the folder there and writable?"
        raise LabFault(str(path), f"cannot be written: {error.strerror}", hint=hint) from error


class _Figures:
    """Every figure there is, with its labels."""

    def __init__(self, registry: "CollectorRegistry") -> None:
        from prometheus_client import Gauge

        def gauge(name: str, what: str, *labels: str) -> Gauge:
            return Gauge(f"farm_{name}", what, ("board", *labels), registry=registry)

        self._board = {
            "powered": gauge("board_powered", "1: its switch says on; 0: off, and nothing gives it the lie."),
            "up": gauge("board_up", "1: it takes commands over SSH."),
            "throttled": gauge("board_throttled", "1: it holds itself back."),
            "load1": gauge("board_load1", "Load average over a minute."),
            "memory_free_bytes": gauge("board_memory_free_bytes", "Memory that programs can still have."),
            "disk_free_bytes": gauge("board_disk_free_bytes", "Free space of its root file system."),
            "clock_off_s": gauge("board_clock_off_seconds", "Its date minus the controller's."),
            "looked_s": gauge("board_look_seconds", "How long the look took."),
        }
        self._info = gauge("board_info", "Always 1: what the board is.", "model", "made", "serial_number", "os")
        self._state = gauge("board_state", "1 for the state that the board is in.", "state")
        self._faults = gauge("board_faults", "Components with a fault; absent where nobody could look.")
        self._quarantined = gauge("board_quarantined", "1: nobody gets it before it passes a health check.")
        self._celsius = gauge("board_celsius", "Temperature by sensor.", "sensor")
        self._volts = gauge("meter_volts", "What a meter on the board's supply reads.", "meter")
        self._watts = gauge("meter_watts", "What a meter on the board's supply reads.", "meter")
        self._trial = gauge("board_last_trial_timestamp_seconds", "When its last trial began.", "outcome")

    def add(self, found: list[BoardHealth]) -> None:
        """Enter what is known of each board."""
        for one in found:
            for name, gauge in self._board.items():
                if (value := getattr(one, name)) is not None:
                    gauge.labels(one.board).set(float(value))
            self._info.labels(one.board, one.model, one.made, one.serial_number or "", one.os or "").set(1)
            for state in get_args(State):
                self._state.labels(one.board, state).set(state == one.state)
            if one.in_use is None:
                self._faults.labels(one.board).set(len(one.faults))
            self._quarantined.labels(one.board).set(one.quarantine is not None)
            for sensor, celsius in one.celsius.items():
                self._celsius.labels(one.board, sensor).set(celsius)
            for gauge, values in ((self._volts, one.volts), (self._watts, one.watts)):
                for meter, value in values.items():
                    if value is not None:
                        gauge.labels(one.board, meter).set(value)
            if one.last is not None:
                began = datetime.fromisoformat(one.last.started_utc).timestamp()
                self._trial.labels(one.board, one.last.outcome or "not judged").set(began)
