"""The little HTTP that relay twins speak: GET in, text or JSON out, one request a connection."""

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

Query = dict[str, str]
"""The last value of each key."""

_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}
_HEAD_END = b"\r\n\r\n"


def cut_heads(arrived: bytearray) -> list[bytes]:
    """Cut where a request's head ends; a GET has no body."""
    *heads, rest = bytes(arrived).split(_HEAD_END)
    arrived[:] = rest
    return heads


def asked(request: bytes) -> tuple[str | None, Query]:
    """Return path and query of a request; no path when it is none."""
    found = re.match(rb"(GET|POST) (\S+) HTTP/1\.[01]\r\n", request + b"\r\n")
    if found is None:
        return None, {}
    url = urlsplit(found[2].decode("latin-1"))
    return url.path, {key: values[-1] for key, values in parse_qs(url.query).items()}


def reply(status: int, body: dict[str, Any] | str) -> bytes:
    """Return a whole answer."""
    kind, text = ("text/plain", body) if isinstance(body, str) else ("application/json", json.dumps(body))
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nServer: Mongoose/6.18\r\nConnection: close\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(text.encode())}\r\n\r\n"
    )
    return (head + text).encode()
