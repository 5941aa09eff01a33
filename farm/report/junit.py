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
            at + "kind": power.kind,
            at + "within": power.within,
            at + "how": power.how,
            at + "mean_watts": power.mean.watts,
            at + "mean_watts_u": power.mean.u_watts,
            at + "peak_watts": power.peak_watts,
            at + "peak_watts_u": power.u_peak_watts,
            at + "p99_watts": power.p99.watts if power.p99 else None,
            at + "p99_watts_u": power.p99.u_watts if power.p99 else None,
            at + "short_term_watts": power.short_term.watts if power.short_term else None,
            at + "short_term_watts_u": power.short_term.u_watts if power.short_term else None,
            at + "short_term_s": power.short_term.over_s if power.short_term else None,
            at + "joules": power.joules,
            at + "joules_u": power.u_joules,
            at + "joules_per_inference": power.joules_per_inference,
            at + "joules_per_inference_u": power.u_joules_per_inference,
            at + "joules_per_inference_above_idle": power.joules_per_inference_above_idle,
            at + "joules_per_inference_above_idle_u": power.u_joules_per_inference_above_idle,
            at + "idle_watts_before": power.idle_before.watts if power.idle_before else None,
            at + "idle_watts_after": power.idle_after.watts if power.idle_after else None,
        }
        for part in power.parts:
            figures |= {
                f"{at}{part.name}.joules": part.joules,
                f"{at}{part.name}.joules_u": part.u_joules,
                f"{at}{part.name}.joules_above_idle": part.joules_above_idle,
            }
    return [(f"farm.{name}", _text(value)) for name, value in figures.items() if value is not None]


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
