"""What one board's trials scatter by, as series of log ratios to the truth."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Noise:
    """AR(1) noise: each trial remembers ``phi`` of the one before; ``sigma`` is a single trial's, whatever phi is."""

    phi: float
    sigma: float = 0.01
    drift: float = 0.0
    """Per trial, on top: a room that warms up."""
    shape: Literal["normal", "t3"] = "normal"
    """t3: Student's with 3 degrees of freedom, scaled to the same sigma: one trial in 70 is off by more than 3."""

    def series(self, rng: np.random.Generator, trials: int) -> Floats:
        """Return one series, shape (trials,)."""
        shocks = rng.standard_normal(trials) if self.shape == "normal" else rng.standard_t(3, trials) / np.sqrt(3)
        values = np.empty(trials)
        values[0] = shocks[0]
        for n in range(1, trials):
            values[n] = self.phi * values[n - 1] + np.sqrt(1 - self.phi**2) * shocks[n]
        return self.sigma * values + self.drift * np.arange(trials)

    def __str__(self) -> str:
        """Return it in a few words."""
        tail = ", heavy tails" if self.shape == "t3" else ""
        drift = f", drift {100 * self.drift:g} % a trial" if self.drift else ""
        return f"phi {self.phi:g}, sigma {100 * self.sigma:g} %{drift}{tail}"
