"""What a comparison is going to do, checked whole before any board is touched."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import sqrt
from pathlib import Path

from ...artifact.feed import feed
from ...artifact.signed import open_accepted
from ...errors import Faults, UsageFault
from ...lab.inventory import Lab
from ...lab.lease import Wanted
from ...lab.made import made
from ...lab.words import unknown
from ...store.comparison_facts import ComparisonFacts, VariantFacts
from ...trial.scenario import SCENARIOS, Scenario
from ...trial.state.conditions import NOTHING, Conditions, parse_conditions
from ..budget import trial_s
from ..policy import LEAST_RISK
from ..releases import Packed
from ..sequential import multiplier
from .compared import COMPARABLE, sure_of
from .contrast import FIRST_LOOK, LEAST

MOST_VOIDS = 5
"""Trials that are run again on each board, where nobody says otherwise: with more one looks at the lab (assumed)."""
TIME_BUDGET_S = 1800.0
"""Where nobody says otherwise: five variants of a net, half a minute a trial, come to some six pairs of rounds."""
_MOST_ROUNDS = 400
"""Of a board, whoever asks: as many pairs as a gate's policy may want. More only make the bounds slow to find."""
_MOST_PAIRS = 20
"""Of a board, where nobody says how many rounds: beyond it four times the trials halve what is open (assumed)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a comparison is told."""

    artifacts: Sequence[Path]
    model: str
    """The boards'."""
    scenario: Scenario
    boards: Sequence[str] = ()
    """Only these; empty: all of the model."""
    demands: Sequence[str] = ()
    """What each board must be like, ``NAME=VALUE``."""
    settings: Sequence[str] = ()
    """What is set on each for its trials, likewise."""
    dataset: Path | None = None
    figures: Sequence[str] = ()
    """By which to compare; empty: the usual ones."""
    seed: int = 0
    alpha: float = 0.05
    resolution: float = 0.01
    most_rounds: int | None = None
    """None: as many as the time allows."""
    most_voids: int = MOST_VOIDS
    time_budget_s: float = TIME_BUDGET_S
    until: str = "pairs"


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a comparison needs to begin."""

    lab: Lab
    scenario: Scenario
    facts: ComparisonFacts
    packed: Sequence[Packed]
    """By variant."""
    conditions: Conditions = NOTHING
    """What each board must be like, and what is set on it for that."""
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    """Variant's name → the file that it came from."""

    @property
    def round_s(self) -> float:
        """About how long a round takes, without booting and deploying."""
        return len(self.packed) * trial_s(self.scenario)

    @property
    def doubt(self) -> str:
        """What is to be said of it before it begins; empty: nothing."""
        sure = sure_of(self.facts)
        if sure.most >= FIRST_LOOK or all(COMPARABLE[name].exact for name in self.facts.figures):
            return ""
        wanted = multiplier(sure.alpha / 2, (sure.most,), 0) / sqrt(sure.most)
        return (
            f"so few rounds hardly tell anything: only variants that differ by {wanted:.0f} times as much as a pair of "
            f"rounds scatters; {2 * FIRST_LOOK} rounds or more, of all boards together, tell far more"
        )


def plan_comparison(asked: Asked, open_lab: Callable[[], Lab], folder: Path, *, faults: Sequence[str] = ()) -> Plan:
    """Read and check everything.

    Args:
        asked: what to do.
        open_lab: reads the inventory.
        folder: where packed models are unpacked; it must outlive the comparison.
        faults: what the caller has found already.

    Raises:
        UsageFault: these, and all that is wrong.
    """
    lab = open_lab()
    wrong = Faults([*faults, *_numbers(asked)])
    tried = wrong.tried
    boards = tried(lambda: Wanted(boards=tuple(asked.boards), model=asked.model).among(lab))
    conditions = tried(lambda: parse_conditions(asked.demands, asked.settings, asked.model))
    opened = [tried(lambda path=path: _open(asked, lab, path, folder)) for path in asked.artifacts]
    packed = [one for one in opened if one is not None]
    if not wrong.found:
        wrong.found += _not_comparable(asked, packed)
    if boards is None or conditions is None or wrong.found:
        raise wrong.told()
    facts = _facts(asked, lab, boards, packed)
    if any(not COMPARABLE[name].exact for name in facts.figures):
        multiplier(asked.alpha / 2, (LEAST,), 0)  # so that a missing scipy is told now, not in ten minutes
    sources = {variant.name: str(path) for variant, path in zip(facts.variants, asked.artifacts, strict=True)}
    return Plan(lab, asked.scenario, facts, packed, conditions, sources)


def _open(asked: Asked, lab: Lab, path: Path, folder: Path) -> Packed:
    artifact = open_accepted(lab, path, folder)
    return Packed(artifact, feed(artifact, path, asked.dataset))


def _facts(asked: Asked, lab: Lab, boards: Sequence[str], packed: Sequence[Packed]) -> ComparisonFacts:
    variants = _variants(packed)
    figures, left_out = _figures(asked, variants, measured=any(lab.boards[board].meters for board in boards))
    return ComparisonFacts(
        model=asked.model,
        boards={board: made(lab.boards[board].twin) for board in boards},
        variants=variants,
        figures=figures,
        left_out=left_out,
        scenario={"name": _name(asked.scenario), **asdict(asked.scenario)},
        seed=asked.seed,
        alpha=asked.alpha,
        resolution=asked.resolution,
        most_rounds=_most_rounds(asked),
        most_voids=asked.most_voids,
        time_budget_s=asked.time_budget_s,
        until=asked.until,
    )


def _numbers(asked: Asked) -> Iterator[str]:
    if len(asked.artifacts) < 2:
        yield f"{len(asked.artifacts)} artifact: nothing to compare it with; name two or more"
    if not LEAST_RISK <= asked.alpha < 0.5:
        yield f"--alpha {asked.alpha:g}: wants a risk from {LEAST_RISK:g} to below 0.5, e.g. 0.05"
    if not 0 < asked.resolution < 1:
        yield f"--resolution {100 * asked.resolution:g}%: wants a share above 0 % and below 100 %"
    if asked.seed < 0:
        yield f"--seed {asked.seed}: at least 0"
    if asked.most_voids < 0:
        yield f"--max-voids {asked.most_voids}: at least 0"
    if asked.most_rounds is not None and (asked.most_rounds < 2 * LEAST or asked.most_rounds % 2):
        yield f"--max-rounds {asked.most_rounds}: rounds come in pairs, and 4 are the fewest that tell anything"
    if asked.most_rounds is not None and asked.most_rounds > _MOST_ROUNDS:
        yield f"--max-rounds {asked.most_rounds}: at most {_MOST_ROUNDS}; measure longer in each trial instead"
    for name in asked.figures:
        if name not in COMPARABLE:
            yield f"--figures {name}: cannot be compared; {unknown(name, COMPARABLE)}"


def _not_comparable(asked: Asked, packed: Sequence[Packed]) -> Iterator[str]:
    seen: dict[str, Path] = {}
    for path, one in zip(asked.artifacts, packed, strict=True):
        if one.artifact.id in seen:
            yield f"{path}: is the same artifact as {seen[one.artifact.id]}; name each once"
        seen[one.artifact.id] = path
    if asked.figures and "accuracy" not in asked.figures:
        return
    stated = {one.artifact.manifest.name: one.artifact.manifest.dataset for one in packed}
    ids = {dataset.id for dataset in stated.values() if dataset is not None}
    if len(ids) > 1:
        told = "; ".join(f"{name}: {dataset.name} {dataset.id[:12]}" for name, dataset in stated.items() if dataset)
        yield f"accuracies of different data sets are not compared: {told}; leave accuracy out of --figures"
    without = [name for name, dataset in stated.items() if dataset is None]
    if without and (ids or asked.figures):
        yield f"{', '.join(without)}: states no accuracy, for its manifest names no data set; give --figures without it"


def _variants(packed: Sequence[Packed]) -> list[VariantFacts]:
    """Return what is told of each, under names that are each another's."""
    names = [one.artifact.manifest.name for one in packed]
    return [
        VariantFacts(
            id=one.artifact.id,
            name=name if names.count(name) == 1 else f"{name} {one.artifact.id[:6]}",
            size_bytes=one.artifact.size_bytes,
            dataset=None if one.artifact.manifest.dataset is None else one.artifact.manifest.dataset.id,
        )
        for name, one in zip(names, packed, strict=True)
    ]


def _figures(asked: Asked, variants: Sequence[VariantFacts], *, measured: bool) -> tuple[list[str], dict[str, str]]:
    """Return by what to compare, and which usual figures are left out, each with its reason."""
    if asked.figures:
        return [name for name in COMPARABLE if name in asked.figures], {}
    left_out: dict[str, str] = {}
    speed = "fps"
    if not asked.scenario.closed:
        left_out["fps"] = f"frames come at the scenario's own rate ({asked.scenario.name}): p99_ms is compared instead"
        speed = "p99_ms"
    if any(variant.dataset is None for variant in variants):
        left_out["accuracy"] = "no artifact names a data set, so none states one"
    if not measured:
        left_out["joules_per_inference"] = f"no {asked.model} of the inventory has a meter"
    usual = {speed, "accuracy", "joules_per_inference", "size_bytes"} - left_out.keys()
    return [name for name in COMPARABLE if name in usual], left_out


def _most_rounds(asked: Asked) -> int:
    """Return how many rounds a board may run; by the time that there is where nobody says."""
    if asked.most_rounds is not None:
        return asked.most_rounds
    pair_s = (2 * len(asked.artifacts) + 1) * trial_s(asked.scenario)
    fit = int(asked.time_budget_s / pair_s)
    if fit < LEAST:
        least = f"{2 * LEAST} rounds of {len(asked.artifacts)} trials need about {LEAST * pair_s:.0f} s"
        raise UsageFault(f"--time-budget {asked.time_budget_s:g}s is too short: {least}")
    return 2 * min(fit, _MOST_PAIRS)


def _name(scenario: Scenario) -> str:
    return next(name for name, kind in SCENARIOS.items() if type(scenario) is kind)
