"""Kinds of values in an inventory. Their messages end with the remedy, and never repeat a secret."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from devices.console_name import check_port

TWIN = "twin"
"""Stands in an address field of a twin's entry: filled in by ``farm lab up``."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+")
_HOST_KEY = re.compile(r"(ssh-|ecdsa-|sk-)[a-z0-9@.-]+ AAAA[A-Za-z0-9+/]+={0,2}( .*)?")


def is_reference(text: str) -> bool:
    """Return whether a text says where a secret is."""
    return _REFERENCE.fullmatch(text) is not None


def _is_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise PydanticCustomError("name", "not a name; use letters, digits, '.', '_' and '-', and begin with no sign")
    return text


def _is_secret(text: str) -> str:
    if text != TWIN and not is_reference(text):
        raise PydanticCustomError("secret", "a secret must not stand here; write env:NAME or file:PATH")
    return text


def _is_key_file(text: str) -> str:
    if text != TWIN and not text.startswith("file:"):
        raise PydanticCustomError("key", "a private key is named by its file; write file:PATH")
    return text


def _is_host_key(text: str) -> str:
    if not _HOST_KEY.fullmatch(text):
        raise PydanticCustomError("host_key", "not a host key; write it as in known_hosts: 'ssh-ed25519 AAAA…'")
    return text


def _is_console_port(text: str) -> str:
    if text != TWIN:
        try:
            check_port(text)
        except ValueError as error:
            raise PydanticCustomError("console_port", "{words}", {"words": str(error)}) from error
    return text


Text = Annotated[str, Field(min_length=1)]
Address = Annotated[str, Field(min_length=1)]
ConsolePort = Annotated[str, AfterValidator(_is_console_port)]
"""What :func:`devices.console_name.check_port` takes."""
Name = Annotated[str, AfterValidator(_is_name), Field(json_schema_extra={"pattern": f"^{_NAME.pattern}$"})]
Secret = Annotated[
    str, AfterValidator(_is_secret), Field(json_schema_extra={"pattern": f"^({TWIN}|{_REFERENCE.pattern})$"})
]
"""Where a secret is, never the secret."""
KeyFile = Annotated[str, AfterValidator(_is_key_file), Field(json_schema_extra={"pattern": f"^({TWIN}|file:.+)$"})]
HostKey = Annotated[str, AfterValidator(_is_host_key), Field(json_schema_extra={"pattern": f"^{_HOST_KEY.pattern}$"})]
