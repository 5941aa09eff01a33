"""The resolved inventory: the source's entries, with the addresses that the running twins have now."""

from pathlib import Path
from typing import Any, cast

from .fields import TWIN, is_reference
from .inventory import Lab, load, resolved_path
from .twin_state import Running, TwinFolder, write_private
from .yaml_lines import dump

KEY = "id_ed25519"
"""The lab's own client key, in the lab's folder: twins let nobody else in."""


def write(source: Lab, up: dict[str, tuple[TwinFolder, Running]], state: Path) -> Lab:
    """Write the inventory of the boards that are up, and of all real ones, and return it."""
    value = _absolute(source.model_dump(mode="json", exclude_defaults=True), source.path.resolve().parent)
    value["resolved"] = {"source": str(source.path.resolve()), "sha256": source.sha256}
    if source.state is not None:
        value["state"] = str(source.home(state).resolve())
    value["boards"] = {
        name: _board(value["boards"][name], *up[name]) if entry.twin else value["boards"][name]
        for name, entry in source.boards.items()
        if name in up or not entry.twin
    }
    found = {device: options for _, running in up.values() for device, options in running.devices.items()}
    for shelf, entries in (("meters", source.meters), ("switches", source.switches)):
        value[shelf] = {
            name: _device(value[shelf][name], found[name]) if entry.twin else value[shelf][name]
            for name, entry in entries.items()
            if name in found or not entry.twin
        }
    path = resolved_path(state)
    write_private(path, f"# written by `farm lab up`; do not edit, it reads {source.path} only\n{dump(value)}")
    return load(path)


def _absolute(value: Any, folder: Path) -> Any:  # noqa: ANN401 -- any YAML value
    """Name the files of secrets as they are seen from anywhere: the copy lies in another folder than its source."""
    if isinstance(value, dict):
        return {key: _absolute(inner, folder) for key, inner in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_absolute(inner, folder) for inner in cast("list[Any]", value)]
    if isinstance(value, str) and is_reference(value) and value.startswith("file:"):
        return f"file:{folder / Path(value.removeprefix('file:')).expanduser()}"
    return value


def _board(entry: dict[str, Any], folder: TwinFolder, running: Running) -> dict[str, Any]:
    console, ssh = entry["console"], entry["ssh"]
    key = folder.path.resolve().parent / KEY
    flash = {"flash": _device(entry["flash"], running.flash)} if "flash" in entry else {}
    return (
        entry
        | flash
        | {
            "root": running.root,
            "console": console
            | {"port": running.console, "user": ssh["user"], "password": f"file:{folder.password.resolve()}"},
            "ssh": ssh
            | {"host": "127.0.0.1", "port": running.ssh_port, "key": f"file:{key}", "host_key": running.host_key},
        }
    )


def _device(entry: dict[str, Any], found: dict[str, str]) -> dict[str, Any]:
    """Fill in what the twin said; an option it said nothing of stays as the source has it."""
    options = {name: found.get(name, value) for name, value in entry.get("options", {}).items()}
    return entry | {"options": options | {name: value for name, value in found.items() if options.get(name) != TWIN}}
