"""``farm results show RECORD --budget``: what makes a record's joules uncertain."""

from typing import TYPE_CHECKING

from ..errors import UsageFault
from .output import say, table

if TYPE_CHECKING:
    from ..store.record import PowerFacts, Record

_MEANING = {
    "volts gain": "limit of error of the volts, share of the reading",
    "volts range": "limit of error of the volts, share of the range, and digits",
    "amps gain": "limit of error of the amps, share of the reading",
    "amps range": "limit of error of the amps, share of the range, and digits",
    "watts gain": "limit of error of the watts, share of the reading",
    "watts range": "limit of error of the watts, share of the range",
    "pairing": "volts and amps were not read at the same moments",
    "sampling": "what happened between the readings",
    "stamps": "when each reading was taken",
    "edges": "begin and end of the window, smeared over a reading",
    "clock": "board's clock against the meter's",
    "rhythm": "readings keep step with the frames",
    "unseen": "readings that are missing or came late",
}


def show(record: "Record") -> None:
    """Print each meter's budget, the largest term first.

    Raises:
        UsageFault: the record holds none.
    """
    told = [power for power in record.power if power.budget]
    if not told:
        why = "a prediction states no watts" if record.prediction else "a newer trial does"
        raise UsageFault(f"record {record.id}: holds no budget; {why}")
    for power in told:
        _say(power)


def _say(power: "PowerFacts") -> None:
    from power.budget import Term

    terms = sorted((Term(**part.model_dump()) for part in power.budget), key=lambda term: -term.u_joules)
    variance = sum(term.u_joules**2 for term in terms) or 1.0
    relative = f"{power.u_joules / abs(power.joules):.2%}" if power.joules else "of nothing"
    say(f"{power.meter} ({power.made}), {power.rail}: {power.joules:.4g} J ± {power.u_joules:.2g} J (95 %), {relative}")
    rows = [
        (term.name, _MEANING.get(term.name), term.shape, f"{term.u_joules:.2g} J", f"{term.u_joules**2 / variance:.0%}")
        for term in terms
    ]
    table(("term", "what it is", "taken as", "standard uncertainty", "of the variance"), rows)
    say(f"limits of error: {power.accuracy_source}")
