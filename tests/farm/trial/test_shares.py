"""A data set in shares: every image once, whatever is lost on the way, and the sums of one board that does it all."""

import time
from threading import Thread

import numpy as np
import pytest

from farm.store.predictions import Predictions
from farm.trial.shares import Answer, Disagreement, Share, Shares, disagreements, divide, joined

LABELS = np.arange(100) * 7 % 10
SAYS = np.where(np.arange(100) % 9 == 0, 3, LABELS)
"""What any board of the model says."""


def heed():
    pass


def answered(share: Share, board: str = "a", says=SAYS) -> Answer:
    images = np.arange(share.begin, share.end)
    told = Predictions(images, says[images], np.full(len(images), 0.5), LABELS[images])
    return Answer(share, board, "process twin", told, f"{board}-{share.begin}")


def work(shares: Shares, board: str, *, says=SAYS, dies_after: int = 1000) -> None:
    """Do as a board's thread does."""
    for nth in range(dies_after + 1):
        if (share := shares.take(board, heed)) is None:
            return
        if nth == dies_after:
            shares.lost(share, board, "a fuse")
            return
        shares.done(answered(share, board, says))


def at_once(*threads: Thread) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()


@pytest.mark.parametrize("images", [1, 2, 3, 7, 100, 540, 10_000])
@pytest.mark.parametrize("boards", [1, 2, 3, 8])
def test_every_image_is_in_one_share_and_late_shares_are_small(images, boards):
    shares = divide(images, boards)
    assert [image for share in shares for image in range(share.begin, share.end)] == list(range(images))
    assert sorted((share.images for share in shares), reverse=True) == [share.images for share in shares]
    assert shares[-1].images * boards <= max(images / 8, boards) + boards
    assert len(shares) <= 9 * boards


def test_the_sums_are_those_of_one_board_that_does_it_all():
    shares = Shares(divide(100, 3))
    at_once(*(Thread(target=work, args=(shares, board)) for board in "abc"))
    whole = joined(shares.answers)
    alone = answered(Share(0, 100)).predictions
    assert whole.image.tolist() == alone.image.tolist()
    assert whole.prediction.tolist() == alone.prediction.tolist()
    assert (whole.correct, len(whole)) == (alone.correct, 100)
    assert shares.left == []


def test_what_a_board_loses_goes_to_a_neighbour_even_to_one_that_had_nothing_left_to_do():
    shares = Shares([Share(0, 60), Share(60, 100)])
    first, second = shares.take("a", heed), shares.take("b", heed)
    shares.done(answered(second, "b"))
    idle = Thread(target=work, args=(shares, "b"))
    idle.start()
    shares.lost(first, "a", "a fuse")
    idle.join(5)
    assert joined(shares.answers).correct == int((SAYS == LABELS).sum())
    redone = next(answer for answer in shares.answers if answer.share.begin == 0)
    assert (redone.board, redone.share.lost) == ("b", (("a", "a fuse"),))


@pytest.mark.parametrize("dies_after", [0, 1, 2])
def test_a_board_that_dies_at_any_share_costs_no_image_and_doubles_none(dies_after):
    shares = Shares(divide(100, 3))
    dying = Thread(target=work, args=(shares, "a"), kwargs={"dies_after": dies_after})
    at_once(dying, Thread(target=work, args=(shares, "b")), Thread(target=work, args=(shares, "c")))
    assert joined(shares.answers).image.tolist() == list(range(100))


def test_where_all_boards_die_what_was_done_is_there_and_the_rest_is_named():
    shares = Shares([Share(0, 60), Share(60, 100)])
    work(shares, "a", dies_after=1)
    assert len(joined(shares.answers)) == 60
    assert [(share.begin, share.end) for share in shares.left] == [(60, 100)]
    assert shares.take("a", heed) is None  # it has lost that one


def test_a_share_that_three_boards_have_lost_is_tried_on_no_more():
    shares = Shares([Share(0, 100)])
    for board in "abc":
        work(shares, board, dies_after=0)
    assert shares.take("d", heed) is None
    assert [len(share.lost) for share in shares.left] == [3]


def test_nothing_is_handed_out_once_it_is_given_up():
    shares = Shares([Share(0, 60), Share(60, 100)])
    shares.take("a", heed)
    shares.give_up()
    assert shares.take("b", heed) is None


def test_whoever_waits_for_work_heeds_that_it_is_told_to_end():
    shares = Shares([Share(0, 100)])
    shares.take("a", heed)
    began = time.monotonic()
    with pytest.raises(InterruptedError):
        shares.take("b", lambda: (_ for _ in ()).throw(InterruptedError))
    assert time.monotonic() - began < 5


def test_some_images_of_each_board_are_checked_by_another_one():
    shares = Shares([Share(0, 60), Share(60, 100)], check=10)
    first, second = shares.take("a", heed), shares.take("b", heed)
    shares.done(answered(first, "a"))
    shares.done(answered(second, "b"))
    at_once(*(Thread(target=work, args=(shares, board)) for board in "ab"))
    checks = {(one.share.check_of, one.board): one.share.images for one in shares.answers if one.share.check_of}
    assert checks == {("a", "b"): 5, ("b", "a"): 5}
    assert disagreements(shares.answers) == []
    assert len(joined(shares.answers)) == 100


@pytest.mark.parametrize("check", [30, 90, 100])
def test_as_many_images_are_checked_as_were_asked_for_though_a_share_holds_fewer(check):
    shares = Shares([Share(0, 10), Share(10, 60), Share(60, 100)], check=check)
    for board in "abb":
        share = shares.take(board, heed)
        shares.done(answered(share, board))
    at_once(*(Thread(target=work, args=(shares, board)) for board in "ab"))
    checked = [answer for answer in shares.answers if answer.share.check_of]
    assert sum(answer.share.images for answer in checked) == check
    assert {answer.share.check_of for answer in checked} == {"a", "b"}
    assert len(joined(shares.answers)) == 100


def test_a_board_that_answers_otherwise_than_its_neighbour_is_found_by_image():
    shares = Shares([Share(0, 60), Share(60, 100)], check=10)
    first, second = shares.take("a", heed), shares.take("b", heed)
    odd = SAYS.copy()
    odd[62] = 11
    shares.done(answered(first, "a"))
    shares.done(answered(second, "b", odd))
    at_once(*(Thread(target=work, args=(shares, board)) for board in "ab"))
    assert disagreements(shares.answers) == [Disagreement(62, ("b", "a"), (11, int(SAYS[62])))]


def test_a_board_never_checks_itself():
    shares = Shares([Share(0, 100)], check=10)
    work(shares, "a")
    assert [share.check_of for share in shares.left] == ["a"]


def test_an_image_that_came_twice_is_no_sum():
    with pytest.raises(ValueError, match="twice"):
        joined([answered(Share(0, 60)), answered(Share(59, 100))])
