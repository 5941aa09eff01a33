"""One thread asks many meters, each when it is due, and collects the answers as they come."""

import heapq
import itertools
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from .apart import Exchange
from .block import Block

_SELECTS_S = 1e-3
"""What a selector waits is a multiple of this, rounded up."""
_MOST_MEMBERS = 32
"""Of a thread. On a busy machine a thread that has much to do waits for its turn longer than one that has little: with
two programs that took all of two cores, 64 meters at 100 Hz were asked at 67 to 90 % of the moments by one thread and
at 96 to 99 % by two (measured); four were no better and cost more."""
_EARLY_NS = 300_000
"""Whoever is due so soon is asked together with who is due now: each awakening costs as much as half a reading (64
meters at 100 Hz took a sixth less, measured)."""


@dataclass(slots=True, eq=False)
class _Member:
    exchange: Exchange
    take: Callable[[Block], bool]
    leave: Callable[[Exception | None], None]
    look_ns: int = 0
    """When it is to be looked at, whatever arrives. Negative: it is not here any more."""


class Rota:
    """Serves whoever has joined; a thread begins with the first member, another with each 32, and ends with its last.

    No member waits for another: what is not answered stays unanswered, and whatever has to be waited for is done by
    those who are told to leave. A thread for each costs more: every answer wakes one up, every call hands the
    interpreter from one to the other.
    """

    def __init__(self) -> None:
        """Begin without a thread."""
        self._lock = threading.Lock()
        self._members: dict[_Round, int] = {}
        self._ending: list[_Round] = []

    def join(
        self, exchange: Exchange, take: Callable[[Block], bool], leave: Callable[[Exception | None], None]
    ) -> None:
        """Ask for readings from now on.

        Args:
            exchange: the readings.
            take: is called with each, in a thread that serves others too, so it must not wait; returns whether there
                shall be more.
            leave: is called once, there too, when no more will come: with the fault that ended it; with None where
                ``take`` wanted no more, or the meter is to be read by somebody who can wait for it.
        """
        with self._lock:
            chosen = next((one for one, members in self._members.items() if members < _MOST_MEMBERS), None)
            if chosen is None:
                chosen = _Round(self._left)
                chosen.start()
            self._members[chosen] = self._members.get(chosen, 0) + 1
            chosen.admit(_Member(exchange, take, leave))

    def settle(self) -> None:
        """Return when the threads are gone that their last members have left."""
        with self._lock:
            ending, self._ending = self._ending, []
        for ended in ending:
            ended.join()

    def _left(self, left: "_Round") -> bool:
        """Count one member less; return whether it was the last: nobody joins that thread any more."""
        with self._lock:
            self._members[left] -= 1
            if self._members[left]:
                return False
            del self._members[left]
            self._ending.append(left)
            return True


class _Round(threading.Thread):
    """The thread, and what it waits at."""

    def __init__(self, left: Callable[["_Round"], bool]) -> None:
        super().__init__(name="rota", daemon=True)
        self._left, self._over = left, False
        self._selector = selectors.DefaultSelector()
        self._bell, self._rings = socket.socketpair()
        self._selector.register(self._rings, selectors.EVENT_READ)
        self._coming: deque[_Member] = deque()
        self._looks: list[tuple[int, int, _Member]] = []
        """A heap. Of each member one entry counts: that of its ``look_ns``."""
        self._numbers = itertools.count()
        self._awaited: set[_Member] = set()

    def admit(self, member: _Member) -> None:
        """Take one more; any thread may call."""
        self._coming.append(member)
        self._bell.send(b"\0")

    def run(self) -> None:
        """Serve until the last one has left."""
        with self._selector, self._bell, self._rings:
            while not self._over:
                ready = self._wait()
                now_ns = time.monotonic_ns()  # whatever is ready had arrived by now
                for key, _ in ready:
                    if key.data is None:
                        self._begin()
                    elif key.data.exchange.until_ns:
                        self._take(key.data, now_ns)
                    else:  # unasked: too late, twice, or the end of the link
                        self._leave(key.data)
                while self._looks and self._looks[0][0] <= now_ns + _EARLY_NS:
                    look_ns, _, member = heapq.heappop(self._looks)
                    if look_ns == member.look_ns:
                        self._look(member, now_ns)

    def _wait(self) -> Sequence[tuple[selectors.SelectorKey, int]]:
        """Return what is ready, at the latest when somebody is to be looked at.

        That is up to a millisecond later while answers are awaited, and exact while none is.
        """
        if not self._looks:
            return self._selector.select()
        left_s = (self._looks[0][0] - time.monotonic_ns()) / 1e9
        if left_s <= 0 or self._awaited:
            return self._selector.select(max(0.0, left_s))
        whole_s = left_s - left_s % _SELECTS_S
        if whole_s and (ready := self._selector.select(whole_s - _SELECTS_S / 2)):
            return ready
        if (left_ns := self._looks[0][0] - time.monotonic_ns()) > 0:
            time.sleep(left_ns / 1e9)
        return ()

    def _begin(self) -> None:
        for _ in self._rings.recv(4096):
            member = self._coming.popleft()
            try:
                self._selector.register(member.exchange.fileno(), selectors.EVENT_READ, member)
            except (KeyError, ValueError, OSError) as error:  # its link was closed meanwhile
                self._leave(member, error)
            else:
                self._look_at(member, member.exchange.due_ns)

    def _look_at(self, member: _Member, at_ns: int) -> None:
        member.look_ns = at_ns
        heapq.heappush(self._looks, (at_ns, next(self._numbers), member))

    def _look(self, member: _Member, now_ns: int) -> None:
        """Ask, or see whether the time for the answer is over."""
        exchange = member.exchange
        if exchange.until_ns:
            if now_ns < exchange.until_ns:
                self._look_at(member, exchange.until_ns + _EARLY_NS)
            else:
                self._take(member, now_ns)
            return
        if (due_ns := exchange.due_ns) > now_ns + _EARLY_NS:  # its answer was awaited no longer than now, and is here
            self._look_at(member, due_ns)
            return
        try:
            exchange.ask()
        except Exception as error:  # noqa: BLE001 -- whoever has joined hears of it
            self._leave(member, error)
        else:
            self._awaited.add(member)
            self._look_at(member, min(exchange.due_ns, exchange.until_ns + _EARLY_NS))

    def _take(self, member: _Member, now_ns: int) -> None:
        try:
            block = member.exchange.take(now_ns)
            more = block is None or member.take(block)
        except Exception as error:  # noqa: BLE001 -- as above
            self._leave(member, error)
            return
        if not more:
            self._leave(member)
        elif block is not None:
            self._awaited.discard(member)
            if member.exchange.due_ns < member.look_ns:
                self._look_at(member, member.exchange.due_ns)

    def _leave(self, member: _Member, fault: Exception | None = None) -> None:
        descriptor = member.exchange.fileno()
        with suppress(KeyError):
            if self._selector.get_key(descriptor).data is member:  # of a closed link another may have it by now
                self._selector.unregister(descriptor)
        self._awaited.discard(member)
        member.look_ns = -1
        self._over = self._left(self)
        member.leave(fault)
