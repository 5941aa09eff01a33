"""What a model made of each image of a data set: the evidence behind an accuracy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Predictions:
    """Each image that was predicted, once, in the data set's order. All arrays (n,)."""

    image: Int64
    """Index in the whole data set."""
    prediction: Int64
    """Of a frame that was shown more than once, the first."""
    margin: NDArray[np.float64]
    """The highest score less the next, in the output's own unit; NaN where the runner does not say. Margins of one
    artifact can be ranked, and nothing else."""
    label: Int64 | None = None
    """The true class; absent where the artifact names no data set: it can be right about nothing."""

    def __len__(self) -> int:
        """Return how many images."""
        return len(self.image)

    @property
    def correct(self) -> int:
        """How many are right; 0 of a model that can be right about nothing."""
        return 0 if self.label is None else int((self.prediction == self.label).sum())

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return it as little-endian columns, as small as they are stored."""
        columns: dict[str, NDArray[Any]] = {
            "image": self.image.astype("<i4"),
            "prediction": self.prediction.astype("<i4"),
            "margin": self.margin.astype("<f8"),
        }
        return columns if self.label is None else columns | {"label": self.label.astype("<i4")}

    @classmethod
    def of(cls, columns: Mapping[str, NDArray[Any]]) -> Self:
        """Return what :meth:`columns` was made of; ValueError where one is missing or shorter than another."""
        missing = {"image", "prediction", "margin"} - columns.keys()
        if missing or len({len(column) for column in columns.values()}) != 1:
            raise ValueError(f"predictions: columns {', '.join(sorted(columns))} of one length are not all there")
        return cls(columns["image"], columns["prediction"], columns["margin"], columns.get("label"))
