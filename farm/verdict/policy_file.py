"""A gate's policy, read from its file: all that is wrong with it is told at once, before any board is touched."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from devices.registry import known_boards

from ..lab.percent import percent, share
from ..lab.shapes import against
from ..lab.words import unknown
from ..lab.yaml_lines import Fault, Where
from ..trial.state.conditions import refused_settings
from .policy import COMPARABLE, Policy


def load_policy(path: Path) -> Policy:
    """Read and check a policy, touching no board.

    Raises:
        UsageFault: one line for every fault: ``FILE:LINE: field: what is wrong; remedy``.
    """
    return Policy.load(path, _check, wants="`models:` and limits")


def _check(tree: dict[str, Any], path: Path) -> list[Fault]:
    del path  # a policy names no files
    faults = [*against(Policy, tree, ()), *_unknown_models(tree), *_unknown_figures(tree)]
    if not faults:
        policy = Policy.model_validate(tree)
        faults += [*_nothing_wanted(policy), *_floors(policy), *_settings(policy)]
    return faults


def _unknown_models(tree: dict[str, Any]) -> Iterator[Fault]:
    for model in _keys(tree.get("models")):
        if model not in known_boards():
            yield Fault(("models", model), f"no board model '{model}'; {unknown(model, known_boards())}")


def _unknown_figures(tree: dict[str, Any]) -> Iterator[Fault]:
    places: list[Where] = [("against_baseline",), ("statistics", "noise_floor")]
    places += [("models", model, "against_baseline") for model in _keys(tree.get("models"))]
    for where in places:
        for name in _keys(_at(tree, where)):
            if name not in COMPARABLE:
                yield Fault((*where, name), f"cannot be compared with a baseline; {unknown(name, COMPARABLE)}")


def _at(tree: Any, where: Where) -> Any:  # noqa: ANN401 -- any YAML value
    for step in where:
        tree = cast("dict[Any, Any]", tree).get(step) if isinstance(tree, dict) else None
    return tree


def _keys(value: object) -> list[str]:
    return list(cast("dict[str, Any]", value)) if isinstance(value, dict) else []


def _nothing_wanted(policy: Policy) -> Iterator[Fault]:
    for model in policy.models:
        if not policy.changes(model) and not policy.absolute(model).model_dump(exclude_none=True):
            yield Fault(("models", model), "is held to nothing; add `limits:` or `against_baseline:`")


def _settings(policy: Policy) -> Iterator[Fault]:
    for model, entry in policy.models.items():
        for name, why in refused_settings(model, entry.settings):
            yield Fault(("models", model, "settings", name), why)


def _floors(policy: Policy) -> Iterator[Fault]:
    """Refuse what no number of trials could decide."""
    for model in policy.models:
        own = policy.models[model].against_baseline
        for name, limit in policy.changes(model).items():
            where: Where = ("models", model, "against_baseline", name) if name in own else ("against_baseline", name)
            if COMPARABLE[name].exact:
                continue
            floor = policy.statistics.noise_floor.get(name)
            if floor is None:
                yield Fault(where, f"has no noise floor; add `statistics.noise_floor.{name}:` with `change`, `reason`")
            elif abs(limit) <= floor.change:
                yield Fault(
                    where,
                    f"{percent(limit)} lies within the noise floor of {share(floor.change)} ({floor.reason}), "
                    "where no difference is called; raise the limit, or lower the floor",
                )
            elif limit <= -1:
                yield Fault(where, f"{percent(limit)} leaves nothing; give a smaller change")
