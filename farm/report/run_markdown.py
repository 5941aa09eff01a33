"""A run as Markdown: its trials in one table, and what was predicted beside what was measured."""

from collections.abc import Callable, Iterator

from farm.store.record import Record

from .collect import Subject
from .gate_view import Gate, judged
from .markup import table, text
from .prediction.beside import COLUMNS, PredictedText
from .prediction.said import lines
from .shared_text import decided, summary
from .speed import speed
from .table import TITLES, row


def markdown(subject: Subject, predicted: Callable[[Record], PredictedText | None]) -> str:
    """Return the page; ``predicted``: what stands beside a record."""
    run = subject.run
    head = f"## run {run.id} on lab {text(run.lab)}" if run else f"## record {subject.trials[0].record.id}"
    rows = [
        row(one.record, one.verdict).as_dict() | {"verdict": judged(one, subject.verdict)} for one in subject.trials
    ]
    cells = [tuple(text(cell) for cell in texts.values()) for texts in rows]
    parts = [head, *_decided(subject), table(tuple(TITLES.values()), cells)]
    for one in subject.trials:
        parts += _of(one.record, predicted(one.record))
        parts += [f"- void: {text(void)}" for void in one.record.voids]
        whose = f"{one.record.board.name}, record {one.record.id[:8]}"
        parts += [f"- {text(f'{whose}: {told}')}" for told in speed(one.record)]
    parts += [f"- record {one.id}: {text(one.why)}" for one in subject.unreadable]
    return "\n\n".join(parts) + "\n"


def _decided(subject: Subject) -> Iterator[str]:
    """Yield what came of the whole run."""
    if (run := subject.run) is None:
        return
    if subject.verdict is not None:
        yield text(decided(Gate(run, subject.verdict)))
    if run.accuracy is not None:
        yield text(summary(run.accuracy))


def _of(record: Record, found: PredictedText | None) -> Iterator[str]:
    said = lines(record)
    if not said and found is None:
        return
    yield f"### {text(record.board.name)}, {text(record.artifact.name)}, record {record.id[:8]}"
    if said:
        yield "\n".join(f"- {text(line)}" for line in said)
    if found is not None and found.rows:
        yield f"**{found.title}**"
        yield table(COLUMNS, [tuple(text(cell) for cell in cells) for cells in found.rows])
    if found is not None:
        yield "\n".join(f"- {text(note)}" for note in found.notes)
