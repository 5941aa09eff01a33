"""Every predicted image of some records as one long table."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from farm.store.database import Store, Stored

from ..errors import UsageFault
from .export import Format, Row, write_rows

_COLUMNS: dict[str, type] = {
    "record": str,
    "run": str,
    "board": str,
    "made": str,
    "artifact": str,
    "dataset": str,
    "image": int,
    "prediction": int,
    "label": int,
    "correct": bool,
    "margin": float,
}
"""``image`` is the index in the whole data set; ``margin`` is in the output's own unit, which differs from one artifact
to another."""


def write_predictions(store: Store, found: Sequence[Stored], path: Path, form: Format) -> int:
    """Write a row for each image of each record, and return how many there are.

    Raises:
        UsageFault: Parquet, and pyarrow is not installed; or none of the records keeps predictions.
        LabFault: the file cannot be written, or what a record keeps is damaged.
    """
    parts = [part for stored in found if (part := list(_rows(store, stored)))]
    if not parts:
        raise UsageFault("none of the records keeps predictions: older farms wrote them; nothing was written")
    return write_rows(parts, path, form, _COLUMNS)


def _rows(store: Store, stored: Stored) -> Iterator[Row]:
    record, frames = stored.record, store.frames(stored.record.id)
    if frames is None or frames.predictions is None:
        return
    told = frames.predictions
    labels = [None] * len(told) if told.label is None else told.label.tolist()
    columns = (told.image.tolist(), told.prediction.tolist(), labels, told.margin.tolist())
    for image, prediction, label, margin in zip(*columns, strict=True):
        yield {
            "record": record.id,
            "run": record.run_id,
            "board": record.board.name,
            "made": record.made,
            "artifact": record.artifact.id,
            "dataset": record.dataset.id,
            "image": image,
            "prediction": prediction,
            "label": label,
            "correct": None if label is None else prediction == label,
            "margin": None if margin != margin else margin,  # NaN alone differs from itself
        }
