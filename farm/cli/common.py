"""Arguments that several commands share."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, cast

from ..errors import UsageFault

if TYPE_CHECKING:
    from ..lab.inventory import Lab
    from ..store.database import Store
    from ..store.record import Record, Verdict

STATE = Path(".farm")
"""Where the farm keeps what it knows: the twins' lab, locks, results. In the working folder, never in HOME."""

SOURCE = Path("inventory.yaml")
RUNNING = STATE / "lab" / "inventory.yaml"
"""As in ``farm.lab.inventory``. Copies, held equal by a test: a completion must not load what checks inventories."""


def add_inventory(parser: ArgumentParser) -> None:
    """Add ``--inventory FILE``."""
    parser.add_argument(
        "--inventory",
        type=Path,
        metavar="FILE",
        help="the lab to use [the one that `farm lab up` started, else inventory.yaml]",
    )


def add_json(parser: ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def add_release(parser: ArgumentParser) -> None:
    """Add what is put on which board."""
    parser.add_argument("artifact", type=Path, help="a file that `farm artifact pack` made")
    add_dataset(parser)
    parser.add_argument("--board", required=True, metavar="NAME")


def add_dataset(parser: ArgumentParser) -> None:
    """Add ``--dataset PATH``."""
    parser.add_argument(
        "--dataset", type=Path, metavar="PATH", help="the data set it is tested with [found by name near the artifact]"
    )


def as_json(record: "Record", verdict: "Verdict | None") -> dict[str, Any]:
    """Return a trial as every ``--json`` prints it; what is unknown is left out."""
    value: dict[str, Any] = {"made": record.made, "record": record.model_dump(mode="json", exclude_none=True)}
    if verdict is not None:
        value["verdict"] = verdict.model_dump(mode="json", exclude_none=True)
    return value


def database(inventory: Path | None = None) -> Path:
    """Return the file that holds the records of the lab that a command line names.

    As ``farm.lab.inventory.Lab.home`` decides for a checked lab. Nothing that checks inventories is loaded, for
    completion asks too.

    Raises:
        UsageFault: the inventory cannot be read.
    """
    path = inventory or next((path for path in (RUNNING, SOURCE) if path.exists()), None)
    says = unchecked(path) if path else {}
    if path and isinstance(says.get("state"), str):
        return path.parent / Path(says["state"]).expanduser() / "results.sqlite"
    return (path.parent.parent if path and "resolved" in says else STATE) / "results.sqlite"


def named(inventory: Path | None) -> str:
    """Return the option by which `farm results` and `farm report` find this lab's records; empty where none is needed.

    Raises as :func:`database`.
    """
    return "" if database(inventory).resolve() == database().resolve() else f" --inventory {quote(str(inventory))}"


def open_records(args: Namespace) -> "Store":
    """Open the database of the command line's lab.

    Raises:
        UsageFault: there is none, or the inventory cannot be read.
    """
    from ..store.database import Store

    path = database(args.inventory)
    if not path.exists():
        raise UsageFault(f"{path}: no records yet; `farm run` leaves one")
    return Store.open(path)


def unchecked(inventory: Path) -> dict[str, Any]:
    """Return what an inventory says, right or wrong.

    Raises:
        UsageFault: it cannot be read.
    """
    import yaml

    loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the quick one, where PyYAML has it
    try:
        value = yaml.load(inventory.read_bytes(), loader)  # noqa: S506 -- both are safe loaders
    except OSError as error:
        raise UsageFault(f"{inventory}: cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise UsageFault(f"{inventory}: no YAML; `farm check --inventory {inventory}` says where") from error
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def open_lab(args: Namespace) -> "Lab":
    """Return the lab that the command line names.

    Raises:
        farm.errors.UsageFault: the inventory is wrong, or names twins that are not running.
    """
    from ..lab.inventory import usable

    return usable(args.inventory)
