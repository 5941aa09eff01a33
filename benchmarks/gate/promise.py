"""What the gate promises, held against counts. The bounds are the promise; they follow no simulation."""

from dataclasses import dataclass

from scipy import special

SURE = 0.95
"""Of every bound on a rate that is printed (Clopper and Pearson 1934, one side)."""


def at_most(count: int, total: int) -> float:
    """Return the rate that lies above the true one with probability :data:`SURE`."""
    return 1.0 if count >= total else float(special.betaincinv(count + 1, total - count, SURE))


def at_least(count: int, total: int) -> float:
    """Return the rate that lies below the true one with probability :data:`SURE`."""
    return 0.0 if count == 0 else float(special.betaincinv(count, total - count + 1, 1 - SURE))


@dataclass(frozen=True, slots=True)
class Promise:
    """Bounds on the rates of outcomes; None: none."""

    passes: float | None = None
    """At least so often, with the confidence above."""
    regresses: float | None = None
    """Likewise."""
    passes_at_most: float | None = None
    regresses_at_most: float | None = None
    exact: bool = False
    """The risk itself is the bound, as at the limit: refused when it is certainly above, not when it may be."""

    def broken(self, outcomes: dict[str, int]) -> list[str]:
        """Return what is not kept."""
        total = sum(outcomes.values())
        found: list[str] = []
        for outcome, least in (("pass", self.passes), ("regression", self.regresses)):
            if least is not None and at_least(outcomes[outcome], total) < least:
                found.append(f"{outcome} in {outcomes[outcome]} of {total}, promised at least {least:.1%}")
        surely = at_least if self.exact else at_most
        for outcome, most in (("pass", self.passes_at_most), ("regression", self.regresses_at_most)):
            if most is not None and surely(outcomes[outcome], total) > most:
                found.append(f"{outcome} in {outcomes[outcome]} of {total}, promised at most {most:.1%}")
        return found
