"""What a run says of an accuracy that several boards have counted together."""

from .frame_facts import AccuracyFacts, ArtifactFacts, DatasetFacts
from .part import Made, Part


class ShareFacts(Part):
    """Some images in a row, predicted by one board."""

    begin: int
    end: int
    """The one after the last."""
    board: str
    made: Made
    correct: int
    record: str
    """Which keeps each image's prediction and margin."""
    check_of: str | None = None
    """The board that predicted these images too, and whose answers count; absent: these count."""


class LostShare(Part):
    """What a board did not bring to its end."""

    board: str
    what: str
    """The lab fault's first line."""
    hint: str = ""
    begin: int | None = None
    """Absent with ``end``: the board had no images yet, or had told of all of them."""
    end: int | None = None
    redone_by: str | None = None
    """Absent: nobody has."""


class DisagreementFacts(Part):
    """An image of which two boards say different things."""

    image: int
    boards: tuple[str, str]
    predictions: tuple[int, int]


class SharedAccuracy(Part):
    """Correct predictions over one data set, every image by one board."""

    artifact: ArtifactFacts
    dataset: DatasetFacts
    accuracy: AccuracyFacts | None = None
    """Over what was predicted; its loss is there only where that is the whole data set. Absent: nothing was."""
    expected_correct: int
    """That the artifact's manifest says, of the same file on the same data set."""
    shares: list[ShareFacts]
    """In the data set's order, then those that check others."""
    lost: list[LostShare] = []
    checked: int = 0
    """Images that a second board has predicted."""
    disagreements: list[DisagreementFacts] = []

    @property
    def whole(self) -> bool:
        """Whether every image was predicted."""
        return self.accuracy is not None and self.accuracy.total == self.dataset.images

    @property
    def boards(self) -> list[str]:
        """That did a share, in the order of the shares."""
        return list(dict.fromkeys(share.board for share in self.shares))
