"""A run as it stands in the store before its first trial."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from ..store.run import Run, RunKind
from .inventory import Lab
from .lease import owner


def new_run(lab: Lab, kind: RunKind, command: Sequence[str], **facts: Any) -> Run:  # noqa: ANN401 -- Run's own fields
    """Return a run that begins now, of this lab and its owner.

    Args:
        lab: where it runs.
        kind: what it is.
        command: as it was typed.
        facts: its other fields.
    """
    return Run(
        id=secrets.token_hex(8),
        kind=kind,
        started_utc=datetime.now(UTC),
        command=list(command),
        owner=owner(),
        lab=lab.lab,
        inventory=lab.resolved.source if lab.resolved else str(lab.path),
        inventory_sha256=lab.resolved.sha256 if lab.resolved else lab.sha256,
        farm_version=version("edge-test-farm"),
        **facts,
    )
