"""How long the calling thread was kept from a processor: by other load, or by the host of a virtual machine."""

import os
import resource

from boardclock import cpu_ns

_SCHEDSTAT = ("/proc/thread-self/schedstat", "/proc/self/schedstat")
"""Time on a processor, time runnable but waiting for one, slices (Linux, Documentation/scheduler/sched-stats).
The second name is for kernels before 3.17; it means the main thread, which is the one that runs frames."""


class Processor:
    """Tells waiting for a processor from computing, frame by frame."""

    def __init__(self):
        """Open the kernel's account; without one, frames that block are not accounted for."""
        self._file = -1
        for path in _SCHEDSTAT:
            try:
                self._file = os.open(path, os.O_RDONLY)
            except OSError:
                continue
            break
        self._switches = 0
        self._queued_before = None
        self._awake_ns = self._cpu_ns = self._late_ns = 0
        self._done_cpu_ns = cpu_ns()

    def awake(self, due_ns, woken_ns):
        """Mark the frame's begin. ``due_ns``: when its work could begin, due itself and the frame before it done.

        Nothing of the model runs between the two: the thread wakes late, or loses its processor while it writes
        (whom it writes to wakes, and takes it). All of it was waiting but what the thread itself used meanwhile.
        """
        self._cpu_ns = cpu_ns()
        self._awake_ns = woken_ns
        self._late_ns = max(0, woken_ns - due_ns - (self._cpu_ns - self._done_cpu_ns))
        self._queued_before = self._queued_ns()
        self._switches = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw

    def done(self, finish_ns):
        """Return ``(cpu_ns, waited_ns)`` of the frame that ended at ``finish_ns``; the late waking counts too.

        A thread that never gave the processor up of its own accord was either computing or kept from it: what
        is not processor time was waiting, time stolen from a virtual machine included. A thread that did (disk,
        accelerator) is judged by the kernel's account alone; where there is none, ``waited_ns`` is None.
        """
        self._done_cpu_ns = cpu_ns()
        used_ns = self._done_cpu_ns - self._cpu_ns
        off_ns = max(0, finish_ns - self._awake_ns - used_ns)
        if resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw != self._switches:
            queued_ns = self._queued_ns()
            if queued_ns is None or self._queued_before is None:
                return used_ns, None
            off_ns = min(off_ns, queued_ns - self._queued_before)
        return used_ns, self._late_ns + off_ns

    def _queued_ns(self):
        if self._file < 0:
            return None
        on, queued, _slices = os.pread(self._file, 128, 0).split()
        return int(queued) if int(on) else None  # all zero: a kernel that does not count
