"""The main job writes in the farm's folder and nowhere else."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
ELSEWHERE = [
    *(Path(name) for name in ("/etc", "/opt", "/srv", "/usr/local", "/var/lib")),
    Path.home() / ".ssh",
    *(REPOSITORY / name for name in ("devices", "farm", "playbooks", "power", "tests", "inventory.yaml")),
]
"""Where a farm without manners would write, and where nothing else does while tests run. Its HOME and its temporary
folder are watched as well: in this test they are the session's own."""


def changed_since(root: Path, moment: float) -> Iterator[Path]:
    """Yield files and folders whose content or metadata changed, compiled Python and databases of packages left out."""
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = [name for name in subfolders if name not in ("__pycache__", "apt", "dpkg")]
        for path in [Path(folder, name) for name in (*subfolders, *files)]:
            if path.lstat().st_ctime > moment:
                yield path


def test_the_main_job_changes_no_file_outside_the_farms_folder(atom):
    began = time.time()
    session = atom.pytest(atom.trial(check="max_p99_ms=100"))
    assert session.exit == 0, session.output
    assert atom.farm("lab", "down").returncode == 0
    assert [path for root in ELSEWHERE for path in changed_since(root, began)] == []
    assert list((atom.folder / "home").iterdir()) == []
    assert [path for path in (atom.folder / "tmp").rglob("*") if path.is_file() and "pytest-of" not in str(path)] == []
    ours = {"inventory.yaml", "test_it.py", "home", "tmp", ".farm"}
    assert {path.name for path in atom.folder.iterdir()} == ours
