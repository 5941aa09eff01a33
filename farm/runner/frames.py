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


def run_paced(pipeline, lines, rate_hz, frames, limit_s, quiet_s):
    """Offer ``frames`` frames; return how many were begun within ``limit_s`` of the first arrival.

    For ``quiet_s`` before the first and after the last nothing is done, so that a slow meter's readings at the
    edges show neither the loading of the model nor what comes after the frames.
    """
    quiet_ns = int(quiet_s * 1e9)
    gc.collect()
    gc.disable()
    try:
        first_ns = now_ns() + quiet_ns
        lines.event("start", first_arrival_ns=first_ns, frames=frames)
        due_ns = [first_ns + round(frame * 1e9 / rate_hz) for frame in range(frames + 1)]
        begun = _offer(pipeline, lines, due_ns[:-1], first_ns + int(limit_s * 1e9))
        sleep_until(max(now_ns(), due_ns[begun]) + quiet_ns)
    finally:
        gc.enable()
        lines.flush("frames")
    return begun


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
    """Predict every image from ``first_image`` on, as fast as it goes; return how many were done in ``limit_s``."""
    until_ns = now_ns() + int(limit_s * 1e9)
    written_ns = now_ns()
    done = 0
    for image in range(first_image, len(pipeline.images)):
        now = now_ns()
        if now > until_ns:
            break
        lines.row([image, pipeline.predict(image)])
        done += 1
        if now - written_ns > 1e9:
            lines.flush("scored")
            written_ns = now
    lines.flush("scored")
    return done
