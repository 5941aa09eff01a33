"""How families of SCPI supplies are told what to put out and what to protect; a new family is one row here.

``{ch}`` stands for the channel, ``{x}`` for the value. None of the rows was yet tried on a unit here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

STATES = {"0": False, "1": True, "OFF": False, "ON": True}
"""What an output or a protection answers."""


def bits(names: Mapping[int, str]) -> Callable[[str], list[str]]:
    """Read a status register: the names of the bits that are set; ValueError when it is no number."""
    return lambda answer: [name for bit, name in names.items() if int(answer) & bit]


def word(name: str) -> Callable[[str], list[str]]:
    """Read a yes or no about one protection; ValueError for any other word."""

    def read(answer: str) -> list[str]:
        if answer not in ("YES", "NO"):
            raise ValueError(f"neither YES nor NO: {answer[:60]!r}")
        return [name] * (answer == "YES")

    return read


@dataclass(frozen=True, slots=True)
class Family:
    """A family's words. Values are volts and amps."""

    volts: tuple[str, str]
    """Command and question; as the other pairs."""
    amps: tuple[str, str]
    ovp_volts: tuple[str, str]
    """The level at which the output is cut."""
    ocp: tuple[str, str]
    """Whether the output is cut at the current limit, instead of holding it."""
    ocp_amps: tuple[str, str] | None
    """Where the protection has a level of its own beside the limit."""
    ovp: tuple[str, str] | None
    """Whether that protection is on, where it can be off."""
    output: tuple[str, str]
    tripped: Mapping[str, Callable[[str], list[str]]]
    """Questions, and what their answers say has cut the output."""
    clear: tuple[str, ...]
    """Lets go of what has tripped. Some bring the output back as it was: it is switched off first."""


_KEYSIGHT_BITS = {
    1: "over-voltage protection (OVP)",
    2: "over-current protection (OCP)",
    4: "power-fail protection",
    8: "power limit",
    16: "over-temperature protection",
    64: "negative over-voltage protection",
    512: "inhibit input",
    2048: "protection of a coupled channel",
    4096: "oscillation protection",
}
"""Questionable status register, N6705C guide, "SCPI Programming Reference": what disables the output."""


def _keysight(amps: str) -> Family:
    return Family(
        volts=("VOLT {x},(@{ch})", "VOLT? (@{ch})"),
        amps=(amps + " {x},(@{ch})", amps + "? (@{ch})"),
        ovp_volts=("VOLT:PROT {x},(@{ch})", "VOLT:PROT? (@{ch})"),
        ocp=("CURR:PROT:STAT {x},(@{ch})", "CURR:PROT:STAT? (@{ch})"),
        ocp_amps=None,
        ovp=None,  # always on
        output=("OUTP {x},(@{ch})", "OUTP? (@{ch})"),
        tripped={"STAT:QUES:COND? (@{ch})": bits(_KEYSIGHT_BITS)},
        clear=("OUTP:PROT:CLE (@{ch})",),
    )


FAMILIES = {
    # Keysight N6700 and N6705 frames (guide as above): most modules hold the current at CURR
    "n6700": _keysight("CURR"),
    # source-measure modules N678xA in voltage priority hold it at CURR:LIM (from memory of the guide; check on a unit)
    "n678x": _keysight("CURR:LIM"),
    # Rigol DP800 programming guide
    "dp800": Family(
        volts=(":SOUR{ch}:VOLT {x}", ":SOUR{ch}:VOLT?"),
        amps=(":SOUR{ch}:CURR {x}", ":SOUR{ch}:CURR?"),
        ovp_volts=(":OUTP:OVP:VAL CH{ch},{x}", ":OUTP:OVP:VAL? CH{ch}"),
        ocp=(":OUTP:OCP CH{ch},{x}", ":OUTP:OCP? CH{ch}"),
        ocp_amps=(":OUTP:OCP:VAL CH{ch},{x}", ":OUTP:OCP:VAL? CH{ch}"),
        ovp=(":OUTP:OVP CH{ch},{x}", ":OUTP:OVP? CH{ch}"),
        output=(":OUTP CH{ch},{x}", ":OUTP? CH{ch}"),
        tripped={
            ":OUTP:OVP:QUES? CH{ch}": word("over-voltage protection (OVP)"),
            ":OUTP:OCP:QUES? CH{ch}": word("over-current protection (OCP)"),
        },
        clear=(":OUTP:OVP:CLEAR CH{ch}", ":OUTP:OCP:CLEAR CH{ch}"),
    ),
}
"""``family:`` of a supply in the inventory."""
