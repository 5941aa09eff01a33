"""Run a model as a plan says and tell, frame by frame, what happened.

Every line on standard output is a JSON object: ``hello``, ``start``, ``frames`` …, ``scored`` …, ``end``;
or ``error``, followed by exit status 3. All times are ns of the board's CLOCK_MONOTONIC.
"""

import argparse
import os
import platform
import sys

from faults import Fault
from frames import columns, overhead, run_frames, run_unpaced
from lines import Lines
from plan import Plan

_FAULT_STATUS = 3
_POOLS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""What numpy's matrix product reads when numpy is loaded: else it takes every core of the board."""


def arguments(argv):
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="runner", description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--manifest", required=True)
    parser.add_argument("--images", required=True)
    parser.add_argument("--plan", required=True, help="how frames are offered: JSON, see plan.py")
    parser.add_argument("--keep", help="write all that is told to this file, too, and go on without whoever reads")
    options = parser.parse_args(argv)
    try:
        options.plan = Plan(options.plan)
    except ValueError as error:
        parser.error("--plan: {}".format(error))
    return options


def run(options, lines):
    """Warm up, run the frames, then the images that no frame has shown."""
    os.environ.update(dict.fromkeys(_POOLS, "1"))
    try:
        import pipeline as pipelines  # needs numpy, which comes with the runtime
    except ImportError as error:
        raise Fault("runtime", "numpy is not installed: {}".format(error)) from error

    plan = options.plan
    pipeline = pipelines.Pipeline(options)
    lines.event(
        "hello",
        python=platform.python_version(),
        machine=platform.machine(),
        runtime=pipeline.backend.version,
        device=pipeline.backend.device,
        clock="CLOCK_MONOTONIC",
        images=len(pipeline.images),
        columns=columns(pipeline.stages),
        overhead=overhead(pipeline),
    )
    for warmup in range(plan.warmup):
        pipeline.timed(plan.image_of(warmup, pipeline.shown))
    worker, told = run_frames(pipeline, lines, plan)
    writing_ns = lines.spent_ns
    scored = run_unpaced(pipeline, lines, worker.shown, plan.score_s)
    lines.event(
        "end",
        frames=worker.done,
        scored=scored,
        offered=told.offered,
        dropped=told.dropped,
        complete=told.complete,
        writing_ns=writing_ns,
    )


def main(argv):
    """Run, and return the exit status."""
    options = arguments(argv)
    kept = os.open(options.keep, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if options.keep else None
    lines = Lines(sys.stdout.fileno(), kept)
    try:
        run(options, lines)
    except Fault as fault:
        lines.event("error", kind=fault.kind, detail=fault.detail)
        return _FAULT_STATUS
    except BrokenPipeError:
        return _FAULT_STATUS  # the controller has gone: nobody is left to tell
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
