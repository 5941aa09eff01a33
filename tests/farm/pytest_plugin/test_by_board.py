"""How tests are handed to workers: a scheduler is told of workers that need no process."""

from dataclasses import dataclass, field

import pytest

from farm.lab.inventory import BoardEntry
from farm.pytest_plugin.by_board import ByBoard, Ids, can_all_be_had


def entry(model, *tags):
    return BoardEntry.model_construct(model=model, tags=list(tags))


BOARDS = {
    "tx2-01": entry("jetson-tx2"),
    "tx2-011": entry("jetson-tx2", "lab-2"),
    "coral-01": entry("coral-dev", "lab-2", "lab"),
}


@pytest.mark.parametrize(
    ("nodeid", "boards"),
    [
        ("test_a.py::test_it[tx2-01]", {"tx2-01"}),
        ("test_a.py::test_it[tx2-011]", {"tx2-011"}),
        ("test_a.py::test_it[fast-tx2-01-4]", {"tx2-01"}),
        ("test_a.py::TestAll::test_it[any-jetson-tx2]", {"tx2-01", "tx2-011"}),
        ("test_a.py::test_it[any-jetson-tx2+lab-2-fast]", {"tx2-011"}),
        ("test_a.py::test_it[any-coral-dev+lab+lab-2]", {"coral-01"}),
        ("test_a.py::test_it[any-jetson-tx2+lab]", set()),
        ("test_a.py::test_it", set()),
        ("tx2-01/test_a.py::test_it[3]", set()),
    ],
)
def test_a_tests_id_tells_its_boards(nodeid, boards):
    assert Ids(BOARDS).boards_of(nodeid) == boards


@dataclass(eq=False)
class Worker:
    """Runs what it was given in order; like xdist's, a test only once it knows the next or that there is none."""

    name: str
    given: list[int] = field(default_factory=list)
    shutting_down: bool = False
    board: str | None = None

    def send_runtest_some(self, indices):
        assert not self.shutting_down
        self.given += indices

    def shutdown(self):
        self.shutting_down = True

    @property
    def ready(self):
        return len(self.given) > 1 or (self.given and self.shutting_down)


def scheduled(tests, workers, boards=BOARDS):
    """A scheduler with its workers, tests handed out."""
    refused = []
    by_board = ByBoard(workers, boards, lambda _, text: refused.append(text))
    nodes = [Worker(f"gw{n}") for n in range(workers)]
    for node in nodes:
        by_board.add_node(node)
        by_board.add_node_collection(node, tests)
    by_board.schedule()
    return by_board, nodes, refused


def ids(*names):
    """Ids of tests named ``board/n``."""
    return [f"test_{name}[{board}]" for name, board in (name.split("@") for name in names)]


def run(by_board, nodes, tests, boards=BOARDS):
    """Let all workers run one test at a time until nothing moves; return rounds, and who ran what on which board.

    A worker keeps its board while it will do, and waits where others hold all that would.
    """
    ran, rounds = [], 0
    wants = Ids(boards)
    while any(node.given for node in nodes):
        for node in [node for node in nodes if node.shutting_down and not node.given and node in by_board.nodes]:
            by_board.remove_node(node)  # as xdist does once a worker has ended
        rounds += 1
        done = []
        for node in nodes:
            if not node.ready:
                continue
            would_do = wants.boards_of(tests[node.given[0]])
            if node.board not in would_do:
                node.board = None
                free = would_do - {other.board for other in nodes}
                node.board = min(free, default=None)
                if would_do and not free:
                    continue
            done.append(node)
        assert done, f"nobody can go on: {[(node.given, node.shutting_down) for node in nodes]}"
        for node in done:
            test = node.given.pop(0)
            ran.append((node.name, node.board, tests[test]))
            by_board.mark_test_complete(node, test)
            following = wants.boards_of(tests[node.given[0]]) if node.given else set()
            if node.board not in following:
                node.board = None
    assert sorted(test for *_, test in ran) == sorted(tests), "each test runs once"
    assert by_board.tests_finished
    return rounds, ran


FOUR = {f"tx2-0{n}": entry("jetson-tx2") for n in range(4)}
ANY16 = [f"test_{n}[any-jetson-tx2]" for n in range(16)]


@pytest.mark.parametrize("workers", [1, 4, 9])
def test_any_of_four_boards_is_worked_on_by_four_workers_at_most(workers):
    by_board, nodes, _ = scheduled(ANY16, workers, FOUR)
    rounds, ran = run(by_board, nodes, ANY16, FOUR)
    assert rounds == {1: 16, 4: 4, 9: 4}[workers]
    assert len({name for name, *_ in ran}) == min(workers, 4)


def test_few_tests_are_spread_before_anybody_gets_a_second():
    by_board, nodes, _ = scheduled(ANY16[:4], 4, FOUR)
    assert [len(node.given) for node in nodes] == [1, 1, 1, 1]
    assert run(by_board, nodes, ANY16[:4], FOUR)[0] == 1


def test_a_named_boards_tests_stay_together_and_in_order():
    tests = ids("a@tx2-01", "a@coral-01", "b@tx2-01", "b@coral-01", "c@tx2-01")
    by_board, nodes, _ = scheduled(tests, 2)
    _, ran = run(by_board, nodes, tests)
    for board in ("tx2-01", "coral-01"):
        its = [(worker, test) for worker, on, test in ran if on == board]
        assert [test for _, test in its] == [test for test in tests if board in test]
        assert len({worker for worker, _ in its}) == 1


def test_while_one_worker_has_a_named_board_others_take_what_is_left_of_its_model():
    tests = [*ids(*(f"n{n}@tx2-01" for n in range(6))), *(f"test_a{n}[any-jetson-tx2]" for n in range(6))]
    by_board, nodes, _ = scheduled(tests, 3)
    rounds, ran = run(by_board, nodes, tests)
    assert rounds <= 7
    meanwhile = ran[: max(n for n, (*_, test) in enumerate(ran) if "[tx2-01]" in test)]
    assert {on for _, on, test in meanwhile if "any-" in test} == {"tx2-011"}


def test_tests_without_a_board_run_where_no_board_is_left():
    tests = [*ANY16[:4], *(f"test_plain{n}" for n in range(4))]
    one = {"tx2-01": entry("jetson-tx2")}
    by_board, nodes, _ = scheduled(tests, 2, one)
    rounds, ran = run(by_board, nodes, tests, one)
    assert rounds == 4
    assert len({worker for worker, on, _ in ran if on}) == 1


def test_mixed_requests_end_whatever_the_number_of_workers():
    tests = [
        *ids(*(f"n{n}@{board}" for n in range(3) for board in BOARDS)),
        *(f"test_a{n}[any-jetson-tx2]" for n in range(5)),
        *(f"test_t{n}[any-jetson-tx2+lab-2]" for n in range(5)),
        *(f"test_c{n}[any-coral-dev]" for n in range(3)),
        *(f"test_p{n}" for n in range(7)),
    ]
    for workers in range(1, 12):
        by_board, nodes, _ = scheduled(tests, workers)
        run(by_board, nodes, tests)


def test_what_a_lost_worker_left_goes_to_others_but_for_the_test_it_was_lost_in():
    by_board, nodes, _ = scheduled(ANY16, 2, FOUR)
    lost = nodes[0]
    assert by_board.remove_node(lost) == ANY16[lost.given[0]]
    left = [test for test in ANY16 if test != ANY16[lost.given[0]]]
    ran = []
    while nodes[1].given:
        test = nodes[1].given.pop(0)
        ran.append(ANY16[test])
        by_board.mark_test_complete(nodes[1], test)
    assert sorted(ran) == sorted(left)


def test_a_test_that_is_to_run_again_after_its_worker_died_does():
    tests = ids("a@tx2-01", "b@coral-01")
    by_board, (first, second), _ = scheduled(tests, 2)
    lost = by_board.remove_node(first)
    by_board.mark_test_pending(lost)
    by_board.add_node(third := Worker("gw2"))
    by_board.add_node_collection(third, tests)
    by_board.schedule()
    assert tests[third.given[0]] == lost or tests[second.given[-1]] == lost


def test_tests_that_a_worker_gives_up_unrun_go_to_another():
    tests = ids("a@tx2-01", "b@tx2-01", "c@coral-01")
    by_board, (first, second), _ = scheduled(tests, 2)
    given_up = first.given[-1]
    by_board.remove_pending_tests_from_node(first, [given_up])
    assert [first.given, second.given].count([]) == 0
    assert by_board.has_pending
    assert (first.given + second.given).count(given_up) == 2


def test_the_worker_that_replaces_a_lost_one_is_given_tests():
    by_board, nodes, _ = scheduled(ANY16, 1, FOUR)
    by_board.remove_node(nodes[0])
    new = Worker("gw1")
    by_board.add_node(new)
    by_board.add_node_collection(new, ANY16)
    by_board.schedule()
    assert new.ready


def test_workers_that_collected_other_tests_are_told_how_they_differ():
    refused = []
    by_board = ByBoard(2, BOARDS, lambda _, text: refused.append(text))
    for name, tests in (("gw0", ["a", "b"]), ("gw1", ["a", "c"])):
        node = Worker(name)
        by_board.add_node(node)
        by_board.add_node_collection(node, tests)
    by_board.schedule()
    assert "as number 2 c, not b" in refused[0]


def test_whether_all_can_have_a_board_at_once():
    a, b, ab = frozenset("a"), frozenset("b"), frozenset("ab")
    assert can_all_be_had([ab, a])
    assert can_all_be_had([a, ab, frozenset("bc")])
    assert not can_all_be_had([ab, a, b])
    assert not can_all_be_had([a, a])
