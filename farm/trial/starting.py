"""How a deployment is started on its board: the shipped runner, or the artifact's own programs."""

import json
import posixpath
from shlex import quote
from typing import Any

from ..artifact.deploy import Deployment
from ..errors import LabFault, UsageFault
from .scenario import Scenario


def command(deployment: Deployment, asked: dict[str, Any], *, keep: str = "") -> str:
    """Return how a deployment is run as a plan asks; ``keep``: the file on the board that holds what it tells, too."""
    if deployment.artifact.manifest.command is not None:
        return _own_program(deployment, deployment.artifact.manifest.command, asked)
    words = ["python3", "-u", deployment.runner_path]
    words += ["--model", deployment.model_path, "--manifest", deployment.manifest_path]
    words += ["--images", deployment.images_path]
    words += ["--plan", json.dumps(asked), *(["--keep", keep] if keep else [])]
    return "exec " + " ".join(map(quote, words))


def clock_command(deployment: Deployment) -> str | None:
    """Return how the program is started that tells the time of the frames; None: the board's ``python3`` tells it."""
    words = deployment.artifact.manifest.clock
    return None if words is None else "exec " + " ".join(map(quote, _placed(deployment, words)))


def require_clock(board: str, python: str | None, deployment: Deployment) -> None:
    """Raise where nothing on a board can tell the time of the frames; ``python``: its version there, None: it has none.

    Raises:
        UsageFault: the artifact has a program of its own, and no clock.
        LabFault: it needs the runner, and the board lacks Python.
    """
    manifest = deployment.artifact.manifest
    if python is not None or manifest.clock is not None:
        return
    if manifest.command is None:
        hint = "farm provision installs it; a board that can have none runs a program of one's own: docs/c-runner"
        raise LabFault(board, f"has no python3, which runtime {manifest.runtime} needs there", hint=hint)
    raise UsageFault(
        f"{manifest.name}: does not run on {board}: its manifest names no clock, and the board has no python3 that "
        "could tell the time of its frames; pack it with --clock './runner clock' (docs/scenarios.md), or install it"
    )


def _own_program(deployment: Deployment, command: list[str], asked: dict[str, Any]) -> str:
    """Return how an artifact's own program is started: the plan stands in its environment, key by key and whole."""
    told = {f"FARM_{key.upper()}": str(value) for key, value in asked.items() if value is not None}
    told["FARM_PLAN"] = json.dumps(asked)
    words = ["env", *(f"{name}={value}" for name, value in told.items()), *_placed(deployment, command)]
    return "exec " + " ".join(map(quote, words))


def _placed(deployment: Deployment, command: list[str]) -> list[str]:
    """Return a program of the manifest and its arguments, with the paths on the board."""
    program, *arguments = command
    if "/" in program and not program.startswith("/"):
        folder = posixpath.dirname(deployment.manifest_path)
        program = posixpath.join(folder, posixpath.normpath(program))
    paths = {"{model}": deployment.model_path, "{images}": deployment.images_path}
    for place, path in paths.items():
        arguments = [argument.replace(place, path) for argument in arguments]
    return [program, *arguments]


def plan(scenario: Scenario, quiet_s: float, burst_s: float) -> dict[str, Any]:
    """Return all that a runner is asked for: see ``farm/runner/plan.py``."""
    around = {
        "scenario": scenario.name,
        "warmup": scenario.warmup_frames,
        "limit_s": scenario.limit_s,
        "score_s": scenario.score_s,
        "quiet_s": quiet_s,
        "burst_s": burst_s,
        **({"part": list(scenario.part)} if scenario.part is not None else {}),
        **({"draw": True} if scenario.draw else {}),
        **({"device": scenario.device} if scenario.device is not None else {}),
    }
    return around | scenario.plan()
