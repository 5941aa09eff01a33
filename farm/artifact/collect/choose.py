"""Which images come back, by what was predicted of them. Pure; the same each time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf

import numpy as np

from ...errors import UsageFault
from ...store.predictions import Predictions
from .policy import Policy


@dataclass(frozen=True, slots=True)
class Told:
    """What one record says."""

    record: str
    artifact: str
    predictions: Predictions | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """Images of one data set, in its order."""

    indices: list[int]
    labels: Mapping[int, int]
    """Of all images whose true class is known."""
    wrong: int
    """How many of the images were predicted wrongly by any of the models."""
    candidates: int
    """How many there would be without ``at_most``."""


def choose(told: Sequence[Told], policy: Policy) -> Chosen:
    """Return the images that a policy wants.

    Margins are ranked among those of one artifact: their unit is its output's own.

    Raises:
        UsageFault: a record lacks what the policy asks for; one line each.
    """
    if faults := [fault for one in told for fault in _lacks(one, policy)]:
        raise UsageFault(faults)
    labels: dict[int, int] = {}
    wrong: set[int] = set()
    rank: dict[int, float] = {}
    least: set[int] = set()
    for predictions in _by_artifact(told):
        if predictions.label is not None:
            labels |= dict(zip(predictions.image.tolist(), predictions.label.tolist(), strict=True))
            wrong |= set(predictions.image[predictions.prediction != predictions.label].tolist())
        ranked = _ranked(predictions)
        for place, image in enumerate(ranked):
            rank[image] = min(rank.get(image, inf), place / len(ranked))
        if policy.least_margin is not None:
            least |= set(ranked[: ceil(round(policy.least_margin * len(ranked), 9))])
    wanted = (wrong if policy.misclassified else set[int]()) | least
    first = sorted(
        wanted, key=lambda image: (not (policy.misclassified and image in wrong), rank.get(image, inf), image)
    )
    return Chosen(sorted(first[: policy.at_most]), labels, len(wrong), len(wanted))


def _lacks(one: Told, policy: Policy) -> list[str]:
    where = f"record {one.record}"
    if one.predictions is None:
        return [f"{where}: keeps no predictions: an older farm wrote it; run the model again"]
    faults: list[str] = []
    if one.predictions.label is None:
        drops = policy.hide is not None and policy.hide.drop_classes is not None
        asks = ["misclassified"] * policy.misclassified + ["privacy.drop_classes"] * drops
        asks += ["labels"] * (policy.labels == "from data set")
        faults += [f"{where}: {what}: its artifact names no data set, so that no true class is known" for what in asks]
    if policy.least_margin is not None and np.isnan(one.predictions.margin).all():
        faults.append(f"{where}: least_margin: it keeps no margins; its program tells of none, or of one class alone")
    return faults


def _by_artifact(told: Sequence[Told]) -> list[Predictions]:
    """Return the predictions of each artifact, of each image the first: shares of one data set are one again."""
    found: list[Predictions] = []
    for artifact in dict.fromkeys(one.artifact for one in told):
        parts = [one.predictions for one in told if one.artifact == artifact and one.predictions is not None]
        image = np.concatenate([part.image for part in parts])
        _, first = np.unique(image, return_index=True)
        known = [part.label for part in parts if part.label is not None]
        found.append(
            Predictions(
                image[first],
                np.concatenate([part.prediction for part in parts])[first],
                np.concatenate([part.margin for part in parts])[first],
                np.concatenate(known)[first] if len(known) == len(parts) else None,
            )
        )
    return found


def _ranked(predictions: Predictions) -> list[int]:
    """Return the images whose margin is known, the least first; of equal ones the earlier."""
    known = ~np.isnan(predictions.margin)
    image, margin = predictions.image[known], predictions.margin[known]
    return image[np.lexsort((image, margin))].tolist()
