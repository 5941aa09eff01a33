"""A program of one's own under a board's limits: it tells no processor time, so it needs a quota."""

from dataclasses import replace

import pytest

from farm.errors import LabFault
from farm.trial.prediction import host
from farm.trial.prediction.asked import Asked
from farm.trial.prediction.cgroup import places
from farm.trial.prediction.limits import limits_of
from farm.trial.prediction.mechanism import choose
from farm.trial.prediction.predict import predict
from farm.trial.scenario import SingleStream

PROGRAM = """#!/usr/bin/env python3
import json, time

def tell(**event):
    print(json.dumps(event), flush=True)

columns = ["frame", "image", "arrival_ns", "wake_ns", "infer_ns", "prediction"]
tell(event="hello", runtime="counts 1.0", columns=columns, images=40)
tell(event="start", first_arrival_ns=time.monotonic_ns(), frames=5)
for frame in range(5):
    begun = time.monotonic_ns()
    while time.monotonic_ns() - begun < 20_000_000:
        pass
    tell(event="frames", rows=[[frame, frame, begun, begun, time.monotonic_ns(), 3]])
tell(event="end", frames=5, offered=5)
"""


@pytest.fixture
def asked(tiny, tmp_path):
    """``asked(place, why)``: of the program above."""
    facts = {name: {"sha256": "0" * 64, "size": 1, "executable": True} for name in ("predict", "model.onnx")}
    put = tiny(runtime="command", command=["./predict", "{model}", "{images}"], files=facts)
    (tmp_path / "predict").write_text(PROGRAM)
    (tmp_path / "predict").chmod(0o755)
    here, limits = replace(host.look(), clock_hz=2.6e9), limits_of("atom-e3930")
    scenario = SingleStream(0.1, min_queries=5, score_s=0.0)
    return lambda *found: Asked(put.artifact, put.dataset, scenario, limits, here, choose(limits, here, found))


def test_it_is_as_it_ran_under_the_quota(asked):
    place, why = places()
    if place is None:
        pytest.skip(f"needs control groups that may be written here: {why}")
    record = predict(asked(place, why), lab="none", progress=lambda _: None).record
    assert record.prediction.timing == "as it ran"
    assert record.prediction.as_it_ran.p50_ms == record.latency.p50_ms >= 20
    assert (record.board.runtime, record.accuracy.total) == ("counts 1.0", 5)


def test_without_a_quota_it_is_refused(asked):
    with pytest.raises(LabFault, match="these frames' times cannot be computed: there are none"):
        predict(asked(None, "there are none"), lab="none", progress=lambda _: None)
