"""A comparison as lines for a terminal: every variant, every difference, then what is open."""

from ..gate_text import table
from .view import TITLES, Comparison, cell, change, relation


def text(comparison: Comparison) -> list[str]:
    """Return all lines."""
    head = comparison.head()
    lines = [*head, "", *table(variants(comparison))]
    if comparison.result.trials and (rows := differences(comparison)):
        lines += ["", *_explained(comparison), *table(rows)]
    remarks = comparison.remarks()
    return [*lines, *([""] if remarks else []), *remarks]


def variants(comparison: Comparison) -> list[tuple[str, ...]]:
    """Return titles, then a row a variant."""
    columns = comparison.columns()
    rows = [("variant", *(TITLES[name] for name in columns), "place")]
    for number, name in enumerate(comparison.names):
        values = comparison.result.values[number]
        label = name if comparison.made == "board" else f"{name} ({comparison.made})"
        rows.append((label, *(cell(column, values.get(column)) for column in columns), comparison.place(number)))
    return rows


def differences(comparison: Comparison) -> list[tuple[str, ...]]:
    """Return titles, then a row a pair of variants and figure that scatters; empty where there is none."""
    if not comparison.inexact or len(comparison.names) < 2:
        return []
    rows = [("difference", "figure", "change (all intervals hold at once)", "certain", "rounds")]
    for (a, b), by in comparison.result.contrasts.items():
        for nth, kind in enumerate(comparison.inexact):
            one, names = by[kind.name], (comparison.names[a], comparison.names[b])
            pair = f"{names[1]} against {names[0]}" if nth == 0 else ""
            rows.append((pair, TITLES[kind.name], change(one), relation(one, *names), str(2 * one.pairs)))
    return rows


def _explained(comparison: Comparison) -> list[str]:
    facts = comparison.facts
    return [
        f"ratios within a board and a round; {100 * (1 - facts.alpha):g} % sure of all at every look; "
        f"less than {100 * facts.resolution:g} % is equal"
    ]
