"""Who answers at a SCPI link, held against who is expected."""

import re

from ..errors import FrameError, WrongInstrument
from ..meter import Identity
from ..polling import again
from .number import number
from .port import BLANKS, LINK_HINT, ScpiPort

_WRONG_HINT = "compare the address in the inventory with the one on the instrument's display"


def identify(port: ScpiPort, *, maker: str, models: tuple[str, ...], serial_number: str | None = None) -> Identity:
    """Ask ``*IDN?`` and hold the answer against what is expected.

    Args:
        port: the open link.
        maker: what the first field begins with, in any case.
        models: what the second field may begin with; empty when any will do.
        serial_number: what the third field must be; None when the inventory does not say.

    Raises:
        WrongInstrument: something else answers there.
    """
    found, answer = _introduced(port)
    wrong = not _is_one_of(found, maker, models)
    if wrong:  # a greeting, or the answer to an earlier user's question
        port.mistrust()
        found, answer = _introduced(port)
        wrong = not _is_one_of(found, maker, models)
    if wrong:
        wanted = f"{maker} {' or '.join(models)}".strip()
        raise WrongInstrument(port.name, f"{answer!r} answers, not a {wanted}", hint=_WRONG_HINT)
    port.recognise(answer)
    if serial_number is not None and found.serial_number != serial_number:
        raise WrongInstrument(
            port.name, f"serial number {found.serial_number} answers, not {serial_number}", hint=_WRONG_HINT
        )
    return found


def _introduced(port: ScpiPort) -> tuple[Identity, str]:
    """Return who answers, and the answer."""
    answer = again(lambda: _ask_identity(port))
    fields = [field.strip(" \"'") for field in answer.split(",")] + [""] * 4
    model = re.sub(r"(?i)^model\s+", "", fields[1])  # Keithley: "MODEL DMM6500"
    return Identity(fields[0], model, *fields[2:4]), answer


def _is_one_of(found: Identity, maker: str, models: tuple[str, ...]) -> bool:
    return found.maker.upper().startswith(maker.upper()) and found.model.upper().startswith(models or ("",))


def _ask_identity(port: ScpiPort) -> str:
    """Ask who is there; what consists of numbers answers another question."""
    answer = port.query("*IDN?")
    try:
        told = [number(field) for field in re.split("[,;]", answer) if field.strip(BLANKS)]
    except ValueError:
        return answer
    if told:
        raise FrameError(port.name, f"*IDN?: {answer[:60]!r} names nobody", hint=LINK_HINT)
    return answer
