"""What a reader should know of the limits of error that stand behind a record's watts."""

from collections.abc import Iterator, Sequence

from ..store.record import CorrectionFacts, PowerFacts

_CELSIUS = (18.0, 28.0)
"""Where makers' one-year limits hold: 23 ± 5 °C, in every data sheet that the drivers name."""


def limits(power: Sequence[PowerFacts], ambient_celsius: Sequence[float | None]) -> Iterator[str]:
    """Yield what is to be said against limits of error: none of it is in the stated uncertainty.

    Args:
        power: each meter's.
        ambient_celsius: the air's, before and after; None where it was not measured.
    """
    measured = [facts for facts in power if facts.how == "measured"]
    for facts in measured:
        if facts.accuracy_assumed and not _certified(facts):
            yield f"limits: {facts.meter}: its limits of error are assumed, so is ±: {facts.accuracy_source}"
    known = [celsius for celsius in ambient_celsius if celsius is not None]
    low, high = _CELSIUS
    if measured and known and not low <= min(known) <= max(known) <= high:
        far = min(known) if min(known) < low else max(known)
        yield (
            f"limits: the air is at {far:.1f} °C; limits of error are stated for {low:.0f} to {high:.0f} °C, and what "
            "meters drift beyond is not in ±"
        )


def _certified(facts: PowerFacts) -> bool:
    """Whether a certificate tells all that the maker's limits would."""
    if (by := facts.calibration) is None:
        return False
    return _whole(by.watts) or (_whole(by.volts) and _whole(by.amps))


def _whole(by: CorrectionFacts | None) -> bool:
    return by is not None and by.u_gain is not None and by.u_offset is not None
