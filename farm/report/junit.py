"""A trial as JUnit properties: names carry the unit, absent figures are left out."""

from farm.store.record import Record


def properties(record: Record) -> list[tuple[str, str]]:
    """Return (name, value) pairs for the ``<properties>`` of a test case."""
    figures: dict[str, object] = {
        "record": record.id,
        "board": record.board.name,
        "board_model": record.board.model,
        "board_serial_number": record.board.serial_number,
        "made": record.made,
        "artifact": record.artifact.id,
        "artifact_name": record.artifact.name,
        "dataset": record.dataset.id,
        "scenario": record.scenario.name,
        "rate_hz": record.scenario.rate_hz,
        "frames": record.scenario.frames,
        "fps": record.deadlines.fps,
        "latency_p50_ms": record.latency.p50_ms,
        "latency_p99_ms": record.latency.p99_ms,
        "missed_deadlines": record.deadlines.missed,
    }
    if record.accuracy and record.accuracy.total == record.dataset.images:  # a part of it is no accuracy
        figures |= {"accuracy": record.accuracy.fraction, "accuracy_loss": record.accuracy.loss}
    for power in record.power:
        at = f"meter.{power.meter}."
        figures |= {
            at + "rail": power.rail,
            at + "mean_watts": power.mean.watts,
            at + "mean_watts_u": power.mean.u_watts,
            at + "peak_watts": power.peak_watts,
            at + "joules": power.joules,
            at + "joules_u": power.u_joules,
            at + "joules_per_inference": power.joules_per_inference,
            at + "joules_per_inference_u": power.u_joules_per_inference,
            at + "joules_per_inference_above_idle": power.joules_per_inference_above_idle,
            at + "idle_watts_before": power.idle_before.watts if power.idle_before else None,
            at + "idle_watts_after": power.idle_after.watts if power.idle_after else None,
        }
    return [(f"farm.{name}", _text(value)) for name, value in figures.items() if value is not None]


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
