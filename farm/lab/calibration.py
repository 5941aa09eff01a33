"""What an inventory says of its meters' calibration: into records, and whatever is wrong with it as a warning."""

from collections.abc import Iterable
from datetime import UTC, date, datetime

from power.calibrated import Correction

from ..store.record import CalibrationFacts, CorrectionFacts
from .inventory import Lab
from .paired import with_volts


def facts(lab: Lab, meter: str, today: date | None = None) -> CalibrationFacts | None:
    """Return how a meter's readings are corrected today, and what is to be said against it.

    Returns:
        None for a meter without a calibration, of which none is demanded.
    """
    own, beside = _facts_of(lab, meter, today), lab.meters[meter].volts_from
    told = None if beside is None else _facts_of(lab, beside, today)
    return own if beside is None or told is None else _both(own or CalibrationFacts(), told, beside)


def _both(amps: CalibrationFacts, volts: CalibrationFacts, beside: str) -> CalibrationFacts:
    """Return what holds for watts of two instruments: they are good until the first of two certificates ends."""
    warnings = [amps.warning, None if volts.warning is None else f"{beside}, which tells its volts: {volts.warning}"]
    return CalibrationFacts(
        date=min(filter(None, (amps.date, volts.date)), default=None),
        valid_until=min(filter(None, (amps.valid_until, volts.valid_until)), default=None),
        certificate="; ".join(filter(None, (amps.certificate, volts.certificate))) or None,
        volts=volts.volts,
        amps=amps.amps,
        warning="; ".join(filter(None, warnings)) or None,
    )


def _facts_of(lab: Lab, meter: str, today: date | None) -> CalibrationFacts | None:
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
    names = lab.meters if meters is None else with_volts(lab, meters)
    found = ((name, _warning(lab, name, None)) for name in names)
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
