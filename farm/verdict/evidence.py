"""What a policy wants recorded. What is not there is no verdict: it is never taken for good."""

from collections.abc import Callable, Sequence

from ..store.record import Record
from ..store.run import EvidenceCheck
from .policy import Evidence, Policy
from .seats import Seat
from .trials import Trials

_WATCHED = 0.9
"""Share of the frames' time (assumed), as a trial wants of a demand."""


def check_evidence(policy: Policy, seat: Seat, trials: Trials) -> list[EvidenceCheck]:
    """Return a check for everything that the policy wants, over all valid records of one board."""
    board, records = trials.board, trials.valid
    wanted = {what: CHECKS[what] for what in dict.fromkeys(policy.evidence)}
    checks = [_check(what, board, records, missing) for what, missing in wanted.items()]
    if not policy.accept_twins:
        checks.append(_check("real board", board, records, _twin))
    if any(_prediction(record) for record in records):
        checks.append(_check("a measurement", board, records, _prediction))
    if policy.compares and not seat.compares:
        detail = "none was given, and the policy calls it optional: no limit against a baseline was looked at"
        checks.append(EvidenceCheck(what="baseline", board=board, held=True, detail=detail))
    return checks


def _check(what: str, board: str, records: Sequence[Record], missing: Callable[[Record], str]) -> EvidenceCheck:
    found = [(record.id, detail) for record in records if (detail := missing(record))]
    if not records:
        return EvidenceCheck(what=what, board=board, held=False, detail="no valid trial holds any")
    if not found:
        return EvidenceCheck(what=what, board=board, held=True)
    record_id, detail = found[0]
    text = f"{detail} (record {record_id[:8]}; {len(found)} of {len(records)} trials)"
    return EvidenceCheck(what=what, board=board, held=False, detail=text)


def _twin(record: Record) -> str:
    if record.made == "board":
        return ""
    return f"a {record.made}'s record passes no gate; only `accept_twins: true` in the policy lets it"


def _prediction(record: Record) -> str:
    """No policy can accept one."""
    return "a prediction is no evidence: nothing was measured on a board, or on a twin" if is_prediction(record) else ""


def is_prediction(record: Record) -> bool:
    """Tell whether no board, nor a twin of one, has run it."""
    return record.prediction is not None or record.made == "prediction"


def _measured_watts(record: Record) -> str:
    supply = record.supply
    if supply is None:
        return f"{record.supply_meter or 'no meter'} measured the supply too little"
    return "" if supply.how == "measured" else f"{supply.meter} estimates"


def _idle(record: Record) -> str:
    supply = record.supply
    if supply is None:
        return "no meter measured the supply"
    absent = [when for when in ("before", "after") if getattr(supply, f"idle_{when}") is None]
    return f"{supply.meter} read no idle watts {' and '.join(absent)}" if absent else ""


def _not_throttled(record: Record) -> str:
    for when, state in (("before", record.state_before), ("after", record.state_after)):
        if state.throttled is None:
            return f"the board did not tell whether it throttled, {when} the trial"
        if state.throttled:
            return f"it throttled {when} the trial: {state.throttle_detail or 'the board says so'}"
    return ""


def _settings(record: Record) -> str:
    told = [
        name
        for name in ("governor", "power_mode")
        if None not in (getattr(record.state_before, name), getattr(record.state_after, name))
    ]
    return "" if told else "neither governor nor power mode is recorded before and after"


def _watched(record: Record) -> str:
    if (during := record.state_during) is None:
        return "the board's state was not watched while frames ran"
    if during.watched < _WATCHED:
        return f"the board's state was watched for {during.watched:.0%} of the frames only".replace("%", " %")
    return ""


def _temperature(record: Record) -> str:
    return "" if record.state_before.celsius and record.state_after.celsius else "no temperature before and after"


def _boot(record: Record) -> str:
    return "" if record.boot else "no boot was watched: the board was up already"


def _accuracy(record: Record) -> str:
    if record.accuracy is None:
        return "no prediction was compared with a label"
    total, images = record.accuracy.total, record.dataset.images
    return "" if total == images else f"only {total} of the data set's {images} images were predicted"


def _meter_serial_number(record: Record) -> str:
    supply = record.supply
    if supply is None:
        return "no meter measured the supply"
    return "" if supply.serial_number else f"{supply.meter} tells no serial number"


CHECKS: dict[Evidence, Callable[[Record], str]] = {
    "measured watts": _measured_watts,
    "idle": _idle,
    "not throttled": _not_throttled,
    "settings": _settings,
    "watched": _watched,
    "temperature": _temperature,
    "boot": _boot,
    "accuracy": _accuracy,
    "meter serial number": _meter_serial_number,
}
"""Evidence → what a record lacks of it, in words; empty when it is there."""
