"""A pytest session with a lab: which tests run on which boards, and when they come back."""

from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import pytest

from devices.errors import DeviceError
from devices.registry import known_boards
from farm.errors import FarmError, UsageFault
from farm.lab.bench import Bench
from farm.lab.inventory import Lab, load, usable
from farm.lab.lease_holder import owner
from power.errors import PowerError

from .dry_run import plan
from .ending import end_with_parent, end_workers, told_to_end
from .hand import Hand, wish_of
from .kept import WORKER_INPUT, Kept, run_of
from .lending import database, take
from .results import Results, note
from .selection import BadMarker, Wish, absent, wishes
from .timeouts import end_process_after


class LabSession:
    """Hooks of a session that has a lab. One a process: with xdist each worker has its own."""

    def __init__(self, config: pytest.Config) -> None:
        """Read the inventory; a wrong one is a usage error before anything is touched."""
        self.config = config
        self._only: list[str] = config.option.farm_board
        self.lab, self._not_up = _read(config)
        try:
            self.lab.require(self._only)
        except UsageFault as fault:
            raise pytest.UsageError("\n".join(f"--farm-board: {line}" for line in fault.faults)) from None
        self.kept = Kept(
            run_of(config, self.lab, owner()), database(self.lab, config.option.farm_state), self.lab.least_free_bytes
        )
        self._hand = Hand(self._take)
        self._bad_markers: list[str] = []
        self._workers: list[Any] = []
        self._ending = ExitStack()
        self.results = Results(config, self.lab, self.kept, self._hand)
        config.pluginmanager.register(self.results, "farm-results")

    @property
    def is_worker(self) -> bool:
        """Whether this is one of xdist's workers."""
        return hasattr(self.config, "workerinput")

    # which tests there are

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a test that needs a bench once for every board that its marker asks for."""
        if "bench" not in metafunc.fixturenames:
            return
        marker = metafunc.definition.get_closest_marker("board")
        given: tuple[object, ...] = marker.args if marker else ()
        named: Mapping[str, object] = marker.kwargs if marker else {}
        try:
            asked = wishes(named, self.lab.boards, list(known_boards()), given=given, only=self._only)
        except BadMarker as bad:
            self._bad_markers.append(f"{metafunc.definition.nodeid}: {bad}")
            return
        metafunc.parametrize("bench", [self._parameter(wish) for wish in asked], indirect=True, scope="session")

    def _parameter(self, wish: Wish) -> Any:  # noqa: ANN401 -- pytest's own
        if wish.candidates:
            return pytest.param(wish, id=wish.id)
        return pytest.param(wish, id=wish.id, marks=pytest.mark.skip(absent(wish, self.lab.lab, self._only)))

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Refuse the session when a marker can never be satisfied."""
        del items
        if self._bad_markers:
            raise pytest.UsageError("\n".join(self._bad_markers))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Only tell what would run, under ``--farm-dry-run``; else see that the lab is up if any test needs it."""
        if self.config.option.farm_dry_run:
            if not self.config.option.collectonly:
                self.results.say(
                    "edge-test-farm: dry run, nothing is touched", plan(session.items, self._wish, self.lab, self._only)
                )
            return True
        if not (self.config.option.collectonly or self.is_worker) and any(map(self._needs_lab, session.items)):
            self._be_up()
        return None

    def require_up(self) -> None:
        """Raise UsageFault unless the lab's addresses are known."""
        if self._not_up is not None:
            raise self._not_up

    def _wish(self, item: pytest.Item) -> Wish | None:
        """Return which board a test asks for, by its bench or as a seat of the gate."""
        gate = self.config.pluginmanager.get_plugin("farm-gate")
        return wish_of(item) or (None if gate is None else gate.wish_of(item))

    def _needs_lab(self, item: pytest.Item) -> bool:
        wish = self._wish(item)
        return wish is not None and bool(wish.candidates)

    def _be_up(self) -> None:
        """Raise pytest.UsageError unless the lab's addresses are known."""
        if self._not_up is not None:
            raise pytest.UsageError("\n".join(self._not_up.faults))

    # who runs them

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config) -> Any:  # noqa: ANN401 -- xdist's own
        """Give each worker its own board, unless the user asked for a distribution of their own."""
        if config.option.dist != "load":
            return None
        from xdist.workermanage import parse_tx_spec_config

        from .by_board import ByBoard

        def refuse(node: object, text: str) -> None:
            report = pytest.CollectReport(nodeid=str(node), outcome="failed", longrepr=text, result=[])
            config.hook.pytest_collectreport(report=report)

        return ByBoard(len(parse_tx_spec_config(config)), self._usable_boards(), refuse, config)

    def _usable_boards(self) -> dict[str, Any]:
        return {name: its for name, its in self.lab.boards.items() if not self._only or name in self._only}

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """See that the lab is up if any test needs it: this process collects none itself."""
        from .by_board import Ids

        boards = Ids(self._usable_boards())
        if any(boards.boards_of(nodeid) for nodeid in ids):
            self._be_up()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:  # noqa: ANN401 -- xdist's own
        """Tell a worker which run it belongs to."""
        node.workerinput[WORKER_INPUT] = self.kept.run.model_dump_json(exclude_none=True)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodeready(self, node: Any) -> None:  # noqa: ANN401 -- xdist's own
        """Note who is at work: they are told to end when this process is."""
        self._workers.append(node)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:  # noqa: ANN401 -- xdist's own
        """Hear what a worker could not put back."""
        self.results.hear(node)

    # when the board comes and goes

    @contextmanager
    def borrow(self, wish: Wish | None) -> Generator[Bench]:
        """Lend a board that the test would take; it stays in hand until a test comes that wants another.

        Raises:
            LabFault: none is free, and none was within ``--farm-wait``.
        """
        if wish is None:
            pytest.skip("the test names no board")
        yield self._hand.hold(wish)

    def _take(self, wish: Wish) -> AbstractContextManager[Bench]:
        self.require_up()
        return take(self.lab, wish, self.config)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        """Tie pytest's cached bench to the lease, and tell which board the test got."""
        value = yield
        if fixturedef.argname == "bench" and self._hand.bench is not None:
            self._hand.note_fixture(fixturedef, request)
        return value

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Name the board that runs it, in JUnit always, and on the screen where the id does not."""
        wish, bench = wish_of(item), self._hand.bench
        if wish is not None and bench is not None:
            if not any(name == "farm.board" for name, _ in item.user_properties):
                item.user_properties.append(("farm.board", bench.name))
            if wish.open:
                note(item, f"on {bench.label}")
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        """Give the board back once no test follows that it would do for."""
        del item
        try:
            return (yield)
        finally:
            self._hand.pass_on(nextitem)

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_timeout_set_timer(self, item: pytest.Item, settings: Any) -> bool | None:  # noqa: ANN401 -- not ours
        """Take the thread method over in tests on a board; the signal method interrupts them, as it should."""
        if settings.method != "thread" or wish_of(item) is None:
            return None
        end_process_after(item, settings.timeout, self._hand.give_back)
        return True

    # how it ends

    def pytest_sessionstart(self) -> None:
        """From now on being told to end goes through the clean-up."""
        self._ending.enter_context(told_to_end())
        if self.is_worker:
            end_with_parent()

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """Give back what is still held, after pytest's own clean-up and before the summary."""
        if session.exitstatus == pytest.ExitCode.INTERRUPTED and self._workers:
            end_workers(self._workers)
            for node in self._workers:
                self.results.hear(node)
        try:
            return (yield)
        finally:
            try:
                self._hand.give_back()
            except (FarmError, DeviceError, PowerError) as fault:
                self.results.late(fault)
            self.results.end(session)

    def pytest_unconfigure(self) -> None:
        """Leave signals as they were."""
        self._ending.close()


def _read(config: pytest.Config) -> tuple[Lab, UsageFault | None]:
    """Return the lab, with the fault of its twins when they are not up: reading and collecting need none."""
    path, state = config.option.farm_inventory, config.option.farm_state
    try:
        try:
            return usable(path, state=state), None
        except UsageFault as not_up:
            return load(path), not_up
    except UsageFault as wrong:
        raise pytest.UsageError("\n".join(wrong.faults)) from None
