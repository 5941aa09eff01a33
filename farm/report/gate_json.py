"""A gate as JSON for programs."""

from typing import Any

from .gate_view import Gate


def gate_json(gate: Gate) -> dict[str, Any]:
    """Return verdict, run and the ids of its records; what is unknown is left out."""
    return {
        "version": 1,
        "outcome": gate.verdict.outcome,
        "verdict": gate.verdict.model_dump(mode="json", exclude_none=True),
        "made": {board: gate.made(board) for board in gate.boards},
        "run": gate.run.model_dump(mode="json", exclude_none=True),
        "records": [
            {"id": r.id, "board": r.board.name, "role": r.role, "artifact": r.artifact.id, "void": bool(r.voids)}
            for r in gate.records
        ],
    }
