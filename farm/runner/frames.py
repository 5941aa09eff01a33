"""Frames as a plan asks for them: when they are due, or as soon as the one before is done.

A frame's latency counts from the moment it was due. One that is due while another is being worked on waits for it, or
is dropped where the plan says so.
"""

import gc

from boardclock import now_ns, sleep_until
from processor import Processor

_BEFORE = ("frame", "image", "arrival_ns", "wake_ns")
_AFTER = ("prediction", "cpu_ns", "waited_ns", "margin")
_AT_MOST = 4
"""A burst lasts until it has had a processor as long as it should, but not longer than this many times that."""
_HOPE = 0.1
"""For this part of the time for unpaced images their speed may be anything (assumed: a runtime may begin slowly)."""
_HOPELESS = 3
"""A speed at which they would take this many times the time (assumed: other load may slow some, and end)."""
_ROUNDS = 200
"""Of nothing, to learn what the runner itself takes: some milliseconds on the slowest board."""
_WARM_ROUNDS = 50
"""Before those: caches are filled, and Python has specialised what runs often (from 3.11 on; assumed to be enough)."""


def columns(stages):
    """Return what a row of the ``frames`` event holds.

    Stages are stamped where they end, the last one ends the frame. Frames of one query have one arrival. The margin is
    what the highest score is above the next, in the output's own unit: None where there is no next.
    """
    return _BEFORE + tuple(stage + "_ns" for stage in stages) + _AFTER


class Worker:
    """Works on frames one after another, and keeps a row of each."""

    def __init__(self, pipeline, lines):
        """Take what predicts, and what keeps rows."""
        self._timed, self._margin, self._row = pipeline.timed, pipeline.margin, lines.row
        self._processor = Processor()
        self.finish_ns = 0
        self.done = 0
        self.shown = set()

    def work(self, frame, image, arrival_ns, wake_ns, closed=False):
        """Work on one frame now. ``closed``: it has come with, or because of the end of, the one before."""
        # in a closed loop nothing was due while the runner saw to itself
        self._processor.awake(wake_ns if closed else max(arrival_ns, self.finish_ns), wake_ns)
        stamps, prediction, scores = self._timed(image)
        self.finish_ns = stamps[-1]
        used_ns, waited_ns = self._processor.done(self.finish_ns)
        self._row([frame, image, arrival_ns, wake_ns] + stamps + [prediction, used_ns, waited_ns, self._margin(scores)])
        self.done += 1
        self.shown.add(image)


class Offered:
    """What came of the frames."""

    def __init__(self, offered, dropped, complete):
        """Say how many were to come, how many were dropped, and whether the plan was carried out."""
        self.offered, self.dropped, self.complete = offered, dropped, complete


def run_frames(pipeline, lines, plan):
    """Do as the plan says; return the worker and what was offered.

    The quiet around the frames is for slow meters: their readings at the edges show neither the loading of the model
    nor what comes after the frames.
    """
    quiet_ns = int(plan.quiet_s * 1e9)
    gc.collect()
    gc.disable()
    try:
        _burst(pipeline, lines, plan, now_ns())
        after_ns = plan.arrivals_ns()
        first_ns = now_ns() + max(quiet_ns, int(plan.rest_s * 1e9))
        frames = plan.min_count * (plan.samples_per_query or 1) if after_ns is None else len(after_ns)
        lines.event("start", first_arrival_ns=first_ns, frames=frames)
        worker = Worker(pipeline, lines)
        limit_ns = first_ns + int(plan.limit_s * 1e9)
        if after_ns is None:
            sleep_until(first_ns)
            loop = _endless if plan.samples_per_query is None else _closed
            offered, last_ns = loop(worker, lines, plan, limit_ns, pipeline.shown), 0
        else:
            due_ns = [first_ns + ns for ns in after_ns]
            offered = offer(worker, lines, due_ns, limit_ns, plan, pipeline.shown)
            # a regular frame's time ends when the next one would be due
            period_ns = 0 if plan.seed is not None else int(1e9 / plan.rate_hz)
            begun = worker.done + offered.dropped
            last_ns = due_ns[begun] if begun < len(due_ns) else due_ns[-1] + period_ns
        _burst(pipeline, lines, plan, max(now_ns(), last_ns))
        sleep_until(max(now_ns(), last_ns) + quiet_ns)
    finally:
        gc.enable()
        lines.flush("frames")
    return worker, offered


def offer(worker, lines, due_ns, limit_ns, plan, shown):
    """Work on frames when they are due."""
    dropped = 0
    for frame, arrival_ns in enumerate(due_ns):
        if plan.late == "drop" and worker.finish_ns > arrival_ns:
            dropped += 1
            continue
        lines.breathe(arrival_ns)
        sleep_until(arrival_ns)
        wake_ns = now_ns()
        if wake_ns > limit_ns:
            return Offered(len(due_ns), dropped, False)
        worker.work(frame, plan.image_of(frame, shown), arrival_ns, wake_ns)
    return Offered(len(due_ns), dropped, True)


def _closed(worker, lines, plan, limit_ns, shown):
    """One query after another, each as soon as the one before is done; what is written is written between two."""
    queries, end_ns = 0, None
    while True:
        lines.breathe(None)
        arrival_ns = wake_ns = now_ns()
        if end_ns is None:
            end_ns = arrival_ns + int(plan.duration_s * 1e9)
        complete = queries >= plan.min_count and worker.finish_ns >= end_ns
        if complete or arrival_ns > limit_ns:
            return Offered(worker.done, 0, complete)
        for _ in range(plan.samples_per_query):
            worker.work(worker.done, plan.image_of(worker.done, shown), arrival_ns, wake_ns, closed=True)
            wake_ns = now_ns()
        queries += 1


def _endless(worker, lines, plan, limit_ns, shown):
    """One query of all frames."""
    arrival_ns = wake_ns = now_ns()
    end_ns = arrival_ns + int(plan.duration_s * 1e9)
    while True:
        complete = worker.done >= plan.min_count and wake_ns >= end_ns
        if complete or wake_ns > limit_ns:
            return Offered(worker.done, 0, complete)
        worker.work(worker.done, plan.image_of(worker.done, shown), arrival_ns, wake_ns, closed=True)
        lines.breathe(worker.finish_ns)
        wake_ns = now_ns()


class _Nothing:
    """A pipeline that only looks at the clock, as often as a real one, and makes as much of the scores."""

    def __init__(self, pipeline):
        self._stages, self._scores, self.margin = range(len(pipeline.stages)), pipeline.scores(), pipeline.margin

    def timed(self, image):
        del image
        return [now_ns() for _ in self._stages], 0, self._scores


class _Scratch:
    """Keeps rows that nobody reads."""

    def __init__(self):
        self._rows = []
        self.row = self._rows.append


def overhead(pipeline):
    """Return what the runner itself takes of a frame: median ns in all, and of that what its latency holds."""
    worker = Worker(_Nothing(pipeline), _Scratch())
    whole_ns, latency_ns = [], []
    gc.collect()
    gc.disable()
    try:
        for round_ in range(_WARM_ROUNDS + _ROUNDS):
            begun_ns = now_ns()
            worker.work(round_, 0, begun_ns, now_ns())
            ended_ns = now_ns()
            whole_ns.append(ended_ns - begun_ns)
            latency_ns.append(worker.finish_ns - begun_ns)
    finally:
        gc.enable()
    frame_ns, latency_ns = (sorted(taken[_WARM_ROUNDS:])[_ROUNDS // 2] for taken in (whole_ns, latency_ns))
    return {"rounds": _ROUNDS, "frame_ns": frame_ns, "latency_ns": latency_ns}


def _burst(pipeline, lines, plan, idle_since_ns):
    """Load the board as this model can, at a moment that is told: every meter on it must show that."""
    burst_ns = int(plan.burst_s * 1e9)
    if burst_ns == 0:
        return
    sleep_until(idle_since_ns + int(plan.quiet_s * 1e9))
    processor = Processor()
    start_ns = end_ns = now_ns()
    processor.awake(start_ns, start_ns)
    image, waited_ns = 0, 0
    while end_ns - start_ns - (waited_ns or 0) < burst_ns and end_ns - start_ns < _AT_MOST * burst_ns:
        pipeline.timed(plan.image_of(image, pipeline.shown))
        image += 1
        end_ns = now_ns()
        _used_ns, waited_ns = processor.done(end_ns)
    lines.event("burst", start_ns=start_ns, end_ns=end_ns, frames=image, waited_ns=waited_ns)


def run_unpaced(pipeline, lines, done_already, limit_s):
    """Predict every image that no frame has shown, as fast as it goes; return how many were done in ``limit_s``.

    A part of the images decides nothing: at a speed that will not do by far, it is given up early.
    """
    limit_ns = int(limit_s * 1e9)
    begun_ns = written_ns = now_ns()
    left = [image for image in pipeline.shown if image not in done_already]
    done = 0
    for image in left:
        now = now_ns()
        taken_ns = now - begun_ns
        hopeless = taken_ns > _HOPE * limit_ns and taken_ns * len(left) > _HOPELESS * limit_ns * done
        if taken_ns > limit_ns or hopeless:
            break
        prediction, scores = pipeline.predict(image)
        lines.row([image, prediction, pipeline.margin(scores)])
        done += 1
        if now - written_ns > 1e9:
            lines.flush("scored")
            written_ns = now
    lines.flush("scored")
    return done
