"""docs/example-plugin: a board without SSH, without a console and without a shell, driven by a package of its own."""

import json
import os
import socketserver
import subprocess
import sys
import threading
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parents[2] / "docs" / "example-plugin"
LAB = """\
lab: desk
boards:
  phone-01:
    model: phone
    serial_number: F2LX0ABCDEFG
    shell:
      driver: phone-app
      options:
        port: {port}
"""


class App:
    """The app on the phone: says what it is told to say."""

    def __init__(self):
        said = {
            "true": {},
            "identity": {"serial_number": "F2LX0ABCDEFG", "boot_id": "boot-1", "os": "iOS 15.8"},
            "state": {"battery_celsius": 31.5, "throttled": False},
        }
        self.said, files = said, {}

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                request = json.loads(self.rfile.readline())
                match request["do"]:
                    case "put":
                        files[request["path"]] = request["base64"]
                        answer = {"ok": True}
                    case "get" if request["path"] in files:
                        answer = {"ok": True, "base64": files[request["path"]]}
                    case word if word in said:
                        answer = {"ok": True, **said[word]}
                    case word:
                        answer = {"ok": False, "why": f"no such request: {word}"}
                self.wfile.write(json.dumps(answer).encode() + b"\n")

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def app():
    app = App()
    yield app
    app.close()


@pytest.fixture
def installed(tmp_path):
    """The folder that stands on the path of a Python in which the plug-in is installed, as pip would leave it."""
    site = tmp_path / "site"
    about = site / "farm_phone-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: farm-phone\nVersion: 1.0\n")
    project = (PLUGIN / "pyproject.toml").read_text()
    groups = project.partition("[project.entry-points")[2].partition("[build-system]")[0]
    points = ("[project.entry-points" + groups).replace('[project.entry-points."', "[").replace('"]', "]")
    (about / "entry_points.txt").write_text(points.replace('"', ""))
    (site / "farm_phone").symlink_to(PLUGIN / "farm_phone")
    return site


@pytest.fixture
def farm(app, installed, tmp_path):
    (tmp_path / "inventory.yaml").write_text(LAB.format(port=app.port))

    def run(*words):
        start = "import sys; from farm.cli.main import main; sys.exit(main())"
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        path = os.pathsep.join([str(installed), *filter(None, [os.environ.get("PYTHONPATH")])])
        return subprocess.run(
            [sys.executable, "-c", start, *words],
            cwd=tmp_path,
            env=kept | {"PYTHONPATH": path, "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
            text=True,
            capture_output=True,
            timeout=100,
            check=False,
        )

    return run


def test_a_phone_is_looked_at_like_any_board(farm):
    seen = farm("health", "--json")
    assert seen.returncode == 0, seen.stderr
    (phone,) = json.loads(seen.stdout)
    assert (phone["serial_number"], phone["os"], phone["celsius"]) == ("F2LX0ABCDEFG", "iOS 15.8", {"battery": 31.5})


def test_another_phone_is_the_labs_fault(farm, app):
    app.said["identity"]["serial_number"] = "OTHER"
    seen = farm("health")
    assert (seen.returncode, "says its serial number is OTHER" in seen.stdout + seen.stderr) == (3, True)


def test_an_app_that_is_not_there_is_named_with_what_to_look_at(farm, app, tmp_path):
    gone = app.port
    (tmp_path / "inventory.yaml").write_text(LAB.format(port=1))
    seen = farm("health")
    assert seen.returncode == 3, gone
    assert "nothing listens on port 1" in seen.stdout + seen.stderr


def test_the_plug_in_stands_in_the_table_of_devices(farm):
    said = json.loads(farm("devices", "--json").stdout)
    assert said["boards"]["phone"]["from"] == "farm-phone"
    assert said["shells"]["phone-app"]["what"].startswith("What the app can be asked")


def test_its_options_are_checked_with_the_inventory(farm, tmp_path):
    (tmp_path / "inventory.yaml").write_text(LAB.format(port="many"))
    seen = farm("check")
    assert seen.returncode == 2
    assert "inventory.yaml:9: boards.phone-01.shell.options.port: wants a whole number, not text" in seen.stderr


def test_what_a_phone_cannot_do_is_refused(app, monkeypatch):
    monkeypatch.syspath_prepend(str(PLUGIN))
    from farm_phone.app import AppConfig, PhoneShell
    from farm_phone.phone import Phone

    from devices.errors import CommandFailed

    shell = PhoneShell.open("phone-01", AppConfig(port=app.port))
    for cannot in (lambda: shell.sudo("id"), lambda: shell.run("rm"), lambda: Phone("p", shell).reboot(timeout_s=1)):
        with pytest.raises(CommandFailed):
            cannot()
    shell.upload(b"\0weights", "model")
    assert shell.download("model") == b"\0weights"
