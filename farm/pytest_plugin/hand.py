"""The one bench that a pytest process holds: kept from test to test for as long as it will do."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

import pytest

from farm.lab.bench import Bench

from .selection import Wish

Take = Callable[[Wish], AbstractContextManager[Bench]]


def wish_of(item: pytest.Item | None) -> Wish | None:
    """Return which board a test asks for; None where it needs none."""
    callspec = getattr(item, "callspec", None)
    wish = None if callspec is None else callspec.params.get("bench")
    return wish if isinstance(wish, Wish) else None


class Hand:
    """Holds one bench at most: what is not given back is never waited on with another in hand, so nobody deadlocks."""

    def __init__(self, take: Take) -> None:
        """Take what borrows a board that a wish asks for."""
        self._take, self._lent = take, ExitStack()
        self._bench: Bench | None = None
        self._fixture: tuple[pytest.FixtureDef[object], pytest.FixtureRequest] | None = None

    def hold(self, wish: Wish) -> Bench:
        """Return the bench in hand when it will do, else give it back and borrow one that does."""
        if self._bench is None or self._bench.name not in wish.candidates:
            self.give_back()
            self._bench = self._lent.enter_context(self._take(wish))
        return self._bench

    @property
    def bench(self) -> Bench | None:
        """What is in hand."""
        return self._bench

    def note_fixture(self, fixture: pytest.FixtureDef[object], request: pytest.FixtureRequest) -> None:
        """Remember pytest's cached value of ``bench``: it must not outlive the lease."""
        self._fixture = (fixture, request)

    def pass_on(self, following: pytest.Item | None) -> None:
        """Give the bench back unless the next test will use it.

        Raises:
            LabFault: something that was set on the board could not be put back.
        """
        wish = wish_of(following)
        if self._bench is None or (wish is not None and self._bench.name in wish.candidates):
            return
        try:
            if self._fixture is not None:
                fixture, request = self._fixture
                fixture.finish(request)  # pyright: ignore[reportArgumentType] -- pytest's own class for requests is private
        finally:
            self.give_back()

    def give_back(self) -> None:
        """Return the lease; what was set on the board is put back first. Raises as :meth:`pass_on`."""
        self._bench, self._fixture = None, None
        lent, self._lent = self._lent, ExitStack()
        lent.close()
