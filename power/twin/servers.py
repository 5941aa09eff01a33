"""Driver names → the twin that such a driver talks to."""

from .instrument import FAULTS, Twin
from .n6705c import N6705C
from .shelly import Shelly
from .tc66c import TC66C
from .um25c import UM25C
from .wt310e import WT310E

TWINS: dict[str, type[Twin]] = {
    "n6705c": N6705C,
    "scpi-output": N6705C,
    "shelly": Shelly,
    "tc66c": TC66C,
    "um25c": UM25C,
    "wt310e": WT310E,
}
"""For meters and switches alike. An N6705C is both; each entry of an inventory gets a server of its own."""

__all__ = ["FAULTS", "TWINS", "Twin"]
