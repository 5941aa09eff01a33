"""A data set in shares for several boards: who has which, what came back, and what another board must do again.

No board, no clock: the boards' threads ask :class:`Shares` for work and tell what became of it.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from threading import Condition

import numpy as np

from ..store.part import Made
from ..store.predictions import Predictions

_LEAST_OF_EACH = 8
"""No share is smaller than an eighth of what a board would do if all were alike: each share starts a runner anew,
which loads the model (assumed: seconds)."""
_MOST_LOST = 3
"""A share that so many boards have lost is no board's fault: the others are spared (assumed)."""
_LOOK_S = 0.2
"""Whoever waits for work looks so often whether it was told to end."""


@dataclass(frozen=True, slots=True)
class Share:
    """Some images in a row, for one board."""

    begin: int
    end: int
    """The one after the last."""
    check_of: str | None = None
    """The board whose answers are compared with these; absent: these are the first."""
    lost: tuple[tuple[str, str], ...] = ()
    """(board, why) of those that did not come to its end."""

    @property
    def images(self) -> int:
        """How many."""
        return self.end - self.begin

    @property
    def key(self) -> tuple[int, int, str | None]:
        """What stays the same when it is done again."""
        return self.begin, self.end, self.check_of

    def may_go_to(self, board: str) -> bool:
        """Whether a board may have it: not one that lost it, nor the one that it checks."""
        return board != self.check_of and board not in (lost for lost, _ in self.lost)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one board made of a share."""

    share: Share
    board: str
    made: Made
    predictions: Predictions
    record: str
    """Id of the record that keeps them."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One image of which two boards say different things."""

    image: int
    boards: tuple[str, str]
    predictions: tuple[int, int]


def divide(images: int, boards: int) -> list[Share]:
    """Return shares that hold every image once, larger ones first.

    Each is half of what every board would get of the rest, so that the last ones are small: a slow board does fewer,
    and none waits long for another's last one.
    """
    least = ceil(images / (_LEAST_OF_EACH * boards))
    found: list[Share] = []
    begin = 0
    while begin < images:
        size = max(least, ceil((images - begin) / (2 * boards)))
        found.append(Share(begin, min(images, begin + size)))
        begin += size
    return found


class Shares:
    """Hands shares out, takes answers in. Safe to use from several threads."""

    def __init__(self, shares: Sequence[Share], *, check: int = 0) -> None:
        """Take all shares, and how many images are to be predicted once more by another board."""
        self._waiting = deque(shares)
        self._running: dict[tuple[int, int, str | None], str] = {}
        self._check, self._given_up, self._idle = check, False, 0
        self._changed = Condition()
        self.answers: list[Answer] = []
        """In the order in which they came."""

    @property
    def left(self) -> list[Share]:
        """What nobody has done."""
        with self._changed:
            return list(self._waiting)

    @property
    def idle(self) -> bool:
        """Whether a board waits for what others may lose."""
        return self._idle > 0

    @property
    def over(self) -> bool:
        """Whether another board would find nothing to do, now or later."""
        with self._changed:
            return self._given_up or not (self._waiting or self._running or self._check)

    def take(self, board: str, heed: Callable[[], object]) -> Share | None:
        """Return a share for a board; None once there will be none.

        It waits while others are at work: what they lose must be done again. ``heed`` is called meanwhile; what it
        raises ends the wait.
        """
        with self._changed:
            while True:
                self._add_checks()
                mine = next((share for share in self._waiting if share.may_go_to(board)), None)
                if self._given_up or (mine is None and not self._running):
                    return None
                if mine is not None:
                    self._waiting.remove(mine)
                    self._running[mine.key] = board
                    return mine
                self._idle += 1
                try:
                    self._changed.wait(_LOOK_S)
                    heed()
                finally:
                    self._idle -= 1

    def done(self, answer: Answer) -> None:
        """Note what a board made of its share."""
        with self._changed:
            del self._running[answer.share.key]
            self.answers.append(answer)
            self._changed.notify_all()

    def lost(self, share: Share, board: str, why: str) -> None:
        """Put back what a board did not bring to its end: another one does it again, before anything else."""
        again = Share(share.begin, share.end, share.check_of, (*share.lost, (board, why)))
        with self._changed:
            del self._running[share.key]
            self._waiting.appendleft(again)
            self._given_up = self._given_up or len(again.lost) >= _MOST_LOST
            self._changed.notify_all()

    def give_up(self) -> None:
        """Hand nothing out any more."""
        with self._changed:
            self._given_up = True
            self._changed.notify_all()

    def _add_checks(self) -> None:
        """When all images are done, let some of each board's be done again by others."""
        if not self._check or self._waiting or self._running:
            return
        left, self._check = self._check, 0
        by_board: dict[str, list[Share]] = {}
        for answer in self.answers:
            by_board.setdefault(answer.board, []).append(answer.share)
        # who did the fewest comes first: what it cannot give the others do
        ordered = sorted(by_board.items(), key=lambda one: sum(share.images for share in one[1]))
        for nth, (board, shares) in enumerate(ordered):
            of_this = max(1, ceil(left / (len(ordered) - nth)))
            for share in shares:
                images = min(share.images, of_this)
                if images:
                    self._waiting.append(Share(share.begin, share.begin + images, check_of=board))
                of_this, left = of_this - images, left - images


def joined(answers: Sequence[Answer]) -> Predictions | None:
    """Return the predictions of all images, those that were done to check others left out; None where there are none.

    Raises:
        ValueError: an image was predicted twice.
    """
    parts = [answer.predictions for answer in answers if answer.share.check_of is None]
    if not parts:
        return None
    order = np.argsort(np.concatenate([part.image for part in parts]), kind="stable")
    labels = [part.label for part in parts if part.label is not None]
    found = Predictions(
        np.concatenate([part.image for part in parts])[order],
        np.concatenate([part.prediction for part in parts])[order],
        np.concatenate([part.margin for part in parts])[order],
        np.concatenate(labels)[order] if len(labels) == len(parts) else None,
    )
    if (np.diff(found.image) < 1).any():
        raise ValueError("an image was predicted twice")
    return found


def disagreements(answers: Sequence[Answer]) -> list[Disagreement]:
    """Return where boards that predicted the same images said different things, in the order of the images."""
    first = {
        image: (answer.board, prediction)
        for answer in answers
        if answer.share.check_of is None
        for image, prediction in _pairs(answer.predictions)
    }
    found = [
        Disagreement(image, (first[image][0], answer.board), (first[image][1], prediction))
        for answer in answers
        if answer.share.check_of is not None
        for image, prediction in _pairs(answer.predictions)
        if first[image][1] != prediction
    ]
    return sorted(found, key=lambda one: (one.image, one.boards))


def _pairs(predictions: Predictions) -> list[tuple[int, int]]:
    return list(zip(predictions.image.tolist(), predictions.prediction.tolist(), strict=True))
