"""Settings that an instrument has taken, or a fault that says which it has not."""

import math
from collections.abc import Iterable, Mapping

from ..errors import InstrumentFault
from ..polling import again
from .port import ScpiPort

_SAME = 1e-3
"""Relative; instruments tell their settings in four digits at least."""


def set_up(
    port: ScpiPort, commands: Iterable[str], kept: Mapping[str, float], *, errors: str = "SYST:ERR?", hint: str
) -> None:
    """Send settings; return once the instrument has refused none and tells those that decide about the numbers.

    Where an answer got lost everything is sent again: what stood in the error queue may have been in it.

    Args:
        port: the open link.
        commands: the settings.
        kept: questions, and what the instrument must answer to them.
        errors: how its error queue is asked.
        hint: where to look when a setting was not kept.

    Raises:
        InstrumentFault: the instrument refuses a setting, or does not keep it.
    """
    settings = list(commands)

    def send() -> None:
        port.errors(errors)  # what an earlier user left behind is not ours
        for command in settings:
            port.write(command)
        port.refuse_errors(errors)

    again(send)
    for question, wanted in kept.items():
        (found,) = again(lambda asked=question: port.query_numbers(asked))
        if not math.isclose(found, wanted, rel_tol=_SAME):
            raise InstrumentFault(port.name, f"{question} answers {found:g} after {wanted:g} was set", hint=hint)
