"""Driver names → the twin that such a driver talks to."""

from .fnirsi import FNB58
from .instrument import FAULTS, Twin
from .km003c import KM003C
from .n6705c import N6705C
from .serial_relay import SerialRelay
from .shelly import Shelly
from .snmp import SnmpPdu
from .tasmota import Tasmota
from .tc66c import TC66C
from .um25c import UM24C, UM25C, UM34C
from .wt310e import WT310E

TWINS: dict[str, type[Twin]] = {
    "fnb58": FNB58,
    "km003c": KM003C,
    "n6705c": N6705C,
    "scpi-output": N6705C,
    "serial-relay": SerialRelay,
    "shelly": Shelly,
    "snmp-pdu": SnmpPdu,
    "tasmota": Tasmota,
    "tc66c": TC66C,
    "um24c": UM24C,
    "um25c": UM25C,
    "um34c": UM34C,
    "wt310e": WT310E,
}
"""For meters and switches alike. An N6705C is both; each entry of an inventory gets a server of its own.

No twin of ``command``, ``pdudaemon`` and ``uhubctl``: they are programs, not devices."""

__all__ = ["FAULTS", "TWINS", "Twin"]
