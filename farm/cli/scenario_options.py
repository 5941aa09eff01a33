"""How frames are offered, as options of a command line."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..trial.scenario import Scenario

SCENARIOS = "fixed-rate single-stream multi-stream offline server comparison250"
"""What ``--scenario`` takes. A copy, held equal by a test: the help must not load what runs scenarios."""


def add_scenario(parser: ArgumentParser, *, usual: str = "fixed-rate") -> None:
    """Add the scenario and its settings; ``usual`` is the one that runs where none is named."""
    parser.add_argument("--scenario", default=usual, metavar="NAME", help=f"one of: {SCENARIOS} [{usual}]")
    add_settings(parser, "a setting of the scenario, e.g. deadline_ms=15")
    parser.add_argument("--rate-hz", type=float, metavar="R", help="the product's frame rate [10]")
    parser.add_argument("--duration-s", type=float, metavar="S", help="how long frames are offered [10]")
    parser.add_argument("--warmup", type=int, metavar="N", help="inferences before the first frame [5]")
    parser.add_argument("--idle-s", type=float, default=2.0, metavar="S", help="idle watts, before and after [2]")
    parser.add_argument(
        "--no-bursts", action="store_true", help="leave out the two bursts of load that show whether clocks are right"
    )
    parser.add_argument(
        "--short-term-s", type=float, default=1.0, metavar="S", help="length of the highest short-term mean watts [1]"
    )
    parser.add_argument(
        "--start-celsius", type=float, nargs=2, metavar=("LOW", "HIGH"), help="begin within these temperatures only"
    )
    parser.add_argument("--start-zone", metavar="NAME", help="by this sensor of the board [the hottest]")
    parser.add_argument(
        "--start-timeout-s", type=float, default=600.0, metavar="S", help="wait so long for the board to cool [600]"
    )
    parser.add_argument(
        "--soak-s", type=float, default=0.0, metavar="S", help="run the model so long beforehand, to warm the board [0]"
    )


def add_settings(parser: ArgumentParser, help_text: str) -> None:
    """Add ``-s KEY=VALUE``; :func:`settings_of` reads it."""
    parser.add_argument(
        "-s",
        dest="settings",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help=f"{help_text}; repeatable; docs/scenarios.md has them all",
    )


def settings_of(args: Namespace) -> dict[str, str]:
    """Return what ``-s`` says, the last of each key; UsageFault where it is no KEY=VALUE."""
    from ..errors import UsageFault

    found: dict[str, str] = {}
    for setting in args.settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise UsageFault(f"-s {setting}: want KEY=VALUE, e.g. duration_s=60")
        found[key] = value
    return found


def scenario(args: Namespace) -> "Scenario":
    """Return what the options ask for; what is not given is the scenario's own, and 10 where it has none.

    Raises:
        UsageFault: there is no such scenario or setting, or it cannot be run.
    """
    from ..trial.asked import scenario_of, takes

    given: dict[str, object] = {
        "rate_hz": args.rate_hz,
        "duration_s": args.duration_s,
        "warmup_frames": args.warmup,
        "bursts": False if args.no_bursts else None,
        "start_celsius": args.start_celsius,
        "start_zone": args.start_zone,
    }
    settings: dict[str, object] = {key: value for key, value in given.items() if value is not None}
    settings |= {key: getattr(args, key) for key in ("idle_s", "short_term_s", "start_timeout_s", "soak_s")}
    settings |= settings_of(args)
    known = takes(args.scenario)
    return scenario_of(args.scenario, {key: 10.0 for key in ("rate_hz", "duration_s") if key in known} | settings)
