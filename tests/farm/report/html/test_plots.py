"""The plots draw what the data sets hold: the same description for page, PNG and SVG."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from farm.report.html.datasets import Evidence, drawables
from farm.report.html.detail import LEVELS
from farm.report.html.images import with_data, write
from farm.report.html.plots import PLOTS

from ..conftest import ZERO_NS


@pytest.fixture
def evidence(timed, a_trace, some_frames):
    boot = {"start_ns": ZERO_NS - 6_000_000_000, "reached_s": {"kernel": 0.5, "login": 1.5}, "up_s": 2.0}
    events = [
        {"kind": "boot", "what": "kernel", "t_ns": ZERO_NS - 5_500_000_000},
        {"kind": "boot", "what": "login", "t_ns": ZERO_NS - 4_500_000_000},
        {"kind": "frames", "what": "frames", "t_ns": ZERO_NS, "until_ns": ZERO_NS + 5_000_000_000},
        {"kind": "fault", "what": "um25c-1: readings lost", "t_ns": ZERO_NS + 10**9, "until_ns": ZERO_NS + 2 * 10**9},
    ]
    record = timed(boot=boot, events=events)
    return Evidence(record, {"um25c-1": a_trace()}, some_frames(late=(3, 4)), b"")


def test_each_plot_names_only_data_that_it_is_given(evidence):
    drawn = drawables(evidence, LEVELS[0])
    assert set(drawn) == {"time", "latency", "stages", "energy", "boot"}
    for one in drawn.values():
        wanted = set(_names(PLOTS[one.plot]()))
        assert wanted == set(one.data)


def _names(spec):
    if isinstance(spec, dict):
        if isinstance(spec.get("data"), dict):
            yield spec["data"]["name"]
        spec = list(spec.values())
    for inner in spec if isinstance(spec, list) else ():
        yield from _names(inner)


def test_frames_boot_and_faults_stand_on_the_time_axis_of_the_watts(evidence):
    data = drawables(evidence, LEVELS[0])["time"].data
    lanes = list(
        zip(data["lanes"]["lane"], data["lanes"]["what"], data["lanes"]["t"], data["lanes"]["until"], strict=True)
    )
    assert ("boot", "kernel", -5.5, -4.5) in lanes
    assert ("boot", "login", -4.5, -4.0) in lanes
    assert ("fault", "um25c-1: readings lost", 1.0, 2.0) in lanes
    assert ("inference", "late frame", 0.15, 0.23) in lanes
    assert data["frames"]["late"].count(1) == 2
    assert data["watts"]["t"][0] == -2.0


def test_at_first_the_axis_shows_all_that_was_sampled_and_a_boot_just_before(evidence, timed, a_trace):
    near = drawables(evidence, LEVELS[0])["time"].params
    assert near["home_from"] < -6 < -2 < 7.99 < near["home_to"]
    long_ago = evidence.record.boot.model_copy(update={"start_ns": ZERO_NS - 3600 * 10**9})
    far = Evidence(evidence.record.model_copy(update={"boot": long_ago}), evidence.traces, None, b"")
    assert -3 < drawables(far, LEVELS[0])["time"].params["home_from"] < -2


def test_energy_without_idle_watts_is_not_split(timed):
    split = drawables(Evidence(timed(), {}, None, b""), LEVELS[0])["energy"].data["energy"]
    assert dict(zip(split["part"], split["joules"], strict=True)) == {"idle": 16.0, "above idle": 8.0}
    record = timed(power__0__joules_per_inference_above_idle=None)
    whole = drawables(Evidence(record, {}, None, b""), LEVELS[0])["energy"].data["energy"]
    assert whole == {"meter": ["um25c-1"], "part": ["in all"], "joules": [24.0], "order": [0]}


def test_the_histogram_counts_every_frame_once(evidence, some_frames):
    for late, plot in (((), "latency"), ((3,), "latency"), ((0,), "latency")):
        drawn = drawables(Evidence(evidence.record, {}, some_frames(late=late), b""), LEVELS[0])["latency"]
        assert drawn.plot == plot
        assert sum(drawn.data["bins"]["frames"]) == 100
    frames = some_frames()
    frames.finish_ns[5] += 10**10  # one of ten seconds among many of five milliseconds
    wide = drawables(Evidence(evidence.record, {}, frames, b""), LEVELS[0])["latency"]
    assert wide.plot == "latency-log"
    assert sum(wide.data["bins"]["frames"]) == 100


def test_a_record_without_a_time_axis_has_the_plots_that_need_none(a_record):
    drawn = drawables(Evidence(a_record(), {}, None, b""), LEVELS[0])
    assert set(drawn) == {"energy"}


def test_each_plot_is_written_as_png_and_svg(evidence, tmp_path):
    plots = [(f"../<b>/{name}", f"{name} <&>", one) for name, one in drawables(evidence, LEVELS[0]).items()]
    written = write(plots, png=tmp_path / "png", svg=tmp_path / "svg")
    assert len(written) == 10
    for path in written:
        assert path.parent.parent == tmp_path  # whatever a board is called
        if path.suffix == ".png":
            assert path.read_bytes().startswith(b"\x89PNG")
        else:
            root = ET.parse(path).getroot()
            assert float(root.get("width")) > 300
            assert "NaN" not in path.read_text()
            assert "<&>" in "".join(root.itertext())


def test_a_gap_splits_the_curve_of_the_picture(timed, a_trace, tmp_path):
    def moves(trace):
        import vl_convert

        drawn = drawables(Evidence(timed(events=[]), {"um25c-1": trace}, None, b""), LEVELS[0])["time"]
        root = ET.fromstring(vl_convert.vegalite_to_svg(with_data(drawn)))
        lines = [e.get("d") for e in root.iter() if e.get("stroke") == "#0063a6" and "L" in (e.get("d") or "")]
        return max(line.count("M") for line in lines)

    trace = a_trace()
    assert moves(trace) == 1
    trace.amps[200:300] = np.nan
    assert moves(trace) == 2
