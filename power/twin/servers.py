"""Driver names → the twin that such a driver talks to."""

from . import bench, multimeter
from .fnirsi import FNB58
from .instrument import FAULTS, Twin
from .km003c import KM003C
from .korad import KA3005P
from .lpm01a import LPM01A
from .n6705c import N6705C
from .otii import Otii
from .ppk2 import PPK2
from .serial_relay import SerialRelay
from .shelly import Shelly
from .snmp import SnmpPdu
from .tasmota import Tasmota
from .tc66c import TC66C
from .um25c import UM24C, UM25C, UM34C
from .wt310e import WT310E, WT330

TWINS: dict[str, type[Twin]] = {
    "2281s": multimeter.Keithley2281S,
    "34465a": multimeter.Keysight34465A,
    "dmm6500": multimeter.DMM6500,
    "dmm7510": multimeter.DMM7510,
    "dp832": bench.DP832,
    "fnb58": FNB58,
    "hmp4040": bench.HMP4040,
    "ka3005p": KA3005P,
    "km003c": KM003C,
    "lpm01a": LPM01A,
    "n6705c": N6705C,
    "nge100": bench.NGE100,
    "ngl": bench.NGL,
    "otii": Otii,
    "ppk2": PPK2,
    "scpi": bench.GENERIC,
    "scpi-output": N6705C,
    "serial-relay": SerialRelay,
    "shelly": Shelly,
    "snmp-pdu": SnmpPdu,
    "spd1000x": bench.SPD1000X,
    "spd3303x": bench.SPD3303X,
    "tasmota": Tasmota,
    "tc66c": TC66C,
    "um24c": UM24C,
    "um25c": UM25C,
    "um34c": UM34C,
    "wt310e": WT310E,
    "wt330": WT330,
}
"""For meters and switches alike. An N6705C is both; each entry of an inventory gets a server of its own.

No twin of what is a program, a file of the kernel or a maker's library, not a device."""

__all__ = ["FAULTS", "TWINS", "Twin"]
