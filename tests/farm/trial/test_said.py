"""What anybody's program may print on a board: taken as it stands, or refused with what is wrong."""

import re

import pytest

from farm.trial.said import BurstSaid, End, Hello, Rows, require_frames, scored, why

COLUMNS = ["frame", "image", "arrival_ns", "wake_ns", "infer_ns", "prediction", "waited_ns", "margin"]


def take(*rows, before=None):
    require_frames(COLUMNS, Rows.model_validate({"rows": [*rows]}).rows, before)


def test_rows_are_taken_as_the_columns_say():
    take([0, 5, 10, 10, 20, 3, None, 0.5], [1, 6, 10, 12, 20, 3, 7, None], before=[0, 0, 10, 0, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ([0, 5, 10, 10, 20, 3, None], "a row has 7 values for 8 columns"),
        ([0, 5, 10, 10, "20", 3, 0, 1], "rows.0.4: Input should be a valid"),
        ([0, 5, 10, 10, float("nan"), 3, 0, 1], "rows.0.4: Input should be a"),
        ([0, 5, 10, 10, 1 << 63, 3, 0, 1], "infer_ns is .*, which is no whole number"),
        ([0, 5, 10, 10, None, 3, 0, 1], "infer_ns is None, which is no whole number"),
        ([0, 5, 10.5, 11, 20, 3, 0, 1], "arrival_ns is 10.5, which is no whole number"),
        ([True, 5, 10, 11, 20, 3, 0, 1], "rows.0.0: Input should be a valid"),
        ([0, 5, 10, 11, 20, 3, 0.5, 1], "waited_ns is 0.5, which is no whole number"),
        ([0, 5, 10, 11, 20, 3, 0, "much"], "rows.0.7: Input should be a valid"),
        ([0, 5, 10, 30, 20, 3, 0, 1], r"its times do not run forward: \[10, 30, 20\]"),
        ([0, 5, 8, 10, 20, 3, 0, 1], "its times do not run forward: .* the frame before came at 9"),
    ],
)
def test_a_row_that_cannot_be_counted_with_is_refused(row, wrong):
    with pytest.raises(ValueError, check=lambda error: re.match(wrong, why(error)) is not None):
        take(row, before=[0, 0, 9, 9, 9, 0, 0, 0])


def test_answers_after_the_frames_may_have_a_margin():
    rows = Rows.model_validate({"rows": [[0, 3], [1, 4, 0.5], [2, 5, None]]}).rows
    assert scored(rows) == ([(0, 3), (1, 4), (2, 5)], [None, 0.5, None])
    with pytest.raises(ValueError, match=r"\[1.5, 4\] is not image and prediction"):
        scored([[1.5, 4]])


@pytest.mark.parametrize(
    ("kind", "event", "wrong"),
    [
        (Hello, {"runtime": "r", "columns": [], "overhead": {"frame_ns": 1}}, "overhead.latency_ns: Field required"),
        (BurstSaid, {"start_ns": 5, "end_ns": 5, "waited_ns": None}, "Value error, it ends before it has begun"),
        (End, {"writing_ns": "much"}, "writing_ns: Input should be a valid integer"),
    ],
)
def test_an_event_that_says_less_than_it_must_tells_what(kind, event, wrong):
    with pytest.raises(ValueError, check=lambda error: why(error) == wrong):
        kind.model_validate(event)
