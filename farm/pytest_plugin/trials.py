"""What the ``deploy`` and ``trial`` fixtures hand out."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from devices.errors import DeviceError
from farm.artifact.deploy import Deployment, deploy_to
from farm.artifact.feed import feed
from farm.artifact.signed import open_accepted
from farm.errors import LabFault, NoVerdict, UsageFault
from farm.lab.bench import Bench
from farm.lab.inventory import Lab
from farm.report.junit import properties
from farm.report.table import row
from farm.store.database import Store
from farm.store.record import Record, Verdict
from farm.trial.scenario import FixedRate, Scenario
from farm.trial.state.conditions import Conditions, refused_settings
from farm.trial.state.demands import demands_of
from farm.trial.trial import Trial, run_trial
from farm.verdict.criteria import Limits, explain, judge, named_limits
from power.errors import PowerError
from power.piecewise import Readings

from .kept import Kept
from .results import MET, ROWS, note


@contextmanager
def remembered(item: pytest.Item) -> Generator[None]:
    """Remember a lab fault that ends this until the next of its kind ends well, should the test let it pass."""
    try:
        yield
    except (DeviceError, PowerError, LabFault) as fault:
        item.stash[MET] = fault
        raise
    item.stash[MET] = None


class Deploy:
    """Puts models on the borrowed board."""

    def __init__(self, lab: Lab, bench: Bench, item: pytest.Item, folder: Path) -> None:
        """Take the lab, the bench, the test that asks, and a folder to unpack in."""
        self._lab, self.bench, self._item, self._folder = lab, bench, item, folder
        item.stash[MET] = None  # pytest-rerunfailures runs the same item again

    def __call__(
        self, artifact: Path | str | None = None, dataset: Path | str | None = None, *, device: str | None = None
    ) -> Deployment:
        """Put an artifact and its data set on the board; without arguments the marked ones.

        A data set that is not named is looked for near the artifact. ``device`` is what is to run it in place of the
        artifact's own, for what hangs on the board is looked at before.

        Raises:
            UsageFault: no such file, or not an artifact.
            devices.errors.DeviceError: the board.
        """
        marked = self._marked()
        model = artifact or marked.get("path")
        if model is None:
            raise UsageFault(f"{self._item.nodeid}: which model? Mark the test artifact(path, dataset=…)")
        path = self._path(model)
        opened = open_accepted(self._lab, path, self._folder / "artifact")
        named = dataset or marked.get("dataset")
        images = feed(opened, path, self._path(named) if named else None)
        with remembered(self._item):
            put = deploy_to(self.bench, opened, images, device=device)
        note(
            self._item,
            f"deployed {opened.manifest.name} {opened.id[:12]}: {put.bytes_sent:,} bytes sent, "
            f"{put.bytes_reused:,} were there",
        )
        return put

    def _marked(self) -> dict[str, Path | str]:
        marker = self._item.get_closest_marker("artifact")
        if marker is None:
            return {}
        return {**dict(zip(("path", "dataset"), marker.args, strict=False)), **marker.kwargs}

    def _path(self, given: Path | str) -> Path:
        return self._item.path.parent / given


def tell(item: pytest.Item, nth: int, figures: list[tuple[str, str]]) -> None:
    """Give JUnit the figures of a test's nth trial, counted from 0; from the second on, names carry its number."""
    prefix = f"trial{nth + 1}." if nth else ""
    told = [(prefix + name, value) for name, value in figures]
    item.user_properties.extend(one for one in told if one not in item.user_properties)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One trial that ran: its record, the traces by meter, and the way to a verdict."""

    record: Record
    traces: dict[str, Readings]
    _item: pytest.Item
    _kept: Kept
    _nth: int
    """Among the trials of this test, from 0."""

    def check(self, limits: Limits | None = None, /, **named: float) -> None:
        """Hold the record against limits, given whole or as ``max_p99_ms=50.0, max_mean_watts=9.0, …``.

        Fails the test when a limit is missed, uncertainty included, and prints every criterion.

        Raises:
            NoVerdict: the record cannot decide.
            UsageFault: there is no such limit.
        """
        verdict = judge(self.record, limits or named_limits(named))
        self._keep(verdict)
        if verdict.outcome == "regression":
            self._item.stash[MET] = None  # this record stands, whatever a later trial met
            pytest.fail(explain(verdict), pytrace=False)
        if verdict.outcome == "no verdict":
            undecided = [f"{c.name}: {c.why}" for c in verdict.criteria if c.why and c.why not in verdict.reasons]
            raise NoVerdict([*verdict.reasons, *undecided])
        note(self._item, f"every limit held: {', '.join(f'{c.name} {c.wanted}' for c in verdict.criteria)}")

    def _keep(self, verdict: Verdict) -> None:
        with Store.open(self._kept.where) as store:
            store.judge(self.record.id, verdict)
        self._item.stash[ROWS][self._nth] = row(self.record, verdict)
        tell(self._item, self._nth, [("farm.verdict", verdict.outcome)])


class Trials:
    """Runs trials on the borrowed board and keeps every record."""

    def __init__(self, deploy: Deploy, item: pytest.Item, kept: Kept) -> None:
        """Take the test's ``deploy``, the test itself, and what keeps the records."""
        self._deploy, self._item, self._kept = deploy, item, kept

    def __call__(
        self,
        deployment: Deployment | None = None,
        *,
        scenario: Scenario | None = None,
        rate_hz: float | None = None,
        duration_s: float | None = None,
        warmup_frames: int = 5,
        idle_s: float = 2.0,
        score_s: float = 20.0,
        bursts: bool = True,
        short_term_s: float = 1.0,
        start_celsius: tuple[float, float] | None = None,
        start_zone: str | None = None,
        start_timeout_s: float = 600.0,
        soak_s: float = 0.0,
        demands: Mapping[str, object] | None = None,
        settings: Mapping[str, str] | None = None,
        attempts: int = 1,
    ) -> Outcome:
        """Run at a fixed frame rate, or in a scenario of the field, while all meters of the bench are read.

        Args:
            deployment: What to run; without it the marked artifact is deployed.
            scenario: Any of :mod:`farm.trial.scenario`, whole; then none of the settings below counts.
            rate_hz: The product's frame rate: a frame is late when the next one is due.
            duration_s: How long frames are offered.
            warmup_frames: Inferences before the first frame counts.
            idle_s: How long idle watts are measured, before and after.
            score_s: How long, when the watts are measured, images that no frame has shown may take.
            bursts: Load the board for a moment before and after: each meter must show that where the clocks say.
            short_term_s: Length of the mean whose highest is ``short_term_watts``.
            start_celsius: Begin only within these temperatures, least and most.
            start_zone: By this sensor of the board; else by the hottest.
            start_timeout_s: How long to wait for that; then it is a lab fault.
            soak_s: How long the model runs beforehand, so that the board is as warm as in use.
            demands: What the board must be like, before and while frames run, as in ``{"governor": "performance"}``;
                see docs/state.md. Stronger than the marker ``demands(…)``.
            settings: What is set on the board for the trial and put back; it is demanded too.
            attempts: A void trial (starved host, lost readings …) is run again up to so often in all;
                each attempt leaves its record.

        Raises:
            devices.errors.DeviceError, power.errors.PowerError: a lab fault.
            UsageFault: neither a scenario nor a rate and a duration; no such demand or setting.
        """
        if scenario is None:
            if rate_hz is None or duration_s is None:
                raise UsageFault(f"{self._item.nodeid}: trial() wants rate_hz and duration_s, or a scenario")
            scenario = FixedRate(
                rate_hz,
                duration_s,
                warmup_frames=warmup_frames,
                idle_s=idle_s,
                score_s=score_s,
                bursts=bursts,
                short_term_s=short_term_s,
                start_celsius=start_celsius,
                start_zone=start_zone,
                start_timeout_s=start_timeout_s,
                soak_s=soak_s,
            )
        elif (rate_hz, duration_s) != (None, None):
            raise UsageFault(f"{self._item.nodeid}: trial() wants rate_hz and duration_s, or a scenario, not both")
        conditions = self._conditions(demands or {}, settings or {})
        trial = self._tried(deployment or self._deploy(device=scenario.device), scenario, conditions, attempts)
        for warning in trial.record.warnings:
            note(self._item, f"warning: {warning}")
        rows = self._item.stash.setdefault(ROWS, [])
        rows.append(row(trial.record, None))
        tell(self._item, len(rows) - 1, properties(trial.record))
        return Outcome(trial.record, trial.traces, self._item, self._kept, len(rows) - 1)

    def _conditions(self, demands: Mapping[str, object], settings: Mapping[str, str]) -> Conditions:
        """Put together what the test asks for and what it is marked with."""
        marked = [one for marker in self._item.iter_markers("demands") for one in marker.kwargs.items()]
        model = self._deploy.bench.entry.model
        try:
            asked = demands_of([*reversed(marked), *demands.items()])  # the nearest marker comes first, and holds
            if wrong := [f"{name}={settings[name]}: {why}" for name, why in refused_settings(model, settings)]:
                raise UsageFault(wrong)
        except UsageFault as fault:
            raise UsageFault([f"{self._item.nodeid}: {text}" for text in fault.faults]) from None
        return Conditions.of(asked, settings)

    def _tried(self, deployment: Deployment, scenario: Scenario, conditions: Conditions, attempts: int) -> Trial:
        """Return the first trial that is not void, else the last."""
        trial = self._run(deployment, scenario, conditions)
        for _ in range(attempts - 1):
            if not trial.record.voids:
                break
            note(self._item, f"void, run again: {'; '.join(trial.record.voids)}")
            trial = self._run(deployment, scenario, conditions)
        return trial

    def _run(self, deployment: Deployment, scenario: Scenario, conditions: Conditions) -> Trial:
        bench = self._deploy.bench
        with remembered(self._item):
            with self._kept.spool() as spool:
                trial = run_trial(
                    bench,
                    deployment,
                    scenario,
                    conditions=conditions,
                    progress=lambda text: note(self._item, text),
                    spool=spool,
                )
                kept = self._kept.save(trial, bench.console_log())
            bench.last_record = kept.record.id
            return kept
