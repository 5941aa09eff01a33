"""What a prediction says of itself, in a few lines."""

from farm.store.record import Record


def lines(record: Record) -> list[str]:
    """Return what was held to which limits, and by what; nothing of a record that is no prediction."""
    if (facts := record.prediction) is None:
        return []
    host = facts.host
    clock = f"{facts.share:.1%} of a core's time"
    if facts.clock_hz is not None and host.clock_hz is not None:
        clock = f"{facts.clock_hz / 1e9:.2f} GHz, {facts.share:.1%} of {host.clock_hz / 1e9:.2f} GHz here"
    cores = (
        f"{facts.cores} cores" if facts.cores == facts.board_cores else f"{facts.cores} of {facts.board_cores} cores"
    )
    memory = f"{facts.memory_bytes / 2**30:.4g} GiB"
    used = "" if facts.memory_peak_bytes is None else f" ({facts.memory_peak_bytes / 2**20:.0f} MiB used)"
    found = [
        f"PREDICTION for {record.board.model}: {clock}; {cores}; {memory}{used}",
        f"on {host.name}, by {facts.mechanism}",
    ]
    if facts.timing == "computed" and (ran := facts.as_it_ran) is not None:
        found.append(
            "latencies computed from each frame's processor time; under the quota itself it ran at "
            f"{ran.fps:.4g} fps, p50 {ran.p50_ms:.4g} ms, p99 {ran.p99_ms:.4g} ms"
        )
    elif facts.timing == "computed":
        found.append("latencies computed from each frame's processor time")
    else:
        found.append("latencies as they were under the quota")
    return [*found, "watts: none; power is measured on a board, or it is an estimate"]
