"""What a plan may ask for besides frames, and what a row says of how sure the model was."""

import json

import numpy as np
import pytest

from .test_scenarios import events, named, rows, run

PART = {"rate_hz": None, "duration_s": 0, "min_count": 6, "quiet_s": 0, "score_s": 20}


def test_a_part_is_all_that_is_shown_and_scored_and_images_keep_their_number(tiny, tiny_dataset):
    seen = events(tiny(), **PART, part=[12, 22])
    frames = rows(seen)
    scored = [row for event in seen if event["event"] == "scored" for row in event["rows"]]
    assert [frame["image"] for frame in frames] == list(range(12, 18))
    assert [image for image, *_ in scored] == list(range(18, 22))
    labels = tiny_dataset.labels.tolist()
    assert [frame["prediction"] for frame in frames] + [row[1] for row in scored] == labels[12:22]
    assert named(seen, "end")["scored"] == 4
    assert named(seen, "hello")["images"] == 40


def test_a_part_that_is_shorter_than_the_frames_comes_round_again(tiny):
    assert [frame["image"] for frame in rows(events(tiny(), **PART, part=[38, 40]))] == [38, 39] * 3


@pytest.mark.parametrize("part", [[5, 5], [-1, 3], [3], [0, 3]])
def test_a_part_of_nothing_or_without_its_image_is_refused(tiny, part):
    done = run(tiny(), part=part, image=7)
    assert done.returncode == 2
    assert b"--plan: " in done.stderr


def test_a_part_beyond_the_data_set_is_told_before_any_frame(tiny):
    done = run(tiny(), part=[30, 41])
    fault = json.loads(done.stdout)
    assert (done.returncode, fault["kind"]) == (3, "dataset")
    assert fault["detail"] == "part [30, 41]: the data set has 40 images"


def test_the_margin_is_the_highest_score_less_the_next(tiny, tiny_dataset):
    seen = events(tiny(), **PART, part=[0, 12])
    flat = tiny_dataset.images.reshape(40, -1)[:, :10] * 0.0625  # that model's scores
    highest = np.sort(flat, axis=1)
    wanted = (highest[:, -1] - highest[:, -2])[:12].tolist()
    scored = [row for event in seen if event["event"] == "scored" for row in event["rows"]]
    assert [frame["margin"] for frame in rows(seen)] + [margin for *_, margin in scored] == wanted
    assert len(set(wanted)) > 1


def test_drawing_is_a_stage_where_it_is_asked_for_and_else_there_is_none(tiny):
    plain, drawn = (named(events(tiny(), **PART, draw=draw), "hello") for draw in (False, True))
    stages = [name for name in drawn["columns"] if name not in plain["columns"]]
    assert stages == ["draw_ns"]
    frames = rows(events(tiny(), **PART, draw=True))
    names = [f"{stage}_ns" for stage in ("acquire", "convert", "marshal", "infer", "decode", "draw")]
    for frame in frames:
        stamps = [frame[name] for name in names]
        assert stamps == sorted(stamps)


@pytest.mark.parametrize(("scores", "margin"), [([[3]], None), ([1, float("nan")], None), (np.uint8([250, 3]), 247.0)])
def test_no_margin_is_made_up(of_runner, scores, margin):
    assert of_runner("pipeline").Pipeline.margin(np.array(scores)) == margin


@pytest.mark.parametrize(
    ("dtype", "factor", "kept"), [("uint8", 2, [0, 200, 255, 255]), ("int8", 1, [0, 100, 127, 127])]
)
def test_what_an_integer_cannot_hold_stays_at_its_end(of_runner, dtype, factor, kept):
    steps = [{"name": "scale", "factor": factor}] if factor != 1 else []
    manifest = {"input": {"dtype": dtype, "shape": [1, 4], "layout": "NHWC"}, "preprocess": {"steps": steps}}
    image = np.array([[0, 100, 200, 255]], np.uint8)
    assert of_runner("prepare").Preprocess(manifest, image.shape)(image).tolist() == [kept]


@pytest.mark.parametrize("scores", [[np.nan] * 3, [2, np.nan, 1], [np.inf, 1, np.nan]])
def test_scores_that_are_no_numbers_are_of_no_class(of_runner, scores):
    pipeline, pen = of_runner("pipeline"), of_runner("draw").Pen(8)
    assert pipeline.class_of(np.array([scores], np.float32)) == -1
    assert pipeline.class_of(np.array([[1, np.inf, -np.inf]], np.float16)) == 1
    pen.draw(np.zeros((8, 8), np.uint8), -1)


def test_a_class_is_drawn_as_its_number_in_grey_and_in_colours(of_runner):
    pen = of_runner("draw").Pen(64)
    grey, colour = np.full((64, 64), 9, np.uint8), np.full((64, 64, 3), 9, np.uint8)
    pen.draw(grey, 17)
    pen.draw(colour, 17)
    assert (colour == grey[..., np.newaxis]).all()
    assert ["".join(".#"[int(dot == 255)] for dot in row) for row in grey[:6, :8]] == [
        ".#..###.",
        "##....#.",
        ".#....#.",
        ".#....#.",
        "###...#.",
        "........",
    ]
    assert (grey[6:] == 9).all()
    assert (grey[:, 8:] == 9).all()


def test_what_a_small_frame_has_no_room_for_is_cut_off(of_runner):
    frame = np.zeros((4, 5), np.uint8)
    of_runner("draw").Pen(4).draw(frame, 345)
    assert frame.any()
