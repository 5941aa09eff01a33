"""A board that only makes records: valid in every field, and only the joules differ from trial to trial."""

from datetime import UTC, datetime
from math import exp, log1p

import numpy as np

from farm.store.record import Record, Role
from farm.verdict.seats import CANDIDATE, Seat

from .noise import Noise

_BOARD_SIGMA = 0.02
"""Boards of one model differ by so much; it must not matter."""
_MOST = 200
"""Trials, void ones too, that a board may be asked for."""
_VOID = ["host: the controller was stopped for 3.0 s"]
_WATTS = 8.0


class Board:
    """One board with its own bias, its own noise, and a candidate that truly changes the joules."""

    def __init__(
        self, seat: Seat, change: float, noise: Noise, rng: np.random.Generator, *, void: float, lasting: float
    ) -> None:
        """Take what the candidate changes (0.03 is +3 %), how likely a trial is void, and what is new in each quad."""
        self._template = Record.model_validate(_record(seat))
        bias = _BOARD_SIGMA * rng.standard_normal()
        self._series = (bias + noise.series(rng, _MOST)).tolist()
        self._void = (rng.random(_MOST) < void).tolist()
        self._change = (log1p(change) + (lasting * rng.standard_normal(_MOST) if lasting else np.zeros(_MOST))).tolist()
        self._valid = 0
        self.records: list[Record] = []

    def run(self, role: Role) -> Record:
        """Run one trial and keep its record."""
        nth = len(self.records)
        joules = _WATTS / 20 * exp(self._series[nth] + (self._change[self._valid // 4] if role == CANDIDATE else 0.0))
        self._valid += not self._void[nth]
        power = self._template.power[0].model_copy(update={"joules_per_inference": joules})
        made = {"id": f"{nth:016x}", "role": role, "power": [power], "voids": _VOID if self._void[nth] else []}
        self.records.append(self._template.model_copy(update=made))
        return self.records[-1]


def _record(seat: Seat) -> dict[str, object]:
    state = {"celsius": {"soc": 45.0}, "throttled": False, "governor": "performance"}
    idle = {"watts": 7.0, "u_watts": 0.01}
    return {
        "id": "0" * 16,
        "started_utc": datetime(2026, 1, 1, tzinfo=UTC),
        "lab": "simulated",
        "board": {"name": seat.boards[0], "model": seat.model, "made": "process twin", "serial_number": "1"},
        "artifact": {
            "id": "a" * 64,
            "name": "simulated",
            "model": "LeNet-5",
            "runtime": "onnx",
            "precision": "int8",
            "size_bytes": 60_000,
        },
        "dataset": {"id": "d" * 64, "name": "digits-540", "images": 540},
        "scenario": {"name": "fixed rate", "rate_hz": 20.0, "duration_s": 8.0, "frames": 160, "warmup_frames": 5},
        "latency": {"p50_ms": 3.0, "p90_ms": 4.0, "p99_ms": 9.0, "max_ms": 12.0, "mean_ms": 3.2},
        "deadlines": {"deadline_ms": 50.0, "missed": 0, "fps": 20.0, "wake_lateness_max_ms": 0.2},
        "accuracy": {"correct": 526, "total": 540, "fraction": 526 / 540},
        "power": [
            {
                "meter": "supply-1",
                "driver": "n6705c",
                "rail": "19 V",
                "made": "process twin",
                "serial_number": "1",
                "accuracy_source": "data sheet",
                "nominal_rate_hz": 1000.0,
                "rate_hz": 1000.0,
                "aperture_s": 0.001,
                "readings": 8000,
                "lost": 0,
                "mean": {"watts": _WATTS, "u_watts": 0.03},
                "peak_watts": 9.0,
                "volts_mean": 19.0,
                "joules": 64.0,
                "u_joules": 0.24,
                "joules_mean_times_duration": 64.0,
                "joules_per_inference": _WATTS / 20,
                "u_joules_per_inference": 0.0015,
                "idle_before": idle,
                "idle_after": idle,
            }
        ],
        "supply_meter": "supply-1",
        "clock": {"offset_ns": 0, "bound_ns": 100_000},
        "state_before": state,
        "state_after": state,
        "host": {"farm_version": "0", "python": "3", "lateness_max_ms": 1.0},
    }
