"""Twin of a PDU with APC's PowerNet MIB: an SNMP agent for versions 1 and 2c.

Columns and values: PowerNet-MIB. The messages are taken apart and put together by pysnmp, as the tests against
net-snmp's agent show that they should be; whoever names no PDU needs no pysnmp.
"""

from importlib import import_module
from typing import Any

from .instrument import Twin
from .link import Link, UdpLink

_APC = (1, 3, 6, 1, 4, 1, 318, 1, 1)
_COLUMNS = {
    "spdu": ((*_APC, 4, 4, 2, 1, 3), (*_APC, 4, 4, 2, 1, 3)),
    "rpdu": ((*_APC, 12, 3, 3, 1, 1, 4), (*_APC, 12, 3, 5, 1, 1, 4)),
    "rpdu2": ((*_APC, 26, 9, 2, 4, 1, 5), (*_APC, 26, 9, 2, 3, 1, 5)),
}
"""Family → commands and states, the outlet's number behind."""
_ON, _OFF = 1, 2
_NO_SUCH_NAME, _BAD_VALUE = 2, 3
_WRONG_VALUE, _NOT_WRITABLE = 10, 17
"""Error status of version 1 (RFC 1157) and of version 2c (RFC 3416)."""


class SnmpPdu(Twin):
    """One outlet feeds the board; the PDU has no others. Where it has a community, it is silent to any other."""

    def power_up(self) -> None:
        """Nothing is kept here: the rail knows whether it is on."""
        self._api: Any = import_module("pysnmp.proto.api")
        self._ber: tuple[Any, Any] = (
            import_module("pyasn1.codec.ber.decoder"),
            import_module("pyasn1.codec.ber.encoder"),
        )
        family = str(self.options.get("mib", "rpdu"))
        outlet = int(self.options.get("outlet", 1))
        self._command, self._state = ((*column, outlet) for column in _COLUMNS[family])
        self._states = {True: 2, False: 1} if family == "rpdu2" else {True: 1, False: 2}
        community = self.options.get("community")
        self._community = None if community is None else str(community).encode()

    def open_link(self) -> tuple[Link, dict[str, str]]:
        """Listen on a free UDP port."""
        link = UdpLink(self.name, self.respond)
        return link, {"host": "127.0.0.1", "port": str(link.port)}

    def answer(self, request: bytes) -> bytes:
        """Answer one message; what is none of versions 1 and 2c gets nothing."""
        decoder, encoder = self._ber
        try:
            version = int(self._api.decodeMessageVersion(request))
            protocol = self._api.PROTOCOL_MODULES[version]
            message, _ = decoder.decode(request, asn1Spec=protocol.Message())
        except Exception:  # noqa: BLE001 -- whatever a stranger's datagram makes of a decoder
            return b""
        if self._community not in (None, bytes(protocol.apiMessage.get_community(message))):
            return b""
        asked = protocol.apiMessage.get_pdu(message)
        said = protocol.apiMessage.get_response(message)
        answered = protocol.apiMessage.get_pdu(said)
        setting = asked.isSameTypeWith(protocol.SetRequestPDU())
        bindings: list[Any] = []
        for place, (oid, value) in enumerate(protocol.apiPDU.get_varbinds(asked), start=1):
            known = tuple(oid) in (self._command, self._state)
            status = self._set(tuple(oid), value) if setting else 0
            if version == 0 and (status or not known):
                status = _BAD_VALUE if status == _WRONG_VALUE else _NO_SUCH_NAME
            if status:
                protocol.apiPDU.set_error_status(answered, status)
                protocol.apiPDU.set_error_index(answered, place)
            none = value if version == 0 else protocol.NoSuchInstance("")
            bindings.append((oid, protocol.Integer(self._told(tuple(oid))) if known else none))
        protocol.apiPDU.set_varbinds(answered, bindings)
        return bytes(encoder.encode(said))

    def _told(self, oid: tuple[int, ...]) -> int:
        """Both columns tell the state; a command's own values are 1 for on and 2 for off in every family."""
        if oid == self._state:
            return self._states[self.supply.on]
        return _ON if self.supply.on else _OFF

    def _set(self, oid: tuple[int, ...], value: Any) -> int:  # noqa: ANN401 -- an ASN.1 object
        """Run a command; return the error status, 0 when it is done."""
        if oid != self._command:
            return _NOT_WRITABLE
        wanted = int(value)
        if wanted not in (_ON, _OFF):
            return _WRONG_VALUE
        if self.set_power is not None:
            self.set_power(wanted == _ON)
        return 0
