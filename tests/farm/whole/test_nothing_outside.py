"""The main job writes in the farm's folder and nowhere else."""

import os
import stat
from contextlib import suppress
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
ELSEWHERE = [
    *(Path(name) for name in ("/etc", "/opt", "/srv", "/usr/local", "/var/lib")),
    Path.home() / ".ssh",
    *(REPOSITORY / name for name in ("devices", "farm", "playbooks", "power", "tests", "inventory.yaml")),
]
"""Where a farm without manners would write, and where nothing else does while tests run. Its HOME and its temporary
folder are watched as well: in this test they are the session's own."""


def what_stands_in(root: Path) -> dict[Path, tuple[int, ...]]:
    """Return files with the time of their last change of content or metadata, and folders with their mode.

    Left out are databases of packages, and compiled Python: any test that runs at the same time may leave it, and a
    folder's own time tells of nothing else.
    """
    paths = [root]
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = [name for name in subfolders if name not in ("__pycache__", "apt", "dpkg")]
        paths += [Path(folder, name) for name in (*subfolders, *files)]
    found: dict[Path, tuple[int, ...]] = {}
    for path in paths:
        with suppress(FileNotFoundError):
            state = path.lstat()
            found[path] = (state.st_mode,) if stat.S_ISDIR(state.st_mode) else (state.st_mode, state.st_ctime_ns)
    return found


def test_the_main_job_changes_no_file_outside_the_farms_folder(fresh_atom):
    before = [what_stands_in(root) for root in ELSEWHERE]
    session = fresh_atom.decided(fresh_atom.trial(check="max_p99_ms=100"))
    assert session.exit == 0, session.output
    assert fresh_atom.farm("lab", "down").returncode == 0
    for root, stood in zip(ELSEWHERE, before, strict=True):
        now = what_stands_in(root)
        assert [path for path in sorted(stood.keys() | now) if stood.get(path) != now.get(path)] == []
    assert list((fresh_atom.folder / "home").iterdir()) == []
    assert [
        path for path in (fresh_atom.folder / "tmp").rglob("*") if path.is_file() and "pytest-of" not in str(path)
    ] == []
    ours = {"inventory.yaml", "test_it.py", "home", "tmp", ".farm"}
    assert {path.name for path in fresh_atom.folder.iterdir()} == ours
