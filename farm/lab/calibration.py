"""What an inventory says of its meters' calibration: into records, and whatever is wrong with it as a warning."""

from collections.abc import Iterable
from datetime import UTC, date, datetime

from power.calibrated import Correction

from ..store.record import CalibrationFacts, CorrectionFacts
from .inventory import Lab


def facts(lab: Lab, meter: str, today: date | None = None) -> CalibrationFacts | None:
    """Return how a meter's readings are corrected today, and what is to be said against it.

    Returns:
        None for a meter without a calibration, of which none is demanded.
    """
    calibration, why = lab.meters[meter].calibration, _warning(lab, meter, today)
    if calibration is None:
        return None if why is None else CalibrationFacts(warning=why)
    return CalibrationFacts(
        date=calibration.date.isoformat(),
        valid_until=calibration.valid_until.isoformat(),
        certificate=calibration.certificate or None,
        volts=_facts(calibration.volts),
        amps=_facts(calibration.amps),
        watts=_facts(calibration.watts),
        warning=why,
    )


def warnings(lab: Lab, meters: Iterable[str] | None = None) -> list[str]:
    """Return what is to be said against the calibration of these meters, or of all; the meter's name first."""
    found = ((name, _warning(lab, name, None)) for name in (lab.meters if meters is None else meters))
    return [f"{name}: {why}" for name, why in found if why is not None]


def _facts(correction: Correction | None) -> CorrectionFacts | None:
    return None if correction is None else CorrectionFacts(**correction.model_dump())


def _warning(lab: Lab, meter: str, today: date | None) -> str | None:
    calibration = lab.meters[meter].calibration
    if calibration is None:
        remedy = "have it calibrated, and write `calibration:` into its entry"
        return f"has no calibration, and this lab demands one; {remedy}" if lab.calibration_required else None
    if calibration.expired(today or datetime.now(UTC).date()):
        return f"its calibration of {calibration.date} has expired on {calibration.valid_until}; have it calibrated"
    return None
