"""GET for the relays of the lab: no proxy, a deadline, and every failure an OSError without the query in it."""

import re
from collections.abc import Callable
from http.client import HTTPException
from typing import Annotated
from urllib.error import HTTPError
from urllib.request import OpenerDirector, ProxyHandler, build_opener

from pydantic import AfterValidator

from ..errors import SwitchOffline

Get = Callable[[str], bytes]
"""A path with its query in, the answer's body out; OSError when there is none."""

_URL = re.compile(r"https?://[^/@\s]+(/[^?#\s]*)?")


def _is_url(text: str) -> str:
    if not _URL.fullmatch(text):
        raise ValueError("not an address; write http:// and the host, no user, no password, no query")
    return text


Url = Annotated[str, AfterValidator(_is_url)]
"""An address under which a relay answers."""

NOT_THERE_HINT = "does the relay have power and its network, and is the url its address?"

_TIMEOUT_S = 3.0
"""Assumed; a relay on a busy wireless network answers within a second."""
_MOST_BYTES = 65536


class HttpRefused(OSError):
    """The relay answered, and not with success."""

    def __init__(self, status: int, body: bytes) -> None:
        """Quote the first line of what it said."""
        self.status = status
        said = body.decode("utf-8", "replace").strip().partition("\n")[0][:120]
        super().__init__(f"HTTP {status}" + f": {said}" * bool(said))


def getter(url: str) -> Get:
    """Return a function that fetches a path under ``url``, never through a proxy: the relay is in the lab."""
    opener: OpenerDirector = build_opener(ProxyHandler({}))

    def get(path: str) -> bytes:
        try:
            with opener.open(url.rstrip("/") + path, timeout=_TIMEOUT_S) as answer:
                return answer.read(_MOST_BYTES)
        except HTTPError as error:
            with error:
                raise HttpRefused(error.code, error.read(_MOST_BYTES)) from None
        except OSError:
            raise
        except HTTPException as error:  # an answer that is no HTTP
            raise OSError(f"what answers speaks no HTTP ({type(error).__name__})") from None
        except ValueError:  # its text quotes the whole url, and a query may hold a password
            raise OSError(f"{url!r} is no http address") from None

    return get


def ask(name: str, get: Get, path: str) -> bytes:
    """Return the body that stands at a path, which errors print.

    Raises:
        SwitchOffline: no answer, or one that is no success.
    """
    try:
        return get(path)
    except OSError as error:
        raise SwitchOffline(name, f"{path}: {error}", hint=NOT_THERE_HINT) from error
