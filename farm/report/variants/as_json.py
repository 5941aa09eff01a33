"""A comparison as JSON for programs."""

from dataclasses import asdict
from math import isfinite
from typing import Any

from farm.verdict.variants.contrast import Contrast

from .view import Comparison


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Return everything that is printed; what is unknown is left out."""
    result = comparison.result
    return {
        "version": 1,
        "made": comparison.made,
        "decided": result.decided,
        "more_rounds": result.more_rounds,
        "run": comparison.run.model_dump(mode="json", exclude_none=True),
        "variants": [
            {
                "name": name,
                "id": variant.id,
                "place": place.verdict,
                "by": [comparison.names[by] for by in place.by],
                "figures": {key: _known(asdict(value)) for key, value in values.items()},
            }
            for name, variant, place, values in zip(
                comparison.names, comparison.facts.variants, result.places, result.values, strict=True
            )
        ],
        "differences": [
            {"a": comparison.names[a], "b": comparison.names[b], "figure": figure, **_contrast(one)}
            for (a, b), by in result.contrasts.items()
            for figure, one in by.items()
        ],
        "rounds": {board: 2 * pairs for board, pairs in result.pairs.items()},
        "trials": result.trials,
        "voids": list(result.voids),
        "notes": list(result.notes),
        "records": [record.id for record in comparison.records],
    }


def _contrast(one: Contrast) -> dict[str, Any]:
    return _known(asdict(one))


def _known(value: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is not there; a bound that is none is not there either."""
    return {
        key: one
        for key, one in value.items()
        if one not in (None, "", ()) and not (isinstance(one, float) and not isfinite(one))
    }
