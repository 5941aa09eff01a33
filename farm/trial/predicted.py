"""What the runner said of the data set's images: each of them once. Pure."""

import numpy as np

from ..artifact.deploy import Deployment
from ..store.predictions import Predictions
from .remote import Run


def predictions(run: Run, deployment: Deployment) -> Predictions:
    """Return what was predicted, by frames and after them, in the data set's order.

    Of an image that was shown more than once the first answer stands. Labels are the data set's, for an artifact that
    names one.
    """
    shown = zip(run.column("image").tolist(), run.column("prediction").tolist(), run.margins(), strict=True)
    after = ((*scored, margin) for scored, margin in zip(run.scored, run.scored_margins, strict=True))
    first: dict[int, tuple[int, float | None]] = {}
    for image, prediction, margin in (*shown, *after):
        first.setdefault(image, (prediction, margin))
    images, labels = np.array(sorted(first), np.int64), deployment.dataset.labels
    answers = [first[image] for image in images.tolist()]
    names_one = deployment.artifact.manifest.dataset is not None
    return Predictions(
        images,
        np.array([prediction for prediction, _ in answers], np.int64),
        np.array([np.nan if margin is None else margin for _, margin in answers], np.float64),
        labels[images].astype(np.int64) if names_one else None,
    )
