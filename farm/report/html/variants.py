"""The page's section of a run that compares variants: the tables that a terminal shows."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..collect import Subject
from ..variants.text import differences, variants
from ..variants.view import Comparison


@dataclass(frozen=True, slots=True)
class VariantsView:
    """Texts of the section."""

    head: list[str]
    tables: list[tuple[str, Sequence[Sequence[str]]]]
    """Caption, and rows under their titles."""
    remarks: list[str]


def variants_view(subject: Subject) -> VariantsView | None:
    """Return the section of a comparison; None for any other run."""
    if subject.run is None or subject.run.comparison is None:
        return None
    comparison = Comparison.of(subject.run, [one.record for one in subject.trials])
    tables: list[tuple[str, Sequence[Sequence[str]]]] = [("Every variant, and its place", variants(comparison))]
    if comparison.result.trials and (found := differences(comparison)):
        tables.append(("Every difference, by ratios within a board and a round", found))
    return VariantsView(comparison.head(), tables, comparison.remarks())
