"""Outlets of PDUs with APC's PowerNet MIB, over SNMP 1, 2c or 3.

pysnmp and not net-snmp's programs: it takes no community and no passphrase on a command line, where every user of the
machine could read them; it starts no process for a question; and it comes with pip, for all three versions. Its asyncio
is confined to one thread (:mod:`power.pdu.snmp_agent`).

OIDs and values: PowerNet-MIB (enterprises 318), as several public programs use them. Two things differ by family: where
the state stands, and that 1 means on in the first two families' states but *off* in rPDU2's. Not yet tried on a PDU
here; held against net-snmp's own agent in ``tests/system``.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import ClassVar, Literal, Protocol, Self

from pydantic import BaseModel, Field, SecretStr, model_validator

from ..errors import SwitchOffline
from ..switch import SwitchConfig
from .base import AskedSwitch
from .snmp_agent import Access, SnmpAgent

if find_spec("pysnmp") is None:
    raise ImportError("pysnmp is not installed: pip install 'edge-test-farm[snmp]'")

_SHORTEST_PASSPHRASE = 8
"""RFC 3414, section 11.2."""
_APC = "1.3.6.1.4.1.318.1.1"


@dataclass(frozen=True, slots=True)
class Family:
    """Where a family of PDUs keeps an outlet's command and its state; the outlet's number comes behind."""

    command: str
    state: str
    states: dict[int, bool]
    """Any other value tells neither on nor off."""


ON, OFF = 1, 2
"""Commands of all three: immediateOn and immediateOff, or outletOn and outletOff."""

FAMILIES = {
    # sPDUOutletCtl, read and written: MasterSwitch, AP79xx with old firmware
    "spdu": Family(f"{_APC}.4.4.2.1.3", f"{_APC}.4.4.2.1.3", {1: True, 2: False}),
    # rPDUOutletControlOutletCommand, rPDUOutletStatusOutletState: AP79xx
    "rpdu": Family(f"{_APC}.12.3.3.1.1.4", f"{_APC}.12.3.5.1.1.4", {1: True, 2: False}),
    # rPDU2OutletSwitchedControlCommand, rPDU2OutletSwitchedStatusState: AP86xx, AP89xx
    "rpdu2": Family(f"{_APC}.26.9.2.4.1.5", f"{_APC}.26.9.2.3.1.5", {1: False, 2: True}),
}


def parse(value: int, family: Family) -> bool:
    """Return the state that a value means; ValueError when it means neither."""
    if value not in family.states:
        raise ValueError(f"{value} is neither on nor off")
    return family.states[value]


class Agent(Protocol):
    """What the driver needs of :class:`~power.pdu.snmp_agent.SnmpAgent`."""

    def get(self, oid: str) -> int:
        """Return an integer; SwitchOffline."""
        ...

    def set(self, oid: str, value: int) -> None:
        """Set an integer; SwitchOffline."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class SnmpPdu(AskedSwitch):
    """One outlet of a PDU with APC's MIB, over SNMP."""

    class Config(SwitchConfig):
        """Options in the inventory."""

        host: str = Field(min_length=1)
        port: int = Field(default=161, ge=1, le=65535)
        mib: Literal["spdu", "rpdu", "rpdu2"] = "rpdu"
        """The family; see the top of this module."""
        outlet: int = Field(ge=1, le=64)
        version: Literal["1", "2c", "3"] = "2c"
        community: SecretStr = SecretStr("private")
        """For versions 1 and 2c; the default is the one that the PDUs are shipped with."""
        user: str = ""
        """For version 3."""
        auth: SecretStr | None = None
        """Version 3's authentication passphrase; absent: none."""
        auth_protocol: Literal["md5", "sha", "sha256"] = "sha"
        privacy: SecretStr | None = None
        """Version 3's privacy passphrase; absent: not encrypted."""
        privacy_protocol: Literal["des", "aes", "aes256"] = "aes"
        timeout_s: float = Field(default=1.0, gt=0)
        """For each of three tries; assumed."""

        @model_validator(mode="after")
        def _version_3_is_whole(self) -> Self:
            if self.version == "3" and not self.user:
                raise ValueError("version 3 needs a user; add `user:`")
            if self.version != "3" and (self.user or self.auth is not None or self.privacy is not None):
                raise ValueError(f'version {self.version} knows no user, auth or privacy; add `version: "3"`')
            if self.privacy is not None and self.auth is None:
                raise ValueError("privacy needs authentication; add `auth:`")
            return self

    verified: ClassVar[tuple[str, ...]] = ("net-snmp's snmpd", "twin")
    confirm_within_s: ClassVar[float] = 5.0
    """Assumed: a PDU with many outlets on switches them one after the other."""
    disobeyed_hint: ClassVar[str] = "is the outlet locked, or does somebody else's delayed command wait on the PDU?"

    def __init__(self, name: str, agent: Agent, options: "SnmpPdu.Config") -> None:
        """Switch through an agent, which is closed with the switch."""
        super().__init__(name, options.min_off_s)
        self._agent, self._outlet = agent, options.outlet
        self._family = FAMILIES[options.mib]

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Ask for the outlet's state, which stays as it is.

        Raises:
            SwitchOffline: nothing answers there, no such outlet, or the community or user is wrong.
        """
        options = cls.Config.model_validate(config)
        switch = cls(name, SnmpAgent(name, _access(name, options)), options)
        try:
            switch.state()
        except BaseException:
            switch.close()
            raise
        return switch

    def state(self) -> bool:
        """Ask the PDU: True when on; SwitchOffline when it does not answer so that one could tell."""
        oid = f"{self._family.state}.{self._outlet}"
        value = self._agent.get(oid)
        try:
            return parse(value, self._family)
        except ValueError as error:
            raise SwitchOffline(self.name, f"{oid}: {error}", hint="is it the family that `mib:` says?") from error

    def send(self, on: bool) -> None:
        """Tell the PDU; SwitchOffline."""
        self._agent.set(f"{self._family.command}.{self._outlet}", ON if on else OFF)

    def close(self) -> None:
        """Close the link; the outlet's state stays. May be called twice."""
        self._agent.close()


def _access(name: str, options: "SnmpPdu.Config") -> Access:
    auth, privacy = (secret.get_secret_value() if secret else "" for secret in (options.auth, options.privacy))
    if any(0 < len(passphrase) < _SHORTEST_PASSPHRASE for passphrase in (auth, privacy)):
        what = f"a passphrase of SNMP version 3 has {_SHORTEST_PASSPHRASE} characters at least"
        raise SwitchOffline(name, what, hint="write the PDU's own into what `auth:` and `privacy:` name")
    return Access(
        options.host,
        options.port,
        options.version,
        options.community.get_secret_value(),
        options.user,
        auth,
        options.auth_protocol,
        privacy,
        options.privacy_protocol,
        options.timeout_s,
    )
