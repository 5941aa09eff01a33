"""``farm tui`` as it is started: on a terminal, without one, in a browser."""

import asyncio
import contextlib
import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import pytest

from farm.cli import main as frame
from farm.cli import tui

LAB = """
lab: bench
boards:
  tx2-01:
    model: jetson-tx2
    console: {port: /dev/nowhere}
    ssh: {host: 127.0.0.1, port: 1, user: nvidia}
"""
FARM = [sys.executable, "-c", "import sys; from farm.cli.main import main; sys.exit(main())"]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    (tmp_path / "inventory.yaml").write_text(LAB)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_help_and_the_screen_agree_on_the_seconds_between_looks():
    from farm.tui.app import EVERY_S

    assert tui._EVERY_S == EVERY_S


def test_without_a_terminal_it_says_what_to_use_instead(folder, capsys):
    assert frame.main(["tui"]) == 2
    assert "this is no terminal" in capsys.readouterr().err


def test_a_wrong_inventory_is_told_before_anything_is_drawn(folder, capsys):
    assert frame.main(["tui", "--inventory", "nowhere.yaml"]) == 2
    assert "nowhere.yaml" in capsys.readouterr().err


def test_a_missing_extra_is_a_usage_error_that_names_the_remedy(folder, capsys, monkeypatch):
    monkeypatch.setattr(tui, "find_spec", lambda _: None)
    assert frame.main(["tui"]) == 2
    assert "pip install 'edge-test-farm[tui]'" in capsys.readouterr().err


@pytest.mark.parametrize("every", ["0", "-1", "x", "nan"])
def test_boards_are_not_kept_busy_by_being_looked_at(folder, every):
    with pytest.raises(SystemExit) as seen:
        frame.main(["tui", "--every", every])
    assert seen.value.code == 2


@contextlib.contextmanager
def on_a_terminal(folder: Path):
    """Start it on a pseudo-terminal; yields the process and ``until(text)``."""
    master, slave = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
    with subprocess.Popen([*FARM, "tui"], cwd=folder, stdin=slave, stdout=slave, stderr=slave, env=env) as process:
        os.close(slave)
        seen = bytearray()

        def until(text: str) -> None:
            deadline_s = time.monotonic() + 150
            while text.encode() not in seen:
                assert time.monotonic() < deadline_s, f"{text!r} not in {bytes(seen[-500:])!r}"
                if select.select([master], [], [], 0.1)[0]:
                    with contextlib.suppress(OSError):  # it has ended
                        seen.extend(os.read(master, 65536))

        try:
            yield process, lambda data: os.write(master, data), until
        finally:
            if process.poll() is None:
                process.kill()
            os.close(master)


def test_on_a_terminal_it_shows_the_boards_and_q_leaves_with_0(folder):
    with on_a_terminal(folder) as (process, press, until):
        until("tx2-01")
        until("fault")
        press(b"q")
        until("\x1b[?1049l")  # the terminal is given back
        assert process.wait(60) == 0


def test_being_told_to_end_gives_the_terminal_back_and_is_an_interruption(folder):
    with on_a_terminal(folder) as (process, _, until):
        until("tx2-01")
        process.send_signal(signal.SIGTERM)
        until("\x1b[?1049l")
        assert process.wait(60) == 130


def test_a_terminal_that_is_lost_ends_it(folder):
    master, slave = pty.openpty()
    with subprocess.Popen([*FARM, "tui"], cwd=folder, stdin=slave, stdout=slave, stderr=slave) as process:
        os.close(slave)
        seen, deadline_s = b"", time.monotonic() + 150
        while b"tx2-01" not in seen and time.monotonic() < deadline_s:
            if select.select([master], [], [], 0.1)[0]:
                seen += os.read(master, 65536)
        os.close(master)
        process.send_signal(signal.SIGHUP)  # as the kernel does
        try:
            assert process.wait(60) == 130
        finally:
            process.kill()


def test_in_a_browser_the_boards_come_over_the_websocket(folder):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [*FARM, "tui", "--web", str(port), "--read-only"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            page, shown = asyncio.run(visit(port))
        finally:
            server.send_signal(signal.SIGTERM)
            assert server.wait(60) in (0, 130)
    assert "farm tui: bench" in page
    assert b"READ-ONLY" in shown


async def visit(port: int) -> tuple[str, bytes]:
    """Open the page and its websocket; return the page, and what came until the boards were there."""
    async with aiohttp.ClientSession() as session:
        deadline_s = time.monotonic() + 150
        while True:
            try:
                async with session.get(f"http://127.0.0.1:{port}/") as answer:
                    page = await answer.text()
                    break
            except aiohttp.ClientConnectorError:
                assert time.monotonic() < deadline_s
                await asyncio.sleep(0.1)
        shown = b""
        async with session.ws_connect(f"http://127.0.0.1:{port}/ws?width=100&height=30") as link:
            await link.send_str(json.dumps(["resize", {"width": 100, "height": 30}]))
            while b"READ-ONLY" not in shown or b"tx2-01" not in shown:
                message = await link.receive(timeout=150)
                shown += message.data if isinstance(message.data, bytes) else b""
    return page, shown
