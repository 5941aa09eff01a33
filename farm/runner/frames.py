"""Frames at the product's rate against absolute deadlines.

Late frames queue: a frame that is due while another is being worked on waits for it, none is dropped, and its
latency counts from the moment it was due.
"""

import gc

from boardclock import now_ns, sleep_until
from processor import Processor

COLUMNS = (
    "frame",
    "image",
    "arrival_ns",
    "wake_ns",
    "acquire_ns",
    "convert_ns",
    "infer_ns",
    "decode_ns",
    "prediction",
    "cpu_ns",
    "waited_ns",
)
"""Of a row of the ``frames`` event. The four stages are stamped where they end; the last one ends the frame."""
_AT_MOST = 4
"""A burst lasts until it has had a processor as long as it should, but not longer than this many times that."""
_HOPE = 0.1
"""For this part of the time for unpaced images their speed may be anything (assumed: a runtime may begin slowly)."""
_HOPELESS = 3
"""A speed at which they would take this many times the time (assumed: other load may slow some, and end)."""


class Around:
    """What is done before the first frame and after the last."""

    def __init__(self, quiet_s, burst_s):
        """Nothing for ``quiet_s``; then work for ``burst_s`` of a processor's time, if any, and nothing again."""
        self.quiet_ns = int(quiet_s * 1e9)
        self.burst_ns = int(burst_s * 1e9)
        self.burst_at_most_ns = _AT_MOST * self.burst_ns


def run_paced(pipeline, lines, rate_hz, frames, limit_s, around):
    """Offer ``frames`` frames; return how many were begun within ``limit_s`` of the first arrival.

    The quiet around them is for slow meters: their readings at the edges show neither the loading of the model nor
    what comes after the frames.
    """
    gc.collect()
    gc.disable()
    try:
        _burst(pipeline, lines, around, now_ns())
        first_ns = now_ns() + around.quiet_ns
        lines.event("start", first_arrival_ns=first_ns, frames=frames)
        due_ns = [first_ns + round(frame * 1e9 / rate_hz) for frame in range(frames + 1)]
        begun = _offer(pipeline, lines, due_ns[:-1], first_ns + int(limit_s * 1e9))
        _burst(pipeline, lines, around, max(now_ns(), due_ns[begun]))
        sleep_until(max(now_ns(), due_ns[begun]) + around.quiet_ns)
    finally:
        gc.enable()
        lines.flush("frames")
    return begun


def _burst(pipeline, lines, around, idle_since_ns):
    """Load the board as this model can, at a moment that is told: every meter on it must show that."""
    if around.burst_ns == 0:
        return
    sleep_until(idle_since_ns + around.quiet_ns)
    processor = Processor()
    start_ns = end_ns = now_ns()
    processor.awake(start_ns, start_ns)
    image, waited_ns = 0, 0
    while end_ns - start_ns - (waited_ns or 0) < around.burst_ns and end_ns - start_ns < around.burst_at_most_ns:
        pipeline.timed(image % len(pipeline.images))
        image += 1
        end_ns = now_ns()
        _used_ns, waited_ns = processor.done(end_ns)
    lines.event("burst", start_ns=start_ns, end_ns=end_ns, frames=image, waited_ns=waited_ns)


def _offer(pipeline, lines, due_ns, limit_ns):
    processor = Processor()
    finish_ns = due_ns[0]
    for frame, arrival_ns in enumerate(due_ns):
        lines.breathe(arrival_ns)
        sleep_until(arrival_ns)
        wake_ns = now_ns()
        if wake_ns > limit_ns:
            return frame
        processor.awake(max(arrival_ns, finish_ns), wake_ns)
        image = frame % len(pipeline.images)
        stamps, prediction = pipeline.timed(image)
        finish_ns = stamps[-1]
        used_ns, waited_ns = processor.done(finish_ns)
        lines.row([frame, image, arrival_ns, wake_ns] + stamps + [prediction, used_ns, waited_ns])
    return len(due_ns)


def run_unpaced(pipeline, lines, first_image, limit_s):
    """Predict every image from ``first_image`` on, as fast as it goes; return how many were done in ``limit_s``.

    A part of the images decides nothing: at a speed that will not do by far, it is given up early.
    """
    limit_ns = int(limit_s * 1e9)
    begun_ns = written_ns = now_ns()
    images = len(pipeline.images) - first_image
    done = 0
    for image in range(first_image, len(pipeline.images)):
        now = now_ns()
        taken_ns = now - begun_ns
        hopeless = taken_ns > _HOPE * limit_ns and taken_ns * images > _HOPELESS * limit_ns * done
        if taken_ns > limit_ns or hopeless:
            break
        lines.row([image, pipeline.predict(image)])
        done += 1
        if now - written_ns > 1e9:
            lines.flush("scored")
            written_ns = now
    lines.flush("scored")
    return done
