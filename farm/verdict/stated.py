"""Limits that a release can be held to at all: one that states no accuracy is refused before anything runs."""

from collections.abc import Iterable, Iterator

from ..artifact.manifest import Manifest
from ..errors import UsageFault
from .criteria import Limits, kinds


def require_stated(manifest: Manifest, limits: Limits) -> None:
    """Raise UsageFault with all that :func:`unstated` says."""
    if faults := list(unstated(manifest, limits)):
        raise UsageFault(faults)


def unstated(manifest: Manifest, limits: Limits, changes: Iterable[str] = ()) -> Iterator[str]:
    """Say of each limit on accuracy that an artifact names no data set that it could be counted on.

    Args:
        manifest: The artifact's.
        limits: Absolute ones.
        changes: Figures that are compared with a baseline.
    """
    if manifest.states_accuracy:
        return
    named = [kind.limit for kind, _ in kinds(limits) if kind.family == "accuracy"]
    for name in [*named, *(f"against_baseline {name}" for name in changes if name.startswith("accuracy"))]:
        yield (
            f"{manifest.name}: {name}: no accuracy is stated, for its manifest names no data set; "
            "leave this limit out, or pack it with one"
        )
