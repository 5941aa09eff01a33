"""The wheel as a user gets it, and what the tree may not hold."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("devices", "farm", "power")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds the wheel and nothing of the checkout.

    Its dependencies are this environment's: a .pth line names that folder. Such a line is not read for further
    .pth files, so the editable install that stands there does not lead back into the checkout.
    """
    folder = tmp_path_factory.mktemp("installed") / "env"
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-index", "--no-deps", wheel],
        check=True,
    )
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return python


def ask(python: Path, program: str) -> object:
    """Run a program in the environment, far from the checkout, and return what it prints as JSON."""
    environment = {"PATH": os.defpath, "PYTHONSAFEPATH": "1", "PYTHONWARNINGS": "error"}
    answer = subprocess.run(
        [python, "-c", program], cwd=python.parent, env=environment, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def test_the_wheel_holds_every_file_of_the_three_packages_and_no_test(wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    wanted = {name for name in tracked() if name.startswith(tuple(f"{package}/" for package in PACKAGES))}
    assert wanted - held == set()
    assert {name.partition("/")[0] for name in held} == set(PACKAGES)


def test_the_wheel_carries_the_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/licenses/LICENSE"))
        text = archive.read(name).decode()
    assert "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION" in text
    assert text.rstrip().endswith("limitations under the License.")


def test_the_packages_come_from_the_wheel(installed: Path) -> None:
    where = ask(
        installed,
        "import json, farm, devices, power; print(json.dumps([m.__file__ for m in (farm, devices, power)]))",
    )
    assert all(str(path).startswith(str(installed.parent.parent)) for path in where), where


def test_every_module_of_the_wheel_can_be_imported(installed: Path) -> None:
    """The runner apart, which runs on boards with their Python, and what only Alembic runs."""
    imported = ask(
        installed,
        """
import importlib, json, pkgutil, devices, farm, power
names = [m.name for p in (devices, farm, power) for m in pkgutil.walk_packages(p.__path__, p.__name__ + ".")
         if not m.name.startswith("farm.runner") and not m.name.endswith((".__main__", ".migrations.env"))]
for name in names:
    importlib.import_module(name)
print(json.dumps(names))
""",
    )
    assert {"farm.cli.main", "devices.registry", "power.registry"} <= set(imported)


def test_its_entry_points_lead_somewhere(installed: Path) -> None:
    found = ask(
        installed,
        """
import json
from importlib.metadata import distribution
points = distribution("edge-test-farm").entry_points
print(json.dumps({f"{e.group}:{e.name}": str(e.load()) for e in points}))
""",
    )
    assert set(found) == {"console_scripts:farm", "pytest11:farm"}


def test_the_command_answers(installed: Path) -> None:
    environment = {"PATH": os.defpath, "PYTHONSAFEPATH": "1"}
    for arguments in (["--help"], ["--version"]):
        answer = subprocess.run(
            [installed.parent / "farm", *arguments],
            cwd=installed.parent,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 0, answer.stderr
        assert answer.stdout


def test_what_is_not_a_module_is_found_as_package_data(installed: Path) -> None:
    found = ask(
        installed,
        """
import json
from importlib.resources import files
print(json.dumps({
    "typed": [p for p in ("devices", "farm", "power") if files(p).joinpath("py.typed").is_file()],
    "runner": files("farm.runner").joinpath("__main__.py").is_file(),
    "page": sorted(f.name for f in files("farm.report.html").joinpath("templates").iterdir()),
    "completion": sorted(f.name for f in files("farm.cli").joinpath("scripts").iterdir()),
    "models": sorted(f.name for f in files("devices.twin").joinpath("models").iterdir()),
}))
""",
    )
    assert found["typed"] == list(PACKAGES)
    assert found["runner"]
    assert {"page.html", "page.css"} <= set(found["page"])
    assert {"farm.bash", "farm.fish", "farm.zsh"} <= set(found["completion"])
    assert {"jetson-tx2.toml", "pi-zero-aiy.toml", "atom-e3930.toml", "coral-dev.toml"} <= set(found["models"])


def test_no_other_distribution_here_takes_our_import_names(installed: Path) -> None:
    owners = ask(
        installed,
        """
import json
from importlib.metadata import packages_distributions
owners = packages_distributions()
print(json.dumps({name: sorted(set(owners[name])) for name in ("devices", "farm", "power")}))
""",
    )
    assert owners == {name: ["edge-test-farm"] for name in PACKAGES}


def tracked() -> list[str]:
    """Names of the files under version control, or a skip that says why they are unknown."""
    # The folder may belong to another user, as in a container: looking at names is harmless.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    try:
        answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("git is not installed: tracked files are unknown")
    if answer.returncode:
        pytest.skip(f"not a git checkout: {answer.stderr.strip()}")
    return [name for name in answer.stdout.split("\0") if name and (ROOT / name).is_file()]


FOREIGN = re.compile(
    r"""(?x)
    https?://[^\s"']*(?:pypi|pythonhosted|artifactory|devpi|nexus|npmjs|/simple/)  # where packages came from
    | --(?:extra-)?index-url | --find-link[s] | --trusted-hos[t]
    | (?<![\w}\])$.~/-]) / (?:work|Users) / \w                                     # folders of someone's machine
    """
)


def test_no_tracked_file_names_a_package_index_or_a_folder_of_this_machine() -> None:
    found = []
    for name in tracked():
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # model weights and recorded bytes
        found += [f"{name}: {match.group()}" for match in FOREIGN.finditer(text)]
    assert found == []


@pytest.mark.parametrize("lock", sorted(path.name for path in ROOT.glob("requirements*.lock")))
def test_a_lock_holds_pins_and_hashes_and_nothing_else(lock: str) -> None:
    pin = re.compile(r"^[a-z0-9-]+==[\w.+!]+( ; .+)? \\$")
    digest = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not pin.match(line) and not digest.match(line)] == []


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    # a backend has a lock of its own: a Python without its wheel goes without it
    own = {name: f"requirements-{name}.lock" for name in extras(project)}
    locks = {"": "requirements.lock"} | {
        n: lock if (ROOT / lock).exists() else "requirements.lock" for n, lock in own.items()
    }
    core = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    for name, wanted in {"": core, **extras(project)}.items():
        locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / locks[name]).read_text(encoding="utf-8"), re.MULTILINE))
        assert {distribution(line) for line in wanted} - locked == set(), locks[name]


def extras(project: dict) -> dict[str, list[str]]:
    return project["project"]["optional-dependencies"]


def distribution(requirement: str) -> str:
    """The normalised name that a requirement begins with."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement).group()).lower()


def test_every_dependency_says_why_it_is_there() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)
    required = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    required += [line for lines in extras(project).values() for line in lines]
    for requirement in required:
        (line,) = (line for line in text.splitlines() if f'"{requirement}"' in line)
        assert re.search(r"  # \S+ \S+", line), line
