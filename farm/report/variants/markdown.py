"""A comparison as Markdown, for a summary or a note."""

from ..markup import code, folded, table
from ..markup import text as plain
from .text import differences, variants
from .view import Comparison

_MARKS = {"front": "🏁 ", "maybe": "❔ ", "dominated": "▫️ "}


def markdown(comparison: Comparison) -> str:
    """Return the table of variants, the differences folded, and what is open."""
    verdicts = [place.verdict for place in comparison.result.places]
    columns, *rows = variants(comparison)
    marked = [
        (*map(plain, row[:-1]), _MARKS[verdict] + plain(row[-1])) for row, verdict in zip(rows, verdicts, strict=True)
    ]
    parts = [f"## {plain(comparison.headline())}", *map(plain, comparison.head())]
    if comparison.made != "board":
        parts.insert(1, f"**Not measured on boards:** {plain(comparison.made)}.")
    parts.append(table(columns, marked))
    if found := differences(comparison):
        titles, *pairs = found
        parts.append(folded("Every difference", table(titles, [tuple(map(plain, row)) for row in pairs])))
    parts += [f"- {plain(line)}" for line in comparison.remarks()]
    parts.append(f"Run {code(comparison.run.id)}, seed {comparison.facts.seed}.")
    return "\n\n".join(parts) + "\n"
