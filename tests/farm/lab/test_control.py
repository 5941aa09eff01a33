import socket
from dataclasses import replace

import pytest

from farm.lab.control import ControlServer, NoAnswer, Refused


def answer(request):
    match request.pop("op"):
        case "add":
            return request["a"] + request["b"]
        case op:
            raise ValueError(f"no {op}")


@pytest.fixture
def door():
    server = ControlServer("token", answer)
    yield server.door
    server.close()


def test_a_request_is_answered(door):
    assert door.ask("add", a=1, b=2) == 3


def test_a_wrong_request_is_refused_in_words(door):
    with pytest.raises(Refused, match="no divide"):
        door.ask("divide")


def test_nobody_gets_in_without_the_token(door):
    with pytest.raises(NoAnswer):
        replace(door, token="guess").ask("add", a=1, b=2)


@pytest.mark.parametrize("line", [b"\n", b"{}\n", b"[]\n", b"\xff\n", b'{"token": 1}\n', b"null\n"])
def test_garbage_gets_no_word_and_harms_nobody(door, line):
    with socket.create_connection(("127.0.0.1", door.port)) as link:
        link.sendall(line)
        assert link.recv(100) == b""
    assert door.ask("add", a=1, b=2) == 3


def test_a_door_that_is_closed_is_no_answer(door):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(NoAnswer, match="refused"):
        replace(door, port=port).ask("add")
