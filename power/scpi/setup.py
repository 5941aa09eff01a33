"""Settings that an instrument has taken, or a fault that says which it has not."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from ..errors import FrameError, InstrumentFault, MeterOffline
from ..polling import again
from .number import number
from .port import ScpiPort

T = TypeVar("T")

_SAME = 1e-3
"""Relative; instruments tell their settings in four digits at least."""
_CONFIRM_S = 1.0
"""How long an instrument may take to tell a setting. Assumed; the slowest that is documented takes 0.5 s (WT310E)."""


def set_up(port: ScpiPort, commands: Iterable[str], kept: Mapping[str, float], *, hint: str) -> None:
    """Send settings; return once the instrument has refused none and tells those that decide about the numbers.

    Where an answer got lost everything is sent again: what stood in the error queue may have been in it.

    Args:
        port: the open link.
        commands: the settings.
        kept: questions, and what the instrument must answer to them.
        hint: where to look when a setting was not kept.

    Raises:
        InstrumentFault: the instrument refuses a setting, or does not keep it.
    """
    settings = list(commands)

    def send() -> None:
        port.errors()  # what an earlier user left behind is not ours
        for command in settings:
            port.write(command)
        port.refuse_errors()

    again(send)
    for question, wanted in kept.items():
        found = again(lambda asked=question: port.query_number(asked))
        if not math.isclose(found, wanted, rel_tol=_SAME):
            raise InstrumentFault(port.name, f"{question} answers {found:g} after {wanted:g} was set", hint=hint)


def settle(
    port: ScpiPort,
    *,
    wanted: Iterable[str],
    deciding: Iterable[str] = (),
    refining: Iterable[str] = (),
    then: Iterable[str] = (),
    kept: Mapping[str, float | str] | None = None,
    errors: str = "SYST:ERR?",
    hint: str,
) -> list[str]:
    """Send settings; return the questions about them that the instrument left unanswered.

    An instrument that refuses what is merely wanted (an older firmware may not know it) still measures. One that
    refuses what decides about the numbers, or tells another value, does not.

    Args:
        port: the open link.
        wanted: settings that make readings better or quicker, and nothing else.
        deciding: settings without which a number would mean something else.
        refining: settings of how right the numbers are, sent after those: who does not know the command has nothing to
            set there, and is read; any other refusal is one.
        then: as ``wanted``, sent after them: for what they reset.
        kept: questions, and what the instrument must answer: a number, or a word that the answer must contain.
        errors: how its error queue is asked.
        hint: where to look when a setting was not kept.

    Raises:
        InstrumentFault: a deciding setting was refused, or not kept.
        MeterOffline: the link is broken.
    """
    silent: list[str] = []
    for command in wanted:
        port.write(command)
    settings, finer = list(deciding), list(refining)
    before = _quietly(lambda: port.errors(errors, timeout_s=_CONFIRM_S)) if settings or finer else []

    def reported(commands: list[str]) -> list[str] | None:
        for command in commands:
            port.write(command)
        if before is None:
            return None
        return _quietly(lambda: port.errors(errors, timeout_s=_CONFIRM_S)) if commands else []

    found = reported(settings)
    lacks = reported(finer) if not found else []
    if refused := [*(found or []), *(one for one in lacks or [] if not _UNDEFINED.match(one))]:
        to = refused_of(port, settings if found else finer, errors)
        raise InstrumentFault(port.name, f"the instrument reports {'; '.join(refused)} to {to}", hint=hint)
    if found is None or lacks is None:
        silent.append(errors)
    elif lacks:
        silent.append(" ".join(finer))
    for command in then:
        port.write(command)
    for question, value in (kept or {}).items():
        if len(silent) >= SILENT or not _is_kept(port, question, value, hint):
            silent.append(question)
    return silent


def refused_of(port: ScpiPort, commands: Sequence[str], errors: str = "SYST:ERR?") -> str:
    """Return which of these commands the instrument refuses, sending each by itself; all where it does not say."""
    if len(commands) > 1:
        for command in commands:
            port.write(command)
            if _quietly(lambda: port.errors(errors, timeout_s=_CONFIRM_S)):
                return f"`{command}`"
    return " or ".join(f"`{command}`" for command in commands)


_UNDEFINED = re.compile(r"-113\b")
"""What SCPI calls a command that it does not know."""


def knows_not(fault: InstrumentFault) -> bool:
    """Tell whether a setting was refused because the instrument does not know the command: another word may do."""
    return _UNDEFINED.search(str(fault)) is not None


_SWITCHED = {"ON": "1", "OFF": "0"}
_WORD = re.compile(r"[\"'\s:]*(?!ERR|UNDEF|COMM|OK\b)[A-Z]")
"""What begins as a name does; an error message in its place confirms nothing."""
SILENT = 2
"""An instrument that left so many questions unanswered is asked no more of them: opening it must end."""


def _is_kept(port: ScpiPort, question: str, wanted: float | str, hint: str) -> bool:
    """Return whether the instrument confirms a setting; False when it does not say."""
    answer = _quietly(lambda: port.query(question, timeout_s=_CONFIRM_S))
    if not answer:
        return False
    if isinstance(wanted, str):
        if not _WORD.match(answer.upper()):
            port.mistrust()
            return False
        same = wanted.upper() in answer.upper()
    else:
        try:
            answered = _SWITCHED.get(answer.upper().rpartition(" ")[2], answer)
            same = math.isclose(number(answered), wanted, rel_tol=_SAME, abs_tol=1e-12)
        except ValueError:
            port.mistrust()
            return False
    if not same:
        raise InstrumentFault(port.name, f"{question} answers {answer[:60]!r} after {wanted} was set", hint=hint)
    return True


def told(port: ScpiPort, question: str) -> float | None:
    """Return a setting as the instrument tells it; None where it does not tell a number.

    Raises:
        MeterOffline: the link is broken.
    """
    found = _quietly(lambda: port.query_number(question, timeout_s=_CONFIRM_S))
    return found if found is not None and math.isfinite(found) else None


def asked(port: ScpiPort, question: str, *, tries: int = 2) -> str | None:
    """Return an answer that the instrument may leave out; None where it does, each time.

    Raises:
        MeterOffline: the link is broken.
    """
    return _quietly(lambda: port.query(question, timeout_s=_CONFIRM_S), tries)


def _quietly(ask: Callable[[], T], tries: int = 2) -> T | None:
    """Ask what need not be answered; None when it never was. Raises MeterOffline when the link itself is broken."""
    for _ in range(tries):
        try:
            return ask()
        except (MeterOffline, FrameError) as error:
            if isinstance(error.__cause__, OSError):
                raise
    return None
