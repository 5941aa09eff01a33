"""What the controller asks for, as one JSON object; a key that is left out has a default."""

import json
import random
from math import log

_DEFAULTS = {
    "scenario": "fixed rate",
    "rate_hz": None,  # of the arrivals; None: a frame waits for the one before it alone
    "duration_s": 0.0,  # frames are offered at least so long …
    "min_count": 1,  # … and at least so many: frames, or queries
    "late": "queue",  # or "drop"
    "seed": None,  # of arrivals that are random; None: they are regular
    "samples_per_query": 1,  # None: one query without an end
    "image": None,  # always this one; None: one after another
    "part": None,  # [begin, end): of the data set's images only these; None: all
    "device": None,  # which of the runtime's devices runs the net; None: the manifest's, or its own choice
    "draw": False,  # write the predicted class into the frame: a stage more
    "warmup": 5,  # inferences before the first frame
    "limit_s": None,  # begin no frame later than this; None: 2 x duration + 5
    "score_s": 0.0,  # then predict images not yet seen, so long
    "quiet_s": 0.2,  # rest before the first frame and after the last
    "rest_s": 0.0,  # before the first frame at least so long
    "burst_s": 0.0,  # before and after: frames without pause, so long
}


class Plan:
    """The keys above as attributes."""

    def __init__(self, text):
        """Read JSON; ValueError when it is none, or cannot be run. Unknown keys are a newer controller's."""
        given = json.loads(text)
        for name, default in _DEFAULTS.items():
            setattr(self, name, given.get(name, default))
        if self.duration_s < 0 or self.min_count < 1 or (self.rate_hz is not None and self.rate_hz <= 0):
            raise ValueError("rate, duration and count must be positive")
        if self.late not in ("queue", "drop"):
            raise ValueError("late: {!r} is neither queue nor drop".format(self.late))
        if self.part is not None:
            self._require_part()
        if self.limit_s is None:
            self.limit_s = 2 * self.duration_s + 5

    def _require_part(self):
        if len(self.part) != 2 or not 0 <= self.part[0] < self.part[1]:
            raise ValueError("part: {!r} is not [begin, end) of some images".format(self.part))
        if self.image is not None and not self.part[0] <= self.image < self.part[1]:
            raise ValueError("image {} is not in part {!r}".format(self.image, self.part))

    def arrivals_ns(self):
        """Return when each frame is due after the first; None where that is when the one before is done."""
        if self.rate_hz is None:
            return None
        if self.seed is not None:
            return _poisson_ns(self.rate_hz, self.duration_s, self.min_count, self.seed)
        frames = max(self.min_count, round(self.rate_hz * self.duration_s))
        return [round(frame * 1e9 / self.rate_hz) for frame in range(frames)]

    def shown(self, images):
        """Return which of so many images of a data set the run is about; ValueError where it has not so many."""
        begin, end = self.part or (0, images)
        if end > images or (self.image is not None and self.image >= images):
            what = "part {!r}".format(self.part) if end > images else "image {}".format(self.image)
            raise ValueError("{}: the data set has {} images".format(what, images))
        return range(begin, end)

    def image_of(self, frame, shown):
        """Return which image of the data set a frame shows."""
        return shown[frame % len(shown)] if self.image is None else self.image


def _poisson_ns(rate_hz, duration_s, at_least, seed):
    """Return arrivals of a Poisson process, the first at 0, until both are reached; the same for a seed everywhere."""
    draw = random.Random(seed).random  # noqa: S311 (no secret)
    due_ns = [0]
    while len(due_ns) < at_least or due_ns[-1] < duration_s * 1e9:
        due_ns.append(due_ns[-1] + int(-log(1.0 - draw()) / rate_hz * 1e9))
    return due_ns
