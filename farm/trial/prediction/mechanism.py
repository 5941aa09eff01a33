"""By what a board's limits can be held on this machine. What can hold none of them predicts nothing."""

import os
from dataclasses import dataclass
from math import ceil

from ...errors import LabFault, UsageFault
from .cgroup import Place, Quota, places
from .host import Host
from .limits import Limits

_PERIOD_US = 10_000
"""Of the quota: a tenth of the kernel's own 100 ms, so that no frame waits long at once; two and a half ticks of a
kernel with 250 a second. Much shorter ones give out less than they should (measured: 14 % at 2 ms)."""
_LEAST_US = 1_000
"""The kernel takes no quota and no period below a millisecond (sched-bwc)."""
_MOST_US = 1_000_000

PLATFORM_HINT = "predict on Linux, or run the trial on the board"


@dataclass(frozen=True, slots=True)
class Mechanism:
    """What holds which limit."""

    place: Place | None
    """Where a control group is made; None: the clock is only computed."""
    why_none: str
    cores: tuple[int, ...]
    """Numbers of the processors that are open to the runner."""
    share: float
    quota: Quota
    memory_by_group: bool
    cores_by_group: bool

    @property
    def words(self) -> str:
        """For the record."""
        cores = "cpuset.cpus" if self.cores_by_group else "sched_setaffinity"
        memory = "memory.max" if self.memory_by_group else "prlimit RLIMIT_DATA, of each process"
        if self.place is None:
            return (
                f"no quota ({self.why_none}): clock computed from processor time; cores by {cores}; memory by {memory}"
            )
        file = "cpu.max" if self.place.version == 2 else "cpu.cfs_quota_us"
        quota = f"{self.quota.quota_us} of each {self.quota.period_us} µs"
        return f"cgroup v{self.place.version}: clock by {file}, {quota}; cores by {cores}; memory by {memory}"


def offered(place: Place | None, why_none: str) -> str:
    """Return in one line what this machine offers; for the doctor, who tries nothing."""
    if not _can_limit():
        return ""
    if place is None:
        return f"cores by affinity, memory by prlimit, clock by computation alone ({why_none})"
    memory = "memory.max" if "memory" in place.controllers else "prlimit"
    cores = "cpuset" if "cpuset" in place.controllers else "affinity"
    return f"cgroup v{place.version} below {place.folder}: quota for the clock, {cores}, {memory}"


def choose(limits: Limits, host: Host, found: tuple[Place | None, str] | None = None) -> Mechanism:
    """Return what will hold the limits here.

    Raises:
        UsageFault: this machine is slower than the board, has too few cores, or another architecture.
        LabFault: it can hold nothing.
    """
    if not _can_limit():
        raise LabFault("this machine", "has neither control groups nor affinity and rlimits", hint=PLATFORM_HINT)
    if host.architecture != "x86_64":
        raise UsageFault(f"{limits.model}: is an x86-64 board; this machine is {host.architecture}")
    if limits.threads > len(host.cores) or limits.threads > limits.cores:
        fewest = min(len(host.cores), limits.cores)
        raise UsageFault(f"--limit threads={limits.threads}: there are {fewest} cores for them")
    share = share_of(limits, host)
    place, why = found if found is not None else places()
    return Mechanism(
        place,
        why,
        host.cores[-limits.cores :],  # interrupts prefer the first
        share,
        quota_of(share * limits.threads),
        memory_by_group=place is not None and "memory" in place.controllers,
        cores_by_group=place is not None and "cpuset" in place.controllers,
    )


def share_of(limits: Limits, host: Host) -> float:
    """Return the board's clock over this host's; UsageFault where that is unknown, or above 1."""
    if limits.share is not None:
        return limits.share
    clock_hz = limits.host_clock_hz or host.clock_hz
    if clock_hz is None:
        raise UsageFault("this machine does not tell its clock: give --limit host_clock_hz=HZ, or --limit share=PART")
    share = limits.clock_hz / clock_hz
    if share > 1:
        slow = f"{clock_hz / 1e9:.2f} GHz here, {limits.clock_hz / 1e9:.2f} GHz on the board"
        raise UsageFault(f"{limits.model}: this machine is slower ({slow}): it cannot stand in for it")
    return share


def quota_of(cores: float) -> Quota:
    """Return a quota of so many cores' time, in a period as short as the kernel holds it well.

    Raises:
        UsageFault: it is less than the kernel gives out.
    """
    if cores * _MOST_US < _LEAST_US:
        raise UsageFault(f"{cores:.2g} of a core's time is less than any quota gives: {_LEAST_US} of {_MOST_US} µs")
    period_us = min(_MOST_US, max(_PERIOD_US, ceil(_LEAST_US / cores)))
    return Quota(round(cores * period_us), period_us)


def _can_limit() -> bool:
    return hasattr(os, "sched_setaffinity") and hasattr(os, "pidfd_open")
