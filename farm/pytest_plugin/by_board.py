"""pytest-xdist: each worker its own board, and no more workers on boards than there are boards.

The ``xdist_group`` mark would keep a board's tests together too, but xdist reads it only under ``--dist loadgroup``
and, as of 3.8, not at all with pytest 9.2, which no longer lets it append the group to a test's id.

A worker runs a test only once it knows the next one, or that there is none; so each is given one test ahead.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Protocol

from farm.lab.inventory import BoardEntry

Boards = frozenset[str]
"""Boards of which a test needs one; empty for a test without a bench."""

_AHEAD = 2
"""Tests that a worker has: the one that it runs, and the one after it."""


class Node(Protocol):
    """What xdist says of a worker."""

    @property
    def shutting_down(self) -> bool:
        """Whether it takes no more tests."""
        ...

    def send_runtest_some(self, indices: Sequence[int]) -> None:
        """Give it tests, by their place in the collection."""
        ...

    def shutdown(self) -> None:
        """Let it end once it has run what it was given."""
        ...


class Ids:
    """Reads from a test's id which boards it needs: all that the main process ever hears of a test."""

    def __init__(self, boards: Mapping[str, BoardEntry]) -> None:
        """Take the boards that tests may use."""
        self._boards = boards
        models, tags = {its.model for its in boards.values()}, {tag for its in boards.values() for tag in its.tags}
        self._any = re.compile(rf"-any-({_one_of(models)})((?:\+(?:{_one_of(tags)}))*)-")

    def boards_of(self, nodeid: str) -> Boards:
        """Return the boards that would do. Other parameters may stand beside it: ``test_it[fast-tx2-01-4]``."""
        parameters = f"-{nodeid.partition('[')[2].removesuffix(']')}-"
        if request := self._any.search(parameters):
            model, tags = request[1], set(filter(None, request[2].split("+")))
            return frozenset(name for name, its in self._boards.items() if its.model == model and tags <= set(its.tags))
        named = [name for name in self._boards if f"-{name}-" in parameters]
        return frozenset([max(named, key=len)]) if named else frozenset()


def _one_of(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)) or r"(?!)"


@dataclass(frozen=True, slots=True)
class Unit:
    """Tests that go to one worker together: all of one named board's, else a single one."""

    tests: tuple[int, ...]
    boards: Boards


@dataclass(slots=True)
class Work:
    """What one worker was given and has not reported yet, in order."""

    tests: list[int] = field(default_factory=list[int])
    boards: Boards = frozenset()
    """Of which it holds one, or will when it comes to its last test."""


class ByBoard:
    """Hands out tests so that all workers' boards can be had at once; xdist's ``Scheduling``.

    Where more workers than boards are there, the others run what needs no board, or end.
    """

    def __init__(
        self,
        workers: int,
        boards: Mapping[str, BoardEntry],
        refuse: Callable[[Node, str], object],
        config: object = None,
    ) -> None:
        """Take how many workers come, the boards, and ``refuse``, told which worker collected other tests and how."""
        self.config = config  # where pytest-rerunfailures looks for it
        self._workers, self._ids, self._refuse = workers, Ids(boards), refuse
        self._collections: dict[Node, list[str]] = {}
        self._work: dict[Node, Work] = {}
        self._units: deque[Unit] = deque()
        self._boards_of: list[Boards] = []
        self.collection: list[str] | None = None
        """Test ids, the same on all workers; None until all have collected."""

    @property
    def nodes(self) -> list[Node]:
        """The workers."""
        return list(self._work)

    @property
    def collection_is_completed(self) -> bool:
        """Whether every worker has said what it collected."""
        return self.collection is not None or len(self._collections) >= self._workers

    @property
    def tests_finished(self) -> bool:
        """Whether nothing is left to hand out, and no worker waits for its next test."""
        return (
            self.collection_is_completed
            and not self._units
            and all(len(work.tests) < _AHEAD for work in self._work.values())
        )

    @property
    def has_pending(self) -> bool:
        """Whether tests are left."""
        return bool(self._units) or any(work.tests for work in self._work.values())

    def add_node(self, node: Node) -> None:
        """Take in a worker; it is given tests once it has collected."""
        self._work[node] = Work()

    def add_node_collection(self, node: Node, collection: Sequence[str]) -> None:
        """Hear what a worker collected."""
        self._collections[node] = list(collection)
        if self.collection is not None and self._collections[node] != self.collection:
            del self._work[node]
            node.shutdown()
            self._refuse(node, difference(self.collection, self._collections[node]))

    def schedule(self) -> None:
        """Hand out tests; again after a lost worker was replaced."""
        if self.collection is None and not self._begin():
            return
        for _ in range(_AHEAD):  # one for each before a second for any
            for node in self.nodes:
                self._feed(node, up_to=len(self._work[node].tests) + 1)
        self._settle()

    def _begin(self) -> bool:
        collection, *others = self._collections.values()
        for node, other in zip(list(self._collections)[1:], others, strict=True):
            if other != collection:
                self._refuse(node, difference(collection, other))
                return False
        self.collection = collection
        self._boards_of = [self._ids.boards_of(nodeid) for nodeid in collection]
        together: dict[object, list[int]] = {}
        for test, boards in enumerate(self._boards_of):
            together.setdefault(boards if len(boards) == 1 and not _is_open(collection[test]) else test, []).append(
                test
            )
        self._units.extend(Unit(tuple(tests), self._boards_of[tests[0]]) for tests in together.values())
        return True

    def mark_test_complete(self, node: Node, item_index: int, duration: float = 0) -> None:
        """Hear that a worker has run a test."""
        del duration
        self._work[node].tests.remove(item_index)
        self._settle()

    def remove_node(self, node: Node) -> str | None:
        """Forget a worker; its tests go to others, but for the one that it died in, whose id is returned."""
        work = self._work.pop(node)
        if self.collection is None:
            self._collections.pop(node, None)
        if not work.tests or self.collection is None:
            return None
        crashed, *left = work.tests
        self._take_back(left)
        return self.collection[crashed]

    def mark_test_pending(self, item: str) -> None:
        """Run a test again in which a worker died: a user's ``pytest_handlecrashitem`` wants it, we never do."""
        if self.collection is not None:
            self._take_back([self.collection.index(item)])

    def remove_pending_tests_from_node(self, node: Node, indices: Sequence[int]) -> None:
        """Take back tests that a worker gave up unrun."""
        mine = self._work[node].tests
        mine[:] = [test for test in mine if test not in set(indices)]
        self._take_back(indices)

    def _take_back(self, tests: Iterable[int]) -> None:
        """Hand tests out again, before all others; those of one board stay together."""
        units: dict[Boards, list[int]] = {}
        for test in tests:
            units.setdefault(self._boards_of[test], []).append(test)
        self._units.extendleft(Unit(tuple(again), boards) for boards, again in units.items())
        self._settle()

    def _settle(self) -> None:
        """Give every worker its next test; let those end that nothing is left for."""
        for node in self.nodes:
            self._feed(node, up_to=_AHEAD)
        for node, work in self._work.items():
            waits = bool(self._units) and not work.tests  # for a board that others have now
            if node.shutting_down or node not in self._collections or waits or len(work.tests) >= _AHEAD:
                continue
            if self._units and all(other.shutting_down for other in self._work if other is not node):
                self._give(node, self._units[0])  # nobody else will: it waits for the board
            else:
                node.shutdown()

    def _feed(self, node: Node, *, up_to: int) -> None:
        ready = node in self._collections and not node.shutting_down
        while ready and len(self._work[node].tests) < up_to:
            if (unit := self._next(node)) is None:
                return
            self._give(node, unit)

    def _give(self, node: Node, unit: Unit) -> None:
        self._units.remove(unit)
        work = self._work[node]
        work.tests += unit.tests
        work.boards = (work.boards & unit.boards) or unit.boards
        node.send_runtest_some(list(unit.tests))

    def _next(self, node: Node) -> Unit | None:
        """Return what its board will do for, else what another board is free for, else what needs none."""
        own = self._work[node].boards
        others = [work.boards for other, work in self._work.items() if other is not node and work.tests and work.boards]
        stays = [unit for unit in self._units if unit.boards & own]
        moves = [unit for unit in self._units if unit.boards and not unit.boards & own]
        for unit in (*stays, *moves):
            if can_all_be_had([*others, (unit.boards & own) or unit.boards]):
                return unit
        return next((unit for unit in self._units if not unit.boards), None)


def difference(wanted: Sequence[str], found: Sequence[str]) -> str:
    """Say how two workers' collections differ."""
    pairs = zip_longest(wanted, found, fillvalue="nothing")
    nth, (want, got) = next((n, pair) for n, pair in enumerate(pairs, 1) if pair[0] != pair[1])
    return (
        f"collected other tests than another worker: as number {nth} {got}, not {want}\n"
        "  try: let neither chance, nor time, nor the order of a set decide which tests there are"
    )


def _is_open(nodeid: str) -> bool:
    return "any-" in nodeid.partition("[")[2]


def can_all_be_had(requests: Sequence[Boards]) -> bool:
    """Tell whether every request can get a board of its own at the same time."""
    taken: dict[str, int] = {}

    def seat(request: int, tried: set[str]) -> bool:
        for board in requests[request] - tried:
            tried.add(board)
            if board not in taken or seat(taken[board], tried):
                taken[board] = request
                return True
        return False

    return all(seat(request, set()) for request in range(len(requests)))
