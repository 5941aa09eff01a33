"""What a record says of the speed of its frames beside the figures, a sentence each: for terminals and pages alike."""

from collections.abc import Iterator

from farm.store.record import BoundFacts, Record, RunnerFacts
from farm.trial.amdahl import line


def speed(record: Record) -> Iterator[str]:
    """Yield what early stopping shows, what the runner itself takes, and what a faster stage would buy."""
    if not record.scenario.timed:
        return
    if (bound := record.latency.bound) is not None:
        yield _bound(bound, record.deadlines.deadline_ms)
    if record.runner is not None:
        yield from _runner(record.runner)
    if faster := line(record.latency.stages_mean_ms):
        yield faster


def _bound(bound: BoundFacts, deadline_ms: float | None) -> str:
    of = f"p{bound.percent:g} of {bound.queries:,} queries"
    if deadline_ms is not None:
        kept = f"{of}, {bound.over} of them over {deadline_ms:.4g} ms"
        if bound.missing:
            return f"{kept}: not shown to keep it; {bound.missing:,} more that do would show it with 99 % confidence"
        return f"{kept}: keeps it with 99 % confidence"
    if bound.at_most_ms is None:
        return f"{of}: too few for a bound; {bound.missing:,} more are needed"
    return f"{of}: at most {bound.at_most_ms:.4g} ms with 99 % confidence"


def _runner(runner: RunnerFacts) -> Iterator[str]:
    if runner.frame_us is not None:
        of = "" if runner.latency_us is None else f", {runner.latency_us:.3g} µs of it within the latency"
        yield f"the runner itself takes {runner.frame_us:.3g} µs of a frame{of}"
    if runner.link_away_s is not None:
        yield f"the link was away for {runner.link_away_s:.1f} s; what the run told meanwhile was fetched afterwards"
