"""An accuracy that several boards have counted, as lines for a terminal."""

from collections.abc import Iterator

from farm.store.run import GateVerdict
from farm.store.shared_facts import LostShare, SharedAccuracy, ShareFacts

from .gate_text import table
from .gate_view import Gate

_TITLES = ("images", "board", "correct", "", "record")
_MOST_DISAGREEMENTS = 10


def lines(shared: SharedAccuracy) -> Iterator[str]:
    """Yield a table of the shares, what went wrong, and the sum with what it was expected to be."""
    if shared.shares:
        yield from table([_TITLES, *(_row(share) for share in shared.shares)])
    for lost in shared.lost:
        yield " ".join(_lost(lost).split())
    for one in shared.disagreements[:_MOST_DISAGREEMENTS]:
        (first, second), (said, other) = one.boards, one.predictions
        yield f"image {one.image}: {first} says {said}, {second} says {other}"
    if shared.checked and not shared.disagreements:
        yield f"{shared.checked} images were predicted by two boards, which agree"
    yield summary(shared)


def headline(shared: SharedAccuracy, verdict: GateVerdict) -> str:
    """Return what was decided, in one line."""
    missed = [c.name for c in verdict.criteria if c.outcome == "regression"]
    if verdict.outcome == "regression":
        return f"regression: {', '.join(missed)} missed{_made(shared)}"
    if verdict.outcome == "pass":
        boards = len(shared.boards)
        held = ", ".join(c.name for c in verdict.criteria)
        return f"pass: {held} held, on {boards} board{'s' * (boards != 1)}{_made(shared)}"
    return f"no verdict: {next(iter(verdict.reasons), 'see above')}"


def decided(gate: Gate) -> str:
    """Return what was decided of a whole run, a gate's or an accuracy's, in one line."""
    return gate.headline() if gate.run.accuracy is None else headline(gate.run.accuracy, gate.verdict)


def against(a: SharedAccuracy, b: SharedAccuracy) -> Iterator[str]:
    """Yield two accuracies, and their difference where they are of the same images."""
    for name, one in (("A", a), ("B", b)):
        yield f"{name}  {one.artifact.name} on {', '.join(one.boards) or 'no board'}: {summary(one)}"
    if a.dataset.id != b.dataset.id:
        yield "not compared: different data sets"
    elif a.accuracy is None or b.accuracy is None or not (a.whole and b.whole):
        yield "not compared: not all images were predicted"
    else:
        yield f"B - A  {b.accuracy.fraction - a.accuracy.fraction:+.2%}, exact"


def _made(shared: SharedAccuracy) -> str:
    """Return what the boards are where not all are real."""
    made = dict.fromkeys(share.made for share in shared.shares if share.made != "board")
    return f" ({', '.join(made)})" if made else ""


def _row(share: ShareFacts) -> tuple[str, ...]:
    made = "" if share.made == "board" else f" ({share.made})"
    check = f"checks {share.check_of}" if share.check_of else ""
    correct = f"{share.correct} of {share.end - share.begin}"
    return f"{share.begin} to {share.end - 1}", share.board + made, correct, check, share.record[:8]


def _lost(lost: LostShare) -> str:
    where = "" if lost.begin is None or lost.end is None else f" at images {lost.begin} to {lost.end - 1}"
    again = f"; {lost.redone_by} did them again" if lost.redone_by else "; nobody did them again" * bool(where)
    return f"{lost.board}: lab fault{where}: {lost.what.removeprefix(f'{lost.board}: ')}{again}"


def summary(shared: SharedAccuracy) -> str:
    """Return the sum, with what it was expected to be."""
    found = shared.accuracy
    if found is None:
        return f"nothing was predicted of {shared.dataset.images} images"
    if not shared.whole:
        return f"{found.correct} right of {found.total} images; {shared.dataset.images} are wanted: no accuracy"
    got = f"accuracy {found.fraction:.2%} ({found.correct} of {found.total}){_made(shared)}"
    expected = (
        "as its manifest says"
        if found.correct == shared.expected_correct
        else f"its manifest says {shared.expected_correct}"
    )
    loss = "" if found.loss is None else f"; baseline {found.baseline_fraction:.2%}, loss {found.loss:+.2%}"
    return f"{got}, {expected}{loss}, exact: the same data set {shared.dataset.name} {shared.dataset.id[:12]}"
