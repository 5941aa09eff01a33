"""Questions to one SNMP agent: integers, read and set. asyncio stays inside, on a thread of its own."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ..errors import SwitchOffline

# pysnmp's names for the protocols of RFC 3414, 3826 and 7860
AUTH = {"md5": "usmHMACMD5AuthProtocol", "sha": "usmHMACSHAAuthProtocol", "sha256": "usmHMAC192SHA256AuthProtocol"}
PRIVACY = {"des": "usmDESPrivProtocol", "aes": "usmAesCfb128Protocol", "aes256": "usmAesBlumenthalCfb256Protocol"}

_SLACK_S = 5.0
"""Beyond all retries, for version 3's discovery and a busy machine: an asyncio loop that hangs is found out."""
_SILENT_HINT = "does the PDU have its network, and is SNMP switched on there? To a wrong community it is silent too"
_REFUSED_HINT = "look at the PDU's SNMP settings: user, passphrases, protocols, and write access for this address"


@dataclass(frozen=True, slots=True)
class Access:
    """Who asks whom, and how."""

    host: str
    port: int
    version: str
    """``1``, ``2c`` or ``3``."""
    community: str
    user: str = ""
    auth: str = ""
    auth_protocol: str = "sha"
    privacy: str = ""
    privacy_protocol: str = "aes"
    timeout_s: float = 1.0
    """For each of the tries."""
    retries: int = 2

    @property
    def patience_s(self) -> float:
        """How long all the tries take."""
        return self.timeout_s * (self.retries + 1)


class SnmpAgent:
    """One agent. Blocking; safe to use from several threads, one question at a time."""

    def __init__(self, name: str, access: Access) -> None:
        """Take the address; nothing is sent yet. ``name`` is what errors begin with."""
        self.name, self._access = name, access
        self._snmp: Any = import_module("pysnmp.hlapi.v3arch.asyncio")  # 0.2 s; half of its types are unknown
        self._engine = self._snmp.SnmpEngine()
        self._closed = self._garbage = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"snmp {name}")
        self._loop = asyncio.Runner()

    def get(self, oid: str) -> int:
        """Return an integer; SwitchOffline when there is no answer or none that is one."""
        return self._run(self._ask(oid, None))

    def set(self, oid: str, value: int) -> None:
        """Set an integer; SwitchOffline when there is no answer, or the agent refuses."""
        self._run(self._ask(oid, value))

    def close(self) -> None:
        """End the thread and close the socket. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._thread.submit(self._loop.run, self._end()).result()
        self._thread.submit(self._loop.close).result()
        self._thread.shutdown()

    def _run(self, question: Coroutine[Any, Any, int]) -> int:
        patience_s = self._access.patience_s + _SLACK_S
        if self._closed:  # from another thread, when a lease is lost
            question.close()
            raise SwitchOffline(self.name, "its link has been closed", hint=_SILENT_HINT)
        answer = self._thread.submit(self._loop.run, asyncio.wait_for(question, patience_s))
        try:
            return answer.result()
        except TimeoutError:
            raise SwitchOffline(self.name, f"no answer within {patience_s:g} s", hint=_SILENT_HINT) from None

    async def _end(self) -> None:
        self._engine.close_dispatcher()

    async def _ask(self, oid: str, value: int | None) -> int:
        from pysnmp.error import PySnmpError

        self._garbage = False
        asyncio.get_running_loop().set_exception_handler(self._not_decoded)
        snmp, access = self._snmp, self._access
        address, retries = (access.host, access.port), access.retries
        try:
            target = await snmp.UdpTransportTarget.create(address, timeout=access.timeout_s, retries=retries)
            identity = snmp.ObjectIdentity(oid)
            what = snmp.ObjectType(identity) if value is None else snmp.ObjectType(identity, snmp.Integer32(value))
            ask = snmp.get_cmd if value is None else snmp.set_cmd
            said: tuple[Any, ...] = await ask(self._engine, self._who(), target, snmp.ContextData(), what)
        except (PySnmpError, OSError) as error:
            raise SwitchOffline(self.name, f"{access.host}:{access.port}: {error}", hint=_SILENT_HINT) from error
        return self._read(oid, *said)

    def _not_decoded(self, _loop: asyncio.AbstractEventLoop, _context: dict[str, Any]) -> None:
        """Note that something came that is no SNMP: pysnmp stumbles over it, and asyncio would print how."""
        self._garbage = True

    def _who(self) -> Any:  # noqa: ANN401 -- CommunityData or UsmUserData
        snmp, access = self._snmp, self._access
        if access.version != "3":
            return snmp.CommunityData(access.community, mpModel=0 if access.version == "1" else 1)
        return snmp.UsmUserData(
            access.user,
            authKey=access.auth or None,
            privKey=access.privacy or None,
            authProtocol=getattr(snmp, AUTH[access.auth_protocol]) if access.auth else None,
            privProtocol=getattr(snmp, PRIVACY[access.privacy_protocol]) if access.privacy else None,
        )

    def _read(self, oid: str, failed: Any, status: Any, _index: Any, bindings: Any) -> int:  # noqa: ANN401
        if failed:
            silent = "No SNMP response" in str(failed)
            what = f"no answer within {self._access.patience_s:g} s" if silent else str(failed)
            what += ", only bytes that are no SNMP" * self._garbage
            raise SwitchOffline(self.name, f"{oid}: {what}", hint=_SILENT_HINT if silent else _REFUSED_HINT)
        if int(status):
            raise SwitchOffline(self.name, f"{oid}: refused: {status.prettyPrint()}", hint=_REFUSED_HINT)
        value = bindings[0][1]
        try:
            return int(value)
        except (TypeError, ValueError):  # noSuchInstance and its like, or a text
            hint = "has the PDU this outlet, and is it the family that `mib:` says?"
            raise SwitchOffline(self.name, f"{oid}: {value.prettyPrint() or 'empty'}", hint=hint) from None
