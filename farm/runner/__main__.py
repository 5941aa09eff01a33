"""Run a model at a product's frame rate and say, frame by frame, what happened.

Every line on standard output is a JSON object: ``hello``, ``start``, ``frames`` …, ``scored`` …, ``end``;
or ``error``, followed by exit status 3. All times are ns of the board's CLOCK_MONOTONIC.
"""

import argparse
import json
import platform
import sys

from boardclock import now_ns
from faults import Fault
from frames import COLUMNS, Around, run_paced, run_unpaced
from lines import Lines

_FAULT_STATUS = 3


def arguments(argv):
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="runner", description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--manifest", required=True)
    parser.add_argument("--images", required=True)
    parser.add_argument("--rate-hz", type=float, required=True)
    parser.add_argument("--duration-s", type=float, required=True, help="how long frames are offered")
    parser.add_argument("--warmup", type=int, default=5, help="inferences before the first frame [5]")
    parser.add_argument("--limit-s", type=float, help="begin no frame later than this [2 x duration + 5]")
    parser.add_argument("--score-s", type=float, default=0.0, help="then predict images not yet seen, so long [0]")
    parser.add_argument("--quiet-s", type=float, default=0.2, help="pause before the first frame, after the last [0.2]")
    parser.add_argument(
        "--burst-s", type=float, default=0.0, help="before and after: frames without pause, so long [0]"
    )
    options = parser.parse_args(argv)
    if options.rate_hz <= 0 or options.duration_s <= 0:
        parser.error("rate and duration must be positive")
    return options


class Pipeline:
    """From an image of the data set to a predicted class."""

    def __init__(self, options):
        """Load images and model; Fault when either is not what the manifest says."""
        try:
            import images  # needs numpy, which comes with the runtime
        except ImportError as error:
            raise Fault("runtime", "numpy is not installed: {}".format(error)) from error
        import backends

        with open(options.manifest, "rb") as file:
            manifest = json.loads(file.read().decode("utf-8"))
        self.images = images.load(options.images)
        self._convert = images.Preprocess(manifest, self.images.shape[1], self.images.shape[2])
        self._convert.check(self.images)
        self.backend = backends.load(options.model, manifest, self._convert(self.images[0]))

    def predict(self, image):
        """Return the predicted class of an image."""
        return int(self.backend.infer(self._convert(self.images[image])).argmax())

    def timed(self, image):
        """Return the end of each stage (acquire, convert, infer, decode), and the predicted class."""
        pixels = self.images[image].copy()
        acquired_ns = now_ns()
        tensor = self._convert(pixels)
        converted_ns = now_ns()
        scores = self.backend.infer(tensor)
        inferred_ns = now_ns()
        prediction = int(scores.argmax())
        return [acquired_ns, converted_ns, inferred_ns, now_ns()], prediction


def run(options, lines):
    """Warm up, run the frames, then the images that no frame has shown."""
    pipeline = Pipeline(options)
    lines.event(
        "hello",
        python=platform.python_version(),
        machine=platform.machine(),
        runtime=pipeline.backend.version,
        clock="CLOCK_MONOTONIC",
        images=len(pipeline.images),
        columns=COLUMNS,
    )
    for warmup in range(options.warmup):
        pipeline.timed(warmup % len(pipeline.images))
    limit_s = options.limit_s or 2 * options.duration_s + 5
    frames = max(1, round(options.rate_hz * options.duration_s))
    around = Around(options.quiet_s, options.burst_s)
    begun = run_paced(pipeline, lines, options.rate_hz, frames, limit_s, around)
    scored = run_unpaced(pipeline, lines, begun, options.score_s) if begun < len(pipeline.images) else 0
    lines.event("end", frames=begun, scored=scored)


def main(argv):
    """Run, and return the exit status."""
    options = arguments(argv)
    lines = Lines(sys.stdout.fileno())
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
