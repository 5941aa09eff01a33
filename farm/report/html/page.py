"""The page: one file, complete, that loads nothing."""

import base64
import hashlib
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import NamedTuple, cast

import jinja2
import vl_convert
from markupsafe import Markup

from farm.store.database import Stored

from ...errors import UsageFault
from ..collect import Subject
from ..gate_view import outcome_of
from . import palette, words
from .datasets import Evidence
from .detail import LEVELS, MOST_BYTES, RULE, Detail, budgets
from .plots import PLOTS
from .run_view import run_view
from .trial_view import as_script, trial_view


def render(subject: Subject, evidence: Callable[[Stored], Evidence], *, most_bytes: int = MOST_BYTES) -> str:
    """Return a run as HTML of at most ``most_bytes``; what that leaves out is said in the page.

    Args:
        subject: The run, and its records.
        evidence: Returns what a record seals; asked once for each, so that one trial at a time is in memory.
        most_bytes: As UTF-8.

    Raises:
        UsageFault: not even the table of all trials fits.
    """
    frame = _page(subject, [], {}, RULE)
    room = most_bytes - len(frame.encode())
    if room < 0:
        raise UsageFault(
            f"{len(subject.trials):,} trials do not fit into a page of {words.size(most_bytes)}; "
            "`farm results export` has them all"
        )
    outcomes = [outcome_of(one, subject.verdict) for one in subject.trials]
    shares = budgets([outcome == "pass" for outcome in outcomes], room - 200 * len(subject.trials))
    sections: list[Markup] = []
    anchors: dict[str, str] = {}
    used: list[str] = []
    for number, (stored, outcome, share) in enumerate(zip(subject.trials, outcomes, shares, strict=True), 1):
        anchor = f"trial-{number}"
        section, level = _section(_Trial(stored, evidence(stored), anchor, outcome), share)
        used.append(level)
        if section:
            anchors[stored.record.id] = anchor
            sections.append(section)
    return _page(subject, sections, anchors, _dropped(used))


class _Trial(NamedTuple):
    """What a section is made of."""

    stored: Stored
    evidence: Evidence
    anchor: str
    outcome: str

    def render(self, level: Detail) -> Markup:
        """Return it in so much detail."""
        view = trial_view(self.stored, self.evidence, level, self.anchor, self.outcome)
        return Markup(_templates().get_template("trial.html").render(t=view))  # noqa: S704 -- escaped by Jinja


def _section(trial: _Trial, most_bytes: int) -> tuple[Markup, str]:
    """Return a trial in the highest level of detail that fits, and the level's name; empty when none does."""
    readings = sum(map(len, trial.evidence.traces.values()))
    frames = 0 if trial.evidence.frames is None else len(trial.evidence.frames)
    for level in LEVELS:
        if level.least_bytes(readings, frames) > most_bytes:
            continue
        section = trial.render(level)
        if len(section.encode()) <= most_bytes:
            return section, level.name
    return Markup(), _NOT_SHOWN


_NOT_SHOWN = "in the table alone"


def _dropped(used: list[str]) -> str:
    """Return which levels of detail the trials are shown in, and by which rule; empty when all are shown in full."""
    levels = [*(level.name for level in LEVELS), _NOT_SHOWN]
    if all(level == levels[0] for level in used):
        return ""
    counts = ", ".join(f"{used.count(level):,} {level}" for level in levels if level in used)
    return f"This run is too large to show all of it. Levels of detail: {counts}. {RULE}"


def _page(subject: Subject, sections: list[Markup], anchors: dict[str, str], dropped: str) -> str:
    library, script = _library(), _text("page.js")
    return (
        _templates()
        .get_template("page.html")
        .render(
            view=run_view(subject, anchors, dropped, version("edge-test-farm")),
            sections=sections,
            css=Markup(palette.css() + _text("page.css")),  # noqa: S704 -- our own
            specs=_specs(),
            library=library,
            script=script,
            script_hashes=" ".join(f"'sha256-{_sha256(text)}'" for text in (library, script)),
        )
    )


@cache
def _specs() -> Markup:
    return Markup(as_script({name: plot() for name, plot in PLOTS.items()}))  # noqa: S704 -- as_script leaves no markup


@cache
def _library() -> Markup:
    """Return Vega-Embed, Vega-Lite and Vega as one script, from the installed package."""
    script = cast("str", vl_convert.javascript_bundle())  # pyright: ignore -- its stub wants what has a default
    if "</script" in script.lower():
        raise RuntimeError("the plot library's script cannot stand in a page: it holds </script")
    return Markup(script)  # noqa: S704 -- checked


def _text(name: str) -> Markup:
    return Markup((files("farm.report.html") / "templates" / name).read_text(encoding="utf-8"))  # noqa: S704 -- our own


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("farm.report.html", "templates"),
        autoescape=True,  # names, logs and faults come from boards, and are never markup
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "tone": words.tone,
        "sign": words.sign,
        "iso": words.iso,
        "utc_text": words.utc_text,
    }
    return environment
