"""Graphs that a compiler made for one chip: what their names and first bytes tell, which is little.

None of these formats is documented. Of NCSDK's first version, its own loader (``mvnc_api.c``) reads a version and how
many stages there are, and that is all that is read here.
"""

from pathlib import PurePosixPath

_VERSION_AT, _VERSION = 36, 2
_STAGES_AT = 240
_HEADER_BYTES, _STAGE_BYTES = 264, 227

NCSDK = ".graph"


def told(name: str, data: bytes) -> str:
    """Return what is known of a compiled graph, as a phrase; empty for a file that is none by its name."""
    match PurePosixPath(name).suffix:
        case ".graph":
            stages = _stages(data)
            known = "with a header that is not known here" if stages is None else f"of {stages} stages"
            return f"a graph {known}, compiled with NCSDK for a Movidius stick; what is inside is not documented"
        case ".binaryproto":
            return "a graph compiled for the AIY Vision Bonnet; what is inside is not documented"
        case ".blob":
            return "a graph compiled with OpenVINO for a Myriad chip; what is inside is not documented"
        case _:
            return ""


def _stages(data: bytes) -> int | None:
    """Return how many stages the first NCSDK's graph has; None for any other file."""
    if len(data) < _HEADER_BYTES + _STAGE_BYTES or data[_VERSION_AT] != _VERSION:
        return None
    stages = int.from_bytes(data[_STAGES_AT : _STAGES_AT + 2], "little")
    return stages if 0 < stages <= (len(data) - _HEADER_BYTES) // _STAGE_BYTES else None
